//! Cutting blocks of a file into hashed chunks.

use bytes::{Bytes, BytesMut};
use lyceum_core::XetHash;
use lyceum_xet::Chunker;
use lyceum_xet::hash::chunk_hash;

/// A chunk of the file; its bytes share memory with its neighbours.
pub(super) struct Chunk {
    pub(super) hash: XetHash,
    pub(super) data: Bytes,
}

/// Cuts a file that arrives in blocks; where it cuts does not depend on the blocks.
#[derive(Default)]
pub(super) struct Cutter {
    chunker: Chunker,
    /// The beginning of the next chunk.
    carry: Bytes,
}

impl Cutter {
    /// Takes the next frames and returns the chunks that they complete.
    pub(super) fn push(&mut self, frames: &[Bytes]) -> Vec<Chunk> {
        let length = frames.iter().map(Bytes::len).sum::<usize>();
        let mut block = BytesMut::with_capacity(self.carry.len() + length);
        block.extend_from_slice(&self.carry);
        frames.iter().for_each(|frame| block.extend_from_slice(frame));
        let block = block.freeze();

        let mut chunks = Vec::new();
        let (mut start, mut seen) = (0, self.carry.len());
        while let Some(length) = self.chunker.next_boundary(&block[seen..]) {
            seen += length;
            chunks.push(chunk(block.slice(start..seen)));
            start = seen;
        }
        self.carry = block.slice(start..);
        chunks
    }

    /// Returns the last chunk.
    pub(super) fn finish(self) -> Option<Chunk> {
        (!self.carry.is_empty()).then(|| chunk(self.carry))
    }
}

fn chunk(data: Bytes) -> Chunk {
    Chunk { hash: chunk_hash(&data), data }
}
