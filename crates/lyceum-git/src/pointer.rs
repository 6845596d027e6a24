//! Git LFS pointer files.

use lyceum_core::Sha256;

use crate::limits::MAX_POINTER_BYTES;

const VERSION: &str = "https://git-lfs.github.com/spec/v1";
/// What the version line said before the project was renamed; Git LFS still reads it.
const OLD_VERSION: &str = "https://hawser.github.com/spec/v1";

/// What a large file's blob holds instead of its content (Git LFS specification, “The Pointer”).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pointer {
    /// The SHA-256 digest of the content.
    pub oid: Sha256,
    /// The size of the content in bytes.
    pub size: u64,
}

impl Pointer {
    /// Parses a pointer; `None` for anything that Git LFS would treat as ordinary content.
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() > MAX_POINTER_BYTES {
            return None;
        }
        let text = std::str::from_utf8(data).ok()?;
        let mut lines = text.trim().lines();
        let version = lines.next()?.strip_prefix("version ")?;
        if version != VERSION && version != OLD_VERSION {
            return None;
        }
        let mut line = lines.next()?;
        while line.starts_with("ext-") {
            line = lines.next()?;
        }
        let oid = line.strip_prefix("oid sha256:")?.parse().ok()?;
        let size = lines.next()?.strip_prefix("size ")?;
        if !size.bytes().all(|b| b.is_ascii_digit()) || lines.next().is_some() {
            return None;
        }
        Some(Self { oid, size: size.parse().ok()? })
    }

    /// Returns the pointer file's content.
    pub fn encode(&self) -> Vec<u8> {
        format!("version {VERSION}\noid sha256:{}\nsize {}\n", self.oid, self.size).into_bytes()
    }
}

#[cfg(test)]
mod tests;
