//! Compaction: several segments become one.

use std::path::Path;

use bytes::Bytes;

use super::{Segment, SegmentEntry, SegmentIndex, SegmentWriter};
use crate::{Error, Result};

/// Merges segments by copying their deflated entries; an object that several have is kept once.
pub fn merge_segments(parts: Vec<(SegmentIndex, Bytes)>, spool_dir: &Path) -> Result<Segment> {
    let mut merged = SegmentWriter::new(spool_dir);
    for (index, pack) in parts {
        let mut entries: Vec<&SegmentEntry> = index.iter().collect();
        // The order of the pack is kept: it puts what is read together close together.
        entries.sort_unstable_by_key(|entry| entry.offset);
        for entry in entries {
            let stored = stored(&pack, entry);
            let stored =
                stored.ok_or_else(|| Error::malformed("segment", "its index points outside of the pack"))?;
            merged.copy(entry, stored)?;
        }
    }
    merged.finish()
}

fn stored<'a>(pack: &'a [u8], entry: &SegmentEntry) -> Option<&'a [u8]> {
    let start = usize::try_from(entry.offset).ok()?;
    let length = usize::try_from(entry.stored_bytes).ok()?;
    pack.get(start..start.checked_add(length)?)
}
