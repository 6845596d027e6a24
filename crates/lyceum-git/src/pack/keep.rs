//! Turning what is new in a pack into a segment.

use std::path::Path;

use crate::limits::MAX_DELTA_CHAIN;
use crate::pack::received::{Base, ReceivedPack};
use crate::{Packed, Result, Segment, SegmentWriter};

impl ReceivedPack {
    /// Turns all of it into a segment.
    pub fn into_segment(mut self, spool_dir: &Path) -> Result<Segment> {
        let all = vec![true; self.len()];
        self.keep(&all, spool_dir)
    }

    /// Copies the entries that `wanted` marks into a segment, as they are where that is possible: a delta stays one if
    /// its base comes along and the chain is short enough.
    pub(crate) fn keep(&mut self, wanted: &[bool], spool_dir: &Path) -> Result<Segment> {
        let mut writer = SegmentWriter::new(spool_dir);
        let chains = self.chains(wanted);
        for index in (0..).take(self.len()) {
            let at = index as usize;
            let entry = *self.entry(index);
            // Of an object that comes twice only the entry with the shorter chain is taken, so that none goes round.
            let taken = wanted[at] && self.find(&entry.oid) == Some(index);
            let Some(kind) = entry.kind.filter(|_| taken) else {
                continue;
            };
            let base = match (entry.base, chains[at]) {
                (Base::Whole, _) => None,
                (Base::Entry(base), 1..) => Some(self.entry(base).oid),
                (Base::Entry(_) | Base::Id(_), _) => {
                    writer.add(kind, &self.content(index)?)?;
                    continue;
                }
            };
            let packed =
                Packed { kind, base, inflated_bytes: entry.inflated_bytes, deflated: self.deflated(index)? };
            writer.add_packed(entry.oid, entry.object_bytes, &packed)?;
        }
        writer.finish()
    }

    /// Returns how long the chain of deltas of each entry is to be in the segment.
    fn chains(&self, wanted: &[bool]) -> Vec<u8> {
        // Bases have shorter chains in the pack than what is made of them.
        let mut order: Vec<u32> = (0..).take(self.len()).filter(|index| wanted[*index as usize]).collect();
        order.sort_by_key(|index| self.entry(*index).depth);
        let mut chains = vec![0_u8; self.len()];
        for index in order {
            let base = match self.entry(index).base {
                Base::Whole | Base::Id(_) => None,
                Base::Entry(base) => self.find(&self.entry(base).oid),
            };
            if let Some(base) = base.filter(|base| wanted[*base as usize])
                && usize::from(chains[base as usize]) < MAX_DELTA_CHAIN
            {
                chains[index as usize] = chains[base as usize] + 1;
            }
        }
        chains
    }
}
