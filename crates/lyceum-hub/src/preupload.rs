//! Deciding, before an upload, how each file travels.

use std::collections::HashMap;

use lyceum_core::limits::MAX_REGULAR_FILE_BYTES;
use lyceum_core::{RepoPath, Revision};
use lyceum_git::{Attributes, Ignore};

use crate::{EntryKind, Hub, Repo, Result};

/// Largest `.gitattributes` or `.gitignore` that is honoured.
const MAX_RULES_BYTES: usize = 256 * 1024;

/// A file that a client is about to upload.
#[derive(Debug, Clone)]
pub struct PreuploadFile {
    /// Where it will be.
    pub path: RepoPath,
    /// Its size in bytes.
    pub size: u64,
    /// Its first bytes, at most 512.
    pub sample: Vec<u8>,
}

/// How a file is to be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadMode {
    /// To the large-file store, by Xet or LFS.
    Lfs,
    /// Inside the commit.
    Regular,
}

/// The answer for one file, in the order asked.
#[derive(Debug, Clone)]
pub struct PreuploadAnswer {
    /// The path.
    pub path: RepoPath,
    /// How to upload it.
    pub mode: UploadMode,
    /// Whether ignore rules leave it out.
    pub ignored: bool,
    /// What is there now: sha256 of a large file, else git blob id, in hexadecimal.
    pub oid: Option<String>,
}

impl Hub {
    /// Decides for each file. Rules come from the revision's `.gitattributes` and `.gitignore`, and from `gitignore` as sent.
    pub async fn preupload(
        &self,
        repo: &Repo,
        revision: &Revision,
        files: Vec<PreuploadFile>,
        gitignore: Option<&str>,
    ) -> Result<Vec<PreuploadAnswer>> {
        let commit = self.resolve(repo, revision).await?;
        let attributes = self.small_file(repo, commit, ".gitattributes", MAX_RULES_BYTES).await?;
        let attributes = Attributes::parse(attributes.as_deref().unwrap_or_default());
        let ignore = match gitignore {
            Some(rules) => Ignore::parse(rules.as_bytes()),
            None => Ignore::parse(
                self.small_file(repo, commit, ".gitignore", MAX_RULES_BYTES)
                    .await?
                    .as_deref()
                    .unwrap_or_default(),
            ),
        };
        let paths: Vec<String> = files.iter().map(|file| file.path.as_str().to_owned()).collect();
        let present =
            self.paths_info(repo, &Revision::parse(&commit.to_string())?, &paths, false).await?.entries;
        let present: HashMap<_, _> = present.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
        let answer = |file: PreuploadFile| {
            let entry = present.get(file.path.as_str()).filter(|entry| entry.kind == EntryKind::File);
            PreuploadAnswer {
                mode: mode(&attributes, &file),
                ignored: ignore.ignored(file.path.as_str(), false),
                oid: entry.map(|entry| {
                    entry.lfs.map_or_else(|| entry.oid.to_string(), |lfs| lfs.sha256.to_string())
                }),
                path: file.path,
            }
        };
        Ok(files.into_iter().map(answer).collect())
    }
}

/// Decides by size, then by the repo's own rules, then by whether the first bytes are text.
fn mode(attributes: &Attributes, file: &PreuploadFile) -> UploadMode {
    if file.size == 0 {
        return UploadMode::Regular;
    }
    if file.size > MAX_REGULAR_FILE_BYTES {
        return UploadMode::Lfs;
    }
    match attributes.lfs(file.path.as_str()) {
        Some(true) => UploadMode::Lfs,
        Some(false) => UploadMode::Regular,
        None if binary(&file.sample) => UploadMode::Lfs,
        None => UploadMode::Regular,
    }
}

/// Reports whether a sample is not UTF-8 text; a character cut at its end is forgiven.
fn binary(sample: &[u8]) -> bool {
    let text = match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    !text || sample.contains(&0)
}

#[cfg(test)]
mod tests;
