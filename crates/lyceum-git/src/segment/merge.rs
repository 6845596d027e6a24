//! Compaction: several segments become one.

use super::{SegmentEntry, SegmentIndex, SegmentWriter};
use crate::{Error, Result};

impl SegmentWriter {
    /// Adds all objects of a segment by copying their deflated entries, except those that are there already.
    pub fn add_segment(&mut self, index: &SegmentIndex, pack: &[u8]) -> Result<()> {
        let mut entries: Vec<&SegmentEntry> = index.iter().collect();
        // The order of the pack is kept: it puts what is read together close together.
        entries.sort_unstable_by_key(|entry| entry.offset);
        for entry in entries {
            let stored = stored(pack, entry);
            let stored =
                stored.ok_or_else(|| Error::malformed("segment", "its index points outside of the pack"))?;
            self.copy(entry, stored)?;
        }
        Ok(())
    }
}

fn stored<'a>(pack: &'a [u8], entry: &SegmentEntry) -> Option<&'a [u8]> {
    let start = usize::try_from(entry.offset).ok()?;
    let length = usize::try_from(entry.stored_bytes).ok()?;
    pack.get(start..start.checked_add(length)?)
}
