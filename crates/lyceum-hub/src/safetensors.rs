//! Headers of safetensors files, whole or sharded.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use lyceum_core::{ByteRange, RepoPath, Revision};
use lyceum_trust::safetensors::{Header, header_length, parse_header};

use crate::{Error, ErrorKind, FileHandle, Hub, Repo, Result};

/// Most shards whose headers are read for one answer.
const MAX_SHARDS: usize = 1000;
/// Largest index of a sharded model.
const MAX_INDEX_BYTES: u64 = 32 << 20;

/// What the headers of a model's weights say.
#[derive(Debug, Clone)]
pub struct SafetensorsMetadata {
    /// `metadata` of the index file, for sharded weights.
    pub index: Option<serde_json::Value>,
    /// Header of each file.
    pub headers: BTreeMap<String, Header>,
}

impl Hub {
    /// Reads the headers of `file`, or of all shards if it is an index.
    pub async fn safetensors_metadata(&self, repo: &Repo, file: &RepoPath) -> Result<SafetensorsMetadata> {
        let revision = Revision::parse(&repo.record.default_branch)?;
        let handle = self.file(repo, &revision, file).await?;
        if !file.file_name().ends_with(".json") {
            let header = self.safetensors_header(&handle).await?;
            return Ok(SafetensorsMetadata {
                index: None,
                headers: BTreeMap::from([(file.as_str().to_owned(), header)]),
            });
        }
        let index = self.read_start(&handle, MAX_INDEX_BYTES).await?;
        let index: serde_json::Value =
            serde_json::from_slice(&index).map_err(|_| unreadable(file, "it is not JSON"))?;
        let mut headers = BTreeMap::new();
        for shard in
            shards(&index).ok_or_else(|| unreadable(file, "it has no `weight_map`, or too many shards"))?
        {
            let path = sibling(file, &shard)?;
            let handle = self.file(repo, &revision, &path).await?;
            headers.insert(shard, self.safetensors_header(&handle).await?);
        }
        Ok(SafetensorsMetadata { index: index.get("metadata").cloned(), headers })
    }

    /// Reads the header of one file: its first bytes only.
    pub(crate) async fn safetensors_header(&self, file: &FileHandle) -> Result<Header> {
        let path = &file.entry.path;
        let fail = |reason: &str| {
            Error::new(
                ErrorKind::Unprocessable,
                format!("cannot read the safetensors header of `{path}`: {reason}"),
            )
        };
        let length =
            header_length(&self.read_start(file, 8).await?).map_err(|error| fail(&error.to_string()))?;
        let header = self.read_start(file, 8 + length).await?;
        let json = header.get(8..).unwrap_or_default();
        parse_header(json, Some(file.entry.size)).map_err(|error| fail(&error.to_string()))
    }

    /// Reads the first `limit` bytes of a file, or all of a shorter one.
    pub(crate) async fn read_start(&self, file: &FileHandle, limit: u64) -> Result<Bytes> {
        let range = ByteRange::new(0, limit.min(file.entry.size));
        let read: BytesMut = self.read_stored(file, range).await?.try_collect().await?;
        Ok(read.freeze())
    }
}

/// Returns the distinct files of an index; `None` if it is not one or names too many.
pub(crate) fn shards(index: &serde_json::Value) -> Option<BTreeSet<String>> {
    let map = index.get("weight_map")?.as_object()?;
    let shards: BTreeSet<String> = map.values().filter_map(|file| file.as_str().map(str::to_owned)).collect();
    (shards.len() <= MAX_SHARDS).then_some(shards)
}

/// Returns the path of a file in the same folder.
pub(crate) fn sibling(file: &RepoPath, name: &str) -> Result<RepoPath> {
    let folder = file.as_str().rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    Ok(RepoPath::parse(&format!("{folder}{name}"))?)
}

fn unreadable(file: &RepoPath, reason: &str) -> Error {
    Error::new(ErrorKind::Unprocessable, format!("cannot read the safetensors index `{file}`: {reason}"))
}
