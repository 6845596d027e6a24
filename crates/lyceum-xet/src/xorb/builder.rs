//! Xorbs made by the server, for content that did not come as xorbs.

use super::byte_grouping;
use super::chunk::{Header, Scheme, window};
use super::index::{ChunkEntry, XorbIndex};
use super::lz4;
use crate::hash;
use bytes::Bytes;
use lyceum_core::XetHash;
use lyceum_core::limits::{MAX_CHUNK_BYTES, MAX_XORB_BYTES, MAX_XORB_CHUNKS};

/// Packs chunks, each in the scheme that suits it; reusable for one xorb after the other.
pub struct XorbBuilder {
    target_bytes: usize,
    chunks: Vec<ChunkEntry>,
    data: Vec<u8>,
    raw_bytes: u32,
    compressor: Compressor,
}

impl XorbBuilder {
    /// Returns a builder of xorbs of about `target_bytes` uncompressed bytes.
    pub fn new(target_bytes: usize) -> Self {
        Self {
            target_bytes: target_bytes.min(MAX_XORB_BYTES as usize - MAX_CHUNK_BYTES),
            chunks: Vec::new(),
            data: Vec::new(),
            raw_bytes: 0,
            compressor: Compressor::default(),
        }
    }

    /// Appends a chunk, of which `hash` is the hash, and returns its position in the xorb.
    ///
    /// # Panics
    /// If the chunk is empty or longer than a chunk may be, or if the xorb is [`Self::full`].
    pub fn push(&mut self, raw: &[u8], hash: XetHash) -> u32 {
        assert!((1..=MAX_CHUNK_BYTES).contains(&raw.len()), "a chunk has 1 to {MAX_CHUNK_BYTES} bytes");
        assert!(!self.full(), "a full xorb is finished before the next chunk");
        debug_assert_eq!(hash, hash::chunk_hash(raw));
        if self.data.is_empty() {
            self.data.reserve(self.target_bytes + MAX_CHUNK_BYTES);
        }
        let (scheme, payload) = self.compressor.compress(raw);
        let header = Header { scheme, payload_length: payload.len() as u32, raw_length: raw.len() as u32 };
        self.data.extend_from_slice(&header.encode());
        self.data.extend_from_slice(payload);
        self.raw_bytes += header.raw_length;
        let stored_end = self.data.len() as u32;
        self.chunks.push(ChunkEntry { hash, stored_end, raw_end: self.raw_bytes });
        self.chunks.len() as u32 - 1
    }

    /// Reports whether the xorb should be finished before another chunk is pushed.
    pub fn full(&self) -> bool {
        self.raw_bytes as usize >= self.target_bytes.max(1) || self.chunks.len() == MAX_XORB_CHUNKS
    }

    /// Reports whether there is no chunk.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the number of chunks so far, which is the position of the next one.
    pub fn chunk_count(&self) -> u32 {
        self.chunks.len() as u32
    }

    /// Ends the xorb and starts the next; returns its index and its chunk data, without a footer.
    ///
    /// # Panics
    /// If there is no chunk.
    pub fn finish(&mut self) -> (XorbIndex, Bytes) {
        assert!(!self.is_empty(), "a xorb has at least one chunk");
        self.raw_bytes = 0;
        let mut index = XorbIndex { hash: hash::ZERO, chunks: std::mem::take(&mut self.chunks) };
        let root = hash::tree_hash(index.hashes(0..index.chunk_count()));
        index.hash = root.expect("a xorb has at least one chunk");
        (index, Bytes::from(std::mem::take(&mut self.data)))
    }
}

/// Chooses a scheme by trying: LZ4 is fast on what it cannot compress, byte grouping is tried on a sample first.
#[derive(Default)]
struct Compressor {
    plain: lz4::Encoder,
    grouped: lz4::Encoder,
    planes: Vec<u8>,
}

impl Compressor {
    fn compress<'a>(&'a mut self, raw: &'a [u8]) -> (Scheme, &'a [u8]) {
        let mut best = match self.plain.encode(raw) {
            Some(frame) => (Scheme::Lz4, frame),
            None => (Scheme::None, raw),
        };
        // What LZ4 alone compresses well is text or the like, where grouping only harms.
        if best.1.len() > raw.len() / 10 * 8 && promising(raw, &mut self.grouped, &mut self.planes) {
            let grouped = encode_grouped(raw, &mut self.grouped, &mut self.planes);
            if let Some(frame) = grouped.filter(|frame| frame.len() < best.1.len()) {
                best = (Scheme::ByteGrouping4Lz4, frame);
            }
        }
        best
    }
}

/// Reports whether byte grouping shortens a sample from the middle of the chunk.
fn promising(raw: &[u8], encoder: &mut lz4::Encoder, planes: &mut Vec<u8>) -> bool {
    if raw.len() <= 2 * SAMPLE_BYTES {
        return true;
    }
    let start = (raw.len() / 2) & !3;
    let sample = &raw[start..start + SAMPLE_BYTES];
    let frame = encode_grouped(sample, encoder, planes);
    frame.is_some_and(|frame| frame.len() < SAMPLE_BYTES - SAMPLE_BYTES / 32)
}

fn encode_grouped<'a>(raw: &[u8], encoder: &'a mut lz4::Encoder, planes: &mut Vec<u8>) -> Option<&'a [u8]> {
    let planes = window(planes, raw.len());
    byte_grouping::split(raw, planes);
    encoder.encode(planes)
}

/// Enough to show whether the bytes are an array of numbers, at an eighth of the cost of an average chunk.
const SAMPLE_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests;
