//! Deciding, before an upload, how each file travels.

use std::collections::HashMap;

use lyceum_core::limits::MAX_REGULAR_FILE_BYTES;
use lyceum_core::{Oid, RepoPath, Revision};
use lyceum_git::{Attributes, Ignore, Mode};

use crate::{EntryKind, Error, ErrorKind, Hub, Repo, Result};

/// Where rules about files are.
const ATTRIBUTES: &str = ".gitattributes";
/// Largest `.gitattributes` or `.gitignore` that is honoured.
const MAX_RULES_BYTES: usize = 256 * 1024;

/// Most bytes of such files in folders that are read for one question.
const MAX_NESTED_RULES_BYTES: usize = 4 * 1024 * 1024;
/// Most folders in which they are looked for.
const MAX_FOLDERS: usize = 4096;

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
    /// Decides for each file. Rules come from the revision's `.gitattributes`, those of the file's folders included, from its
    /// `.gitignore` at the root, and from `gitignore` as sent.
    pub async fn preupload(
        &self,
        repo: &Repo,
        revision: &Revision,
        files: Vec<PreuploadFile>,
        gitignore: Option<&str>,
    ) -> Result<Vec<PreuploadAnswer>> {
        let commit = self.resolve(repo, revision).await?;
        let attributes = self.small_file(repo, commit, ATTRIBUTES, MAX_RULES_BYTES).await?;
        let attributes = Attributes::parse(attributes.as_deref().unwrap_or_default());
        let nested = self.nested_attributes(repo, commit, &attributes, &files).await?;
        let lfs = |path: &str| {
            let below = path.rmatch_indices('/').find_map(|(end, _)| {
                nested.get(&path[..end]).and_then(|attributes| attributes.lfs(&path[end + 1..]))
            });
            below.or_else(|| attributes.lfs(path))
        };
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
                mode: mode(lfs(file.path.as_str()), &file),
                ignored: ignore.ignored(file.path.as_str(), false),
                oid: entry.map(|entry| {
                    entry.lfs.map_or_else(|| entry.oid.to_string(), |lfs| lfs.sha256.to_string())
                }),
                path: file.path,
            }
        };
        Ok(files.into_iter().map(answer).collect())
    }

    /// Reads the `.gitattributes` of the folders that lead to some files.
    async fn nested_attributes(
        &self,
        repo: &Repo,
        commit: Oid,
        root: &Attributes,
        files: &[PreuploadFile],
    ) -> Result<HashMap<String, Attributes>> {
        let too_large = |what: String| Err(Error::new(ErrorKind::TooLarge, what));
        let objects = self.objects(repo);
        let top = self.tree_of(repo, commit).await?;
        let (mut trees, mut rules, mut bytes) = (HashMap::<&str, Option<Oid>>::new(), HashMap::new(), 0);
        for file in files {
            let (path, mut tree) = (file.path.as_str(), top);
            for (end, _) in path.match_indices('/') {
                let folder = &path[..end];
                let found = match trees.get(folder) {
                    Some(known) => *known,
                    None => {
                        if trees.len() == MAX_FOLDERS {
                            return too_large(format!("the files are in more than {MAX_FOLDERS} folders"));
                        }
                        let name = RepoPath::parse(folder.rsplit('/').next().unwrap_or(folder))?;
                        let entry = lyceum_git::find(&objects, tree, &name).await.map_err(Error::internal)?;
                        let found = entry.filter(|entry| entry.mode == Mode::Folder).map(|entry| entry.oid);
                        let text = match found {
                            Some(tree) => self.small_file_in(repo, tree, ATTRIBUTES, MAX_RULES_BYTES).await?,
                            None => None,
                        };
                        if let Some(text) = text {
                            bytes += text.len();
                            if bytes > MAX_NESTED_RULES_BYTES {
                                return too_large(format!(
                                    "the `{ATTRIBUTES}` of the files' folders have more than {MAX_NESTED_RULES_BYTES} bytes"
                                ));
                            }
                            rules.insert(folder.to_owned(), root.nested(&text));
                        }
                        trees.insert(folder, found);
                        found
                    }
                };
                let Some(found) = found else {
                    break;
                };
                tree = found;
            }
        }
        Ok(rules)
    }
}

/// Decides by size, then by the repo's own rules, then by whether the first bytes are text.
fn mode(lfs: Option<bool>, file: &PreuploadFile) -> UploadMode {
    if file.size == 0 {
        return UploadMode::Regular;
    }
    if file.size > MAX_REGULAR_FILE_BYTES {
        return UploadMode::Lfs;
    }
    match lfs {
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
