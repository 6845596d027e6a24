//! Content-defined chunking with the gear hash, cutting where the clients cut.

use lyceum_core::limits::MAX_CHUNK_BYTES;

/// Smallest chunk that the chunker cuts; only the last chunk of a file is smaller.
pub const MIN_CHUNK_BYTES: usize = 8 * 1024;

/// Cuts when the top 16 bits are zero, which makes chunks of 64 KiB on average.
const MASK: u64 = 0xffff << 48;
/// Bytes that influence the rolling hash.
const WINDOW_BYTES: usize = 64;
/// Bytes at the start of a chunk that cannot influence a cut and are not hashed.
const SKIPPED_BYTES: usize = MIN_CHUNK_BYTES - WINDOW_BYTES - 1;

/// Finds chunk boundaries in a byte stream that arrives in pieces; boundaries do not depend on the pieces.
#[derive(Debug, Clone, Default)]
pub struct Chunker {
    gear: gearhash::Hasher<'static>,
    /// Bytes of the current chunk seen so far; always below the maximum.
    length: usize,
}

impl Chunker {
    /// Returns a chunker at the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of bytes of `data` that complete the current chunk, or takes them all and returns `None`.
    ///
    /// After a boundary, call again with the rest of `data`. At the end of the file, the bytes since the last
    /// boundary are the last chunk.
    pub fn next_boundary(&mut self, data: &[u8]) -> Option<usize> {
        let end = data.len().min(MAX_CHUNK_BYTES - self.length);
        let mut at = SKIPPED_BYTES.saturating_sub(self.length).min(end);
        while at < end {
            let Some(hashed) = self.gear.next_match(&data[at..end], MASK) else {
                at = end;
                break;
            };
            at += hashed;
            if self.length + at >= MIN_CHUNK_BYTES {
                return Some(self.cut(at));
            }
        }
        if self.length + at == MAX_CHUNK_BYTES {
            return Some(self.cut(at));
        }
        self.length += at;
        None
    }

    /// Returns the length of the unfinished chunk: at the end of a file, of the last one.
    pub fn pending_bytes(&self) -> usize {
        self.length
    }

    fn cut(&mut self, at: usize) -> usize {
        self.gear.set_hash(0);
        self.length = 0;
        at
    }
}

#[cfg(test)]
mod tests;
