//! Segments: immutable packs with their index, the form in which objects are stored.

mod entry;
mod index;
mod merge;
mod writer;

use std::path::Path;

use tempfile::NamedTempFile;

pub use entry::Packed;
pub use index::{SegmentEntry, SegmentIndex};
pub use merge::merge_segments;
pub use writer::SegmentWriter;

/// A finished segment.
#[derive(Debug)]
pub struct Segment {
    /// Where each object lies.
    pub index: SegmentIndex,
    /// The pack.
    pub data: SegmentData,
}

/// A git pack (version 2; deltas name their base by id, which is in the same pack): header, entries, SHA-1 trailer.
#[derive(Debug)]
pub enum SegmentData {
    /// A pack small enough for a database row.
    Inline(Vec<u8>),
    /// A pack in a temporary file, which is deleted when this is dropped.
    Spooled {
        /// The file; it is complete, but not synced.
        file: NamedTempFile,
        /// Its length.
        bytes: u64,
    },
}

impl SegmentData {
    /// Returns the length of the pack in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Inline(data) => data.len() as u64,
            Self::Spooled { bytes, .. } => *bytes,
        }
    }

    /// Returns the path of a spooled pack.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Inline(_) => None,
            Self::Spooled { file, .. } => Some(file.path()),
        }
    }
}

#[cfg(test)]
mod tests;
