//! Where objects live: one folder per kind of object, fanned out by hash so that no folder grows large.

use crate::{Error, Result};
use lyceum_core::XetHash;
use lyceum_core::limits::MAX_PATH_BYTES;
use object_store::path::Path;
use std::fmt;

pub(crate) const XORBS: &str = "xorbs";
pub(crate) const SHARDS: &str = "shards";
const SEGMENTS: &str = "segments";
const UPLOADS: &str = "uploads";
const ATTACHMENTS: &str = "attachments";

/// The key of an object that is not named by its hash, such as a git segment or a part of an upload.
///
/// Its text can be stored and parsed again. It consists of letters, digits and `.`, `_`, `-`, in segments that do
/// not start with a dot, so that it is safe as a path on every back end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(Path);

impl BlobKey {
    /// Returns the key of a git segment; `name` may also be the full text of such a key.
    pub fn segment(name: &str) -> Result<Self> {
        Self::within(SEGMENTS, name)
    }

    /// Returns the key of a part of an unfinished upload; `name` may also be the full text of such a key.
    pub fn upload(name: &str) -> Result<Self> {
        Self::within(UPLOADS, name)
    }

    /// Returns the key of a file attached to a discussion; `name` may also be the full text of such a key.
    pub fn attachment(name: &str) -> Result<Self> {
        Self::within(ATTACHMENTS, name)
    }

    /// Parses the full text of a key.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once('/') {
            Some((area @ (SEGMENTS | UPLOADS | ATTACHMENTS), name)) => Self::within(area, name),
            _ => Err(invalid(text)),
        }
    }

    /// Returns the full text of the key.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn within(area: &str, name: &str) -> Result<Self> {
        let name = name.strip_prefix(area).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
        if name.len() > MAX_PATH_BYTES || !name.split('/').all(plain) {
            return Err(invalid(name));
        }
        let path = Path::parse(format!("{area}/{name}")).map_err(|error| invalid(name).caused_by(error))?;
        Ok(Self(path))
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns where a xorb lives.
pub(crate) fn xorb(hash: XetHash) -> Path {
    by_hash(XORBS, hash)
}

/// Returns where a shard lives.
pub(crate) fn shard(hash: XetHash) -> Path {
    by_hash(SHARDS, hash)
}

/// Returns the hash that names an object; `None` for a file that the store did not make.
pub(crate) fn hash_of(path: &Path) -> Option<XetHash> {
    path.filename()?.parse().ok()
}

fn by_hash(area: &str, hash: XetHash) -> Path {
    let hex = hash.to_string();
    Path::from_iter([area, &hex[..2], &hex[2..4], &hex])
}

fn plain(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=200).contains(&segment.len()) && !segment.starts_with('.') && segment.bytes().all(allowed)
}

fn invalid(key: &str) -> Error {
    let shown: String = key.chars().take(120).flat_map(char::escape_debug).collect();
    Error::invalid(format!("invalid blob key `{shown}`"))
}

#[cfg(test)]
mod tests;
