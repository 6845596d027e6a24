//! The index of a xorb's chunks, and its stored form: footer version 1 of the Xet specification.

use super::XorbError;
use crate::hash;
use lyceum_core::XetHash;
use lyceum_core::limits::{MAX_CHUNK_BYTES, MAX_XORB_BYTES, MAX_XORB_CHUNKS};
use std::ops::Range;

/// Longest encoded index.
pub const MAX_INDEX_BYTES: usize = FIXED_BYTES + MAX_XORB_CHUNKS * ENTRY_BYTES;

/// What is known of a validated xorb: its hash and, in order, its chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XorbIndex {
    /// Hash of the xorb.
    pub hash: XetHash,
    /// Its chunks; at least one.
    pub chunks: Vec<ChunkEntry>,
}

/// One chunk of a xorb. A chunk starts where the one before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkEntry {
    /// Hash of its uncompressed bytes.
    pub hash: XetHash,
    /// Offset in the xorb after this chunk, headers included.
    pub stored_end: u32,
    /// Offset in the uncompressed content after this chunk.
    pub raw_end: u32,
}

impl XorbIndex {
    /// Returns the footer that is stored behind the chunks, with the length that ends it.
    pub fn encode(&self) -> Vec<u8> {
        let count = (self.chunks.len() as u32).to_le_bytes();
        let mut out = Vec::with_capacity(encoded_bytes(self.chunks.len()));
        out.extend_from_slice(&IDENT);
        out.push(VERSION);
        out.extend_from_slice(self.hash.as_bytes());

        let hashes = out.len();
        out.extend_from_slice(&HASHES_IDENT);
        out.push(HASHES_VERSION);
        out.extend_from_slice(&count);
        self.chunks.iter().for_each(|chunk| out.extend_from_slice(chunk.hash.as_bytes()));

        let bounds = out.len();
        out.extend_from_slice(&BOUNDS_IDENT);
        out.push(BOUNDS_VERSION);
        out.extend_from_slice(&count);
        self.chunks.iter().for_each(|chunk| out.extend_from_slice(&chunk.stored_end.to_le_bytes()));
        self.chunks.iter().for_each(|chunk| out.extend_from_slice(&chunk.raw_end.to_le_bytes()));

        let length = out.len() + TAIL_BYTES;
        out.extend_from_slice(&count);
        out.extend_from_slice(&((length - hashes) as u32).to_le_bytes());
        out.extend_from_slice(&((length - bounds) as u32).to_le_bytes());
        out.extend_from_slice(&[0; RESERVED_BYTES]);
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out
    }

    /// Decodes exactly what [`Self::encode`] wrote, and checks the xorb's hash against its chunks.
    pub fn decode(encoded: &[u8]) -> Result<Self, XorbError> {
        let count = chunk_count(encoded.len()).ok_or(XorbError::Index("impossible length"))?;
        let mut input = Reader(encoded);
        input.expect(&IDENT, VERSION)?;
        let hash = XetHash(input.array()?);
        input.expect(&HASHES_IDENT, HASHES_VERSION)?;
        input.expect_number(count)?;
        let hashes = input.bytes(count * XetHash::BYTES)?;
        input.expect(&BOUNDS_IDENT, BOUNDS_VERSION)?;
        input.expect_number(count)?;
        let stored_ends = input.bytes(count * 4)?;
        let raw_ends = input.bytes(count * 4)?;
        input.expect_number(count)?;
        input.expect_number(encoded.len() - 4 - HASHES_START)?;
        input.expect_number(encoded.len() - 4 - HASHES_START - 12 - count * XetHash::BYTES)?;
        input.bytes(RESERVED_BYTES)?;
        input.expect_number(encoded.len() - 4)?;

        let hashes = hashes.as_chunks().0.iter();
        let ends = stored_ends.as_chunks().0.iter().zip(raw_ends.as_chunks().0);
        let chunks = hashes.zip(ends).map(|(hash, (stored_end, raw_end))| ChunkEntry {
            hash: XetHash(*hash),
            stored_end: u32::from_le_bytes(*stored_end),
            raw_end: u32::from_le_bytes(*raw_end),
        });
        let index = Self { hash, chunks: chunks.collect() };
        index.check()?;
        Ok(index)
    }

    /// Returns the number of bytes of the stored chunks, without the footer.
    pub fn stored_bytes(&self) -> u64 {
        self.chunks.last().map_or(0, |chunk| u64::from(chunk.stored_end))
    }

    /// Returns the number of uncompressed bytes.
    pub fn raw_bytes(&self) -> u64 {
        self.chunks.last().map_or(0, |chunk| u64::from(chunk.raw_end))
    }

    /// Returns the number of chunks.
    pub fn chunk_count(&self) -> u32 {
        self.chunks.len() as u32
    }

    /// Reports whether `chunks` is a range of at least one chunk of this xorb.
    pub fn contains(&self, chunks: &Range<u32>) -> bool {
        chunks.start < chunks.end && chunks.end <= self.chunk_count()
    }

