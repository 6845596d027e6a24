//! Segments: immutable packs with their index, the form in which objects are stored.

pub(crate) mod entry;
mod index;
mod merge;
mod writer;

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use lyceum_core::Oid;
use tempfile::NamedTempFile;

use crate::limits::MAX_DELTA_CHAIN;
use crate::{Error, Object, Result};

pub use entry::{OFS_DELTA, Packed, REF_DELTA, take_distance, take_entry_header};
pub use index::{SegmentEntry, SegmentIndex};
pub use writer::SegmentWriter;
pub(crate) use writer::unfinished;

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

impl Segment {
    /// Reads an object; `None` if the segment lacks it. One reader at a time, please.
    pub fn read(&self, oid: &Oid) -> Result<Option<Object>> {
        let mut chain = Vec::new();
        let mut next = Some(*oid);
        while let Some(oid) = next {
            let Some(entry) = self.index.find(&oid).filter(|_| chain.len() <= MAX_DELTA_CHAIN) else {
                return match chain.len() {
                    0 => Ok(None),
                    _ => Err(Error::not_found(oid)),
                };
            };
            let packed = Packed::parse(self.data.read(&entry)?, &entry)?;
            next = packed.base;
            chain.push((oid, packed));
        }
        let mut object: Option<Object> = None;
        while let Some((oid, packed)) = chain.pop() {
            object = Some(packed.resolve(oid, object.as_ref().map(|base| &base.data[..]))?);
        }
        Ok(object)
    }
}

impl SegmentData {
    fn read(&self, entry: &SegmentEntry) -> Result<Bytes> {
        let length = usize::try_from(entry.stored_bytes).map_err(|_| Error::not_found(entry.oid))?;
        match self {
            Self::Inline(data) => {
                let stored =
                    usize::try_from(entry.offset).ok().and_then(|from| data.get(from..)?.get(..length));
                stored.map(Bytes::copy_from_slice).ok_or_else(|| Error::not_found(entry.oid))
            }
            Self::Spooled { file, .. } => {
                let mut stored = vec![0; length];
                let mut file = file.as_file();
                let read =
                    file.seek(SeekFrom::Start(entry.offset)).and_then(|_| file.read_exact(&mut stored));
                read.map_err(Error::spool)?;
                Ok(Bytes::from(stored))
            }
        }
    }

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
