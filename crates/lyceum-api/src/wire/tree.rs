//! Files and folders of a revision.

use lyceum_hub::{CommitInfo, Entry, EntryKind, LfsEntry};
use serde::Serialize;

/// One file or folder.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryWire {
    r#type: &'static str,
    oid: String,
    size: u64,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lfs: Option<LfsWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xet_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_commit: Option<LastCommitWire>,
}

/// Here the digest is called `oid`; in repo info it is `sha256`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LfsWire {
    oid: String,
    size: u64,
    pointer_size: u64,
}

#[derive(Debug, Serialize)]
struct LastCommitWire {
    id: String,
    title: String,
    date: String,
}

impl From<Entry> for EntryWire {
    fn from(entry: Entry) -> Self {
        Self {
            r#type: match entry.kind {
                EntryKind::File => "file",
                EntryKind::Folder => "directory",
            },
            oid: entry.oid.to_string(),
            size: entry.size,
            path: entry.path,
            lfs: entry.lfs.map(LfsWire::from),
            xet_hash: entry.xet_hash.map(|hash| hash.to_string()),
            last_commit: entry.last_commit.map(LastCommitWire::from),
        }
    }
}

impl From<LfsEntry> for LfsWire {
    fn from(lfs: LfsEntry) -> Self {
        Self { oid: lfs.sha256.to_string(), size: lfs.size, pointer_size: lfs.pointer_size }
    }
}

impl From<CommitInfo> for LastCommitWire {
    fn from(commit: CommitInfo) -> Self {
        Self { id: commit.id.to_string(), title: commit.title, date: commit.date.to_string() }
    }
}