    /// Returns where a range of chunks is stored.
    ///
    /// # Panics
    /// If the xorb does not contain the range, which [`Self::contains`] tells; so do the next three.
    pub fn stored_range(&self, chunks: Range<u32>) -> Range<u64> {
        let start = self.before(chunks.start).map_or(0, |chunk| chunk.stored_end);
        let end = self.before(chunks.end).map_or(0, |chunk| chunk.stored_end);
        u64::from(start)..u64::from(end)
    }

    /// Returns the uncompressed offset of a chunk in the xorb; of the end, for the number of chunks.
    pub fn raw_start(&self, chunk: u32) -> u64 {
        self.before(chunk).map_or(0, |chunk| u64::from(chunk.raw_end))
    }

    /// Returns the uncompressed length of a range of chunks.
    pub fn raw_len(&self, chunks: Range<u32>) -> u64 {
        self.raw_start(chunks.end) - self.raw_start(chunks.start)
    }

    /// Returns the hash that proves knowledge of a range of chunks.
    pub fn range_hash(&self, chunks: Range<u32>) -> XetHash {
        hash::range_hash(self.entries(chunks).iter().map(|chunk| chunk.hash))
    }

    /// Returns hash and uncompressed length of each chunk of a range.
    pub fn hashes(&self, chunks: Range<u32>) -> impl Iterator<Item = (XetHash, u64)> {
        let mut start = self.raw_start(chunks.start);
        self.entries(chunks).iter().map(move |chunk| {
            let length = u64::from(chunk.raw_end) - start;
            start = u64::from(chunk.raw_end);
            (chunk.hash, length)
        })
    }

    fn entries(&self, chunks: Range<u32>) -> &[ChunkEntry] {
        &self.chunks[chunks.start as usize..chunks.end as usize]
    }

    fn before(&self, chunk: u32) -> Option<&ChunkEntry> {
        chunk.checked_sub(1).map(|before| &self.chunks[before as usize])
    }

    /// Checks the invariants that validation established, which a damaged disk may have broken.
    fn check(&self) -> Result<(), XorbError> {
        let (mut stored, mut raw) = (0, 0);
        for chunk in &self.chunks {
            let stored_bytes = chunk.stored_end.checked_sub(stored).filter(|bytes| *bytes > 8);
            let raw_bytes = chunk.raw_end.checked_sub(raw);
            let raw_bytes = raw_bytes.filter(|bytes| (1..=MAX_CHUNK_BYTES as u32).contains(bytes));
            if stored_bytes.is_none() || raw_bytes.is_none() {
                return Err(XorbError::Index("the offsets do not ascend"));
            }
            (stored, raw) = (chunk.stored_end, chunk.raw_end);
        }
        if u64::from(stored) > MAX_XORB_BYTES + 8 * MAX_XORB_CHUNKS as u64 {
            return Err(XorbError::TooLarge);
        }
        if hash::tree_hash(self.hashes(0..self.chunk_count())) != Some(self.hash) {
            return Err(XorbError::Index("the chunks do not have the xorb's hash"));
        }
        Ok(())
    }
}

/// Length of the footer of a xorb of `count` chunks, with its trailing length.
fn encoded_bytes(count: usize) -> usize {
    FIXED_BYTES + count * ENTRY_BYTES
}

/// Number of chunks that a footer of this length indexes; `None` if none has this length.
pub(crate) fn chunk_count(encoded_bytes: usize) -> Option<usize> {
    let entries = encoded_bytes.checked_sub(FIXED_BYTES)?;
    let count = entries / ENTRY_BYTES;
    (entries.is_multiple_of(ENTRY_BYTES) && (1..=MAX_XORB_CHUNKS).contains(&count)).then_some(count)
}

/// Starts every footer; no chunk starts like this, because its first byte is not a known chunk version.
pub(crate) const IDENT: [u8; 7] = *b"XETBLOB";
pub(crate) const VERSION: u8 = 1;
const HASHES_IDENT: [u8; 7] = *b"XBLBHSH";
const HASHES_VERSION: u8 = 0;
const BOUNDS_IDENT: [u8; 7] = *b"XBLBBND";
const BOUNDS_VERSION: u8 = 1;
/// Room that other implementations use for a nonce.
const RESERVED_BYTES: usize = 16;
/// Number of chunks, two offsets, and the reserved bytes.
const TAIL_BYTES: usize = 12 + RESERVED_BYTES;
/// Offset of the section of hashes: behind ident, version and hash.
const HASHES_START: usize = 8 + XetHash::BYTES;
/// All but the entries, with the trailing length.
const FIXED_BYTES: usize = HASHES_START + 12 + 12 + TAIL_BYTES + 4;
/// Hash and two offsets.
const ENTRY_BYTES: usize = XetHash::BYTES + 8;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], XorbError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(XorbError::Index("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], XorbError> {
        Ok(self.bytes(N)?.try_into().expect("the slice has this length"))
    }

    fn expect(&mut self, ident: &[u8; 7], version: u8) -> Result<(), XorbError> {
        if self.bytes(7)? != ident || self.array()? != [version] {
            return Err(XorbError::Index("unknown section or version"));
        }
        Ok(())
    }

    fn expect_number(&mut self, expected: usize) -> Result<(), XorbError> {
        if u32::from_le_bytes(self.array()?) as usize != expected {
            return Err(XorbError::Index("a count or an offset is wrong"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
