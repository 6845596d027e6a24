//! The large files of a repo.

use lyceum_core::limits::MAX_BATCH_FILES;
use lyceum_core::{RepoId, RepoKind, Sha256, XetHash};
use lyceum_hub::{ErrorKind, LfsFile};
use serde::{Deserialize, Serialize};

use super::repos::kind;
use crate::error::{ApiError, ApiResult};

/// One large file. `fileOid` is the id that deletion takes; here it is the digest as well.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LfsFileWire {
    file_oid: String,
    filename: String,
    oid: String,
    pushed_at: String,
    r#ref: String,
    size: u64,
    xet_hash: String,
}

impl From<LfsFile> for LfsFileWire {
    fn from(file: LfsFile) -> Self {
        Self {
            file_oid: file.sha256.to_string(),
            filename: file.file_name,
            oid: file.sha256.to_string(),
            pushed_at: file.pushed_at.to_string(),
            r#ref: file.ref_name,
            size: file.size,
            xet_hash: file.xet_hash.to_string(),
        }
    }
}

/// Body of `…/lfs-files/batch`.
#[derive(Debug, Deserialize)]
pub(crate) struct DeleteFilesWire {
    deletions: DeletionsWire,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletionsWire {
    sha: Vec<String>,
    #[serde(default)]
    rewrite_history: bool,
}

impl DeleteFilesWire {
    /// Returns the files and whether to rewrite history.
    pub(crate) fn parse(self) -> ApiResult<(Vec<Sha256>, bool)> {
        check_count(self.deletions.sha.len())?;
        let files = self.deletions.sha.iter().map(|sha| digest(sha)).collect::<ApiResult<_>>()?;
        Ok((files, self.deletions.rewrite_history))
    }
}

/// Body of `…/lfs-files/duplicate`.
#[derive(Debug, Deserialize)]
pub(crate) struct CopyFilesWire {
    target: TargetWire,
    files: Vec<CopyFileWire>,
}

#[derive(Debug, Deserialize)]
struct TargetWire {
    #[serde(default)]
    r#type: Option<String>,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CopyFileWire {
    xet_hash: String,
    sha256: String,
    filename: String,
}

/// A copy that was asked for.
pub(crate) struct CopyFiles {
    pub(crate) kind: RepoKind,
    pub(crate) target: RepoId,
    pub(crate) files: Vec<(Sha256, XetHash, String)>,
}

impl CopyFilesWire {
    /// Returns where to and what.
    pub(crate) fn parse(self) -> ApiResult<CopyFiles> {
        check_count(self.files.len())?;
        let parse = |file: CopyFileWire| {
            let xet_hash = file
                .xet_hash
                .parse()
                .map_err(|error| ApiError::invalid(format!("`xetHash` of `{}`: {error}", file.filename)))?;
            Ok((digest(&file.sha256)?, xet_hash, file.filename))
        };
        Ok(CopyFiles {
            kind: kind(self.target.r#type.as_deref())?,
            target: RepoId::parse(&self.target.name).map_err(|_| ApiError::repo_not_found())?,
            files: self.files.into_iter().map(parse).collect::<ApiResult<_>>()?,
        })
    }
}

/// Answer of `…/lfs-files/duplicate`.
#[derive(Debug, Serialize)]
pub(crate) struct CopiedWire {
    failed: Vec<CopyFailureWire>,
}

#[derive(Debug, Serialize)]
struct CopyFailureWire {
    sha256: String,
    error: String,
}

impl From<Vec<(Sha256, String)>> for CopiedWire {
    fn from(failed: Vec<(Sha256, String)>) -> Self {
        let wire = |(sha256, error): (Sha256, String)| CopyFailureWire { sha256: sha256.to_string(), error };
        Self { failed: failed.into_iter().map(wire).collect() }
    }
}

fn digest(sha256: &str) -> ApiResult<Sha256> {
    sha256.parse().map_err(|error| ApiError::invalid(format!("invalid sha256 `{sha256:.80}`: {error}")))
}

fn check_count(count: usize) -> ApiResult<()> {
    if count <= MAX_BATCH_FILES {
        return Ok(());
    }
    let message = format!("{count} files are more than the {MAX_BATCH_FILES} of one call");
    Err(ApiError::new(ErrorKind::TooLarge, message))
}
