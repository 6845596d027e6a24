//! Buckets, their files, batches and events.

use lyceum_core::{RepoId, RepoKind, Timestamp, XetHash};
use lyceum_hub::{
    BucketBatch, BucketChange, BucketEntry, BucketEvent, BucketFeed, BucketFile, BucketInfo, BucketOperation,
    Visibility,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::repos::visibility;
use crate::error::{ApiError, ApiResult};

/// The last millisecond of the year 9999, after which dates are no longer what clients read.
const MAX_MTIME: i64 = 253_402_300_799_999;

/// Body of a bucket's creation. Regions and groups of resources are not looked at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct CreateBucketWire {
    visibility: Option<String>,
    private: Option<bool>,
}

impl CreateBucketWire {
    /// Returns who may see it, if the client says.
    pub(crate) fn visibility(&self) -> ApiResult<Option<Visibility>> {
        visibility(self.visibility.as_deref(), self.private)
    }
}

/// A bucket.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BucketWire {
    id: String,
    author: String,
    private: bool,
    visibility: &'static str,
    created_at: String,
    updated_at: String,
    size: u64,
    total_files: u64,
}

impl From<&BucketInfo> for BucketWire {
    fn from(info: &BucketInfo) -> Self {
        Self {
            id: info.repo.id().to_string(),
            author: info.repo.id().namespace().to_string(),
            private: info.visibility == Visibility::Private,
            visibility: info.visibility.as_str(),
            created_at: info.created_at.to_string(),
            updated_at: info.updated_at.to_string(),
            size: info.bytes,
            total_files: info.files,
        }
    }
}

/// A file of a bucket.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileWire {
    r#type: &'static str,
    path: String,
    size: u64,
    xet_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime: Option<String>,
    uploaded_at: String,
}

impl From<BucketFile> for FileWire {
    fn from(file: BucketFile) -> Self {
        Self {
            r#type: "file",
            path: file.path,
            size: file.size,
            xet_hash: file.xet_hash.to_string(),
            mtime: file.mtime.map(|time| time.to_string()),
            uploaded_at: file.uploaded_at.to_string(),
        }
    }
}

/// A folder of a bucket.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FolderWire {
    r#type: &'static str,
    path: String,
    uploaded_at: String,
}

/// A file or folder of a bucket.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum EntryWire {
    File(FileWire),
    Folder(FolderWire),
}

impl From<BucketEntry> for EntryWire {
    fn from(entry: BucketEntry) -> Self {
        match entry {
            BucketEntry::File(file) => Self::File(file.into()),
            BucketEntry::Folder { path, uploaded_at } => {
                Self::Folder(FolderWire { r#type: "directory", path, uploaded_at: uploaded_at.to_string() })
            }
        }
    }
}

/// Body of `…/paths-info`.
#[derive(Debug, Deserialize)]
pub(crate) struct PathsWire {
    pub(crate) paths: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineWire {
    r#type: String,
    path: String,
    xet_hash: Option<String>,
    mtime: Option<i64>,
    source_repo_type: Option<String>,
    source_repo_id: Option<String>,
}

/// Parses a line of a batch.
pub(crate) fn parse_operation(number: usize, line: &[u8]) -> ApiResult<BucketOperation> {
    let wire: LineWire = serde_json::from_slice(line)
        .map_err(|error| ApiError::invalid(format!("line {number} is not an operation: {error}")))?;
    wire.parse().map_err(|reason| ApiError::invalid(format!("line {number}: {reason}")))
}

impl LineWire {
    fn parse(self) -> Result<BucketOperation, &'static str> {
        let Self { path, .. } = self;
        if self.r#type == "deleteFile" {
            return Ok(BucketOperation::Delete { path });
        }
        let hash = self.xet_hash.as_deref().and_then(|hash| hash.parse::<XetHash>().ok());
        let xet_hash = hash.ok_or("`xetHash` must be 64 hexadecimal digits")?;
        let mtime = match self.mtime {
            Some(time) if !(0..=MAX_MTIME).contains(&time) => {
                return Err("`mtime` must be milliseconds since 1970");
            }
            mtime => mtime.map(Timestamp),
        };
        match self.r#type.as_str() {
            "addFile" => Ok(BucketOperation::Add { path, xet_hash, mtime }),
            "copyFile" => {
                let kind = self.source_repo_type.as_deref().and_then(RepoKind::parse);
                let kind = kind.ok_or(
                    "`sourceRepoType` must be one of `model`, `dataset`, `space`, `kernel` and `bucket`",
                )?;
                let source = self.source_repo_id.as_deref().and_then(|id| RepoId::parse(id).ok());
                let source = source.ok_or("`sourceRepoId` must have the form `namespace/name`")?;
                Ok(BucketOperation::Copy { path, xet_hash, mtime, kind, source })
            }
            _ => Err("`type` must be one of `addFile`, `copyFile` and `deleteFile`"),
        }
    }
}

/// What became of a batch.
#[derive(Debug, Serialize)]
pub(crate) struct BatchWire {
    success: bool,
    processed: usize,
    succeeded: usize,
    failed: Vec<FailedWire>,
}

#[derive(Debug, Serialize)]
struct FailedWire {
    path: String,
    error: String,
}

impl From<BucketBatch> for BatchWire {
    fn from(batch: BucketBatch) -> Self {
        let failed: Vec<_> =
            batch.failed.into_iter().map(|(path, error)| FailedWire { path, error }).collect();
        let processed = batch.succeeded + failed.len();
        Self { success: failed.is_empty(), processed, succeeded: batch.succeeded, failed }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeWire {
    path: String,
    op: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xet_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uploaded_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime: Option<String>,
}

impl From<BucketEvent> for ChangeWire {
    fn from(event: BucketEvent) -> Self {
        let uploaded = event.change != BucketChange::Delete;
        Self {
            path: event.path,
            op: event.change.as_str(),
            size: event.size,
            xet_hash: event.xet_hash.map(|hash| hash.to_string()),
            uploaded_at: uploaded.then(|| event.at.to_string()),
            mtime: event.mtime.map(|time| time.to_string()),
        }
    }
}

/// Writes what a follower is told as a server-sent event; silence is a comment, which keeps the connection open.
pub(crate) fn event_text(feed: BucketFeed) -> String {
    let (name, data) = match feed {
        BucketFeed::Idle => return ": nothing new\n\n".to_owned(),
        BucketFeed::Ready { cursor } => ("ready", json!({ "cursor": cursor })),
        BucketFeed::Changes { cursor, changes } => {
            let changes: Vec<ChangeWire> = changes.into_iter().map(ChangeWire::from).collect();
            ("changes", json!({ "cursor": cursor, "changes": changes }))
        }
        BucketFeed::Reset => ("reset", json!({ "reason": "the changes since then are no longer known" })),
        BucketFeed::Reconnect { cursor } => ("reconnect", json!({ "cursor": cursor })),
    };
    format!("event: {name}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests;
