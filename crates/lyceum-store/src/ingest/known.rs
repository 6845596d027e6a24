//! Chunks that are stored already, or will be with this file: a bounded memory that forgets the oldest.

use lyceum_core::XetHash;
use std::collections::HashMap;

/// Where a chunk is: a xorb, by its number in the list of the [`Packer`](super::pack::Packer), and a position in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) xorb: u32,
    pub(super) chunk: u32,
}

/// Most chunks in each of two generations: together they cover about 8 GB of content and take about 8 MB.
const GENERATION_CHUNKS: usize = 64 * 1024;

/// The places of known chunks.
#[derive(Default)]
pub(super) struct Known {
    young: HashMap<XetHash, Place>,
    old: HashMap<XetHash, Place>,
}

impl Known {
    pub(super) fn get(&self, chunk: &XetHash) -> Option<Place> {
        self.young.get(chunk).or_else(|| self.old.get(chunk)).copied()
    }

    pub(super) fn insert(&mut self, chunk: XetHash, place: Place) {
        if self.young.len() >= GENERATION_CHUNKS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(chunk, place);
    }
}
