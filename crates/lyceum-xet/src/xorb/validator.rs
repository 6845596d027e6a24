//! Validation of an uploaded xorb while it streams in.

use super::chunk::{CHUNK_HEADER_BYTES, Header, MAX_PAYLOAD_BYTES};
use super::index::{self, ChunkEntry, MAX_INDEX_BYTES, XorbIndex};
use super::{ChunkError, XorbError};
use crate::hash;
use lyceum_core::XetHash;
use lyceum_core::limits::{MAX_XORB_BYTES, MAX_XORB_CHUNKS};

/// Checks a xorb that arrives in pieces, and indexes it.
///
/// Every chunk is decompressed and hashed. Memory is bounded by one chunk and the index; nothing is copied but the
/// chunks that span two pieces. A footer at the end is accepted, since some clients send one, but only its shape
/// is looked at: what the hub stores is [`XorbIndex::encode`] of its own findings.
#[derive(Default)]
pub struct XorbValidator {
    chunks: Vec<ChunkEntry>,
    data_bytes: u64,
    raw_bytes: u64,
    /// The beginning of a chunk, or of a footer, whose rest has not arrived yet.
    partial: Vec<u8>,
    scratch: Vec<u8>,
    footer: Option<Footer>,
}

impl XorbValidator {
    /// Returns a validator at the start of a xorb.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece; after an error the xorb is refused and the validator must be dropped.
    pub fn push(&mut self, mut data: &[u8]) -> Result<(), XorbError> {
        while !data.is_empty() {
            if let Some(footer) = &mut self.footer {
                return footer.push(data);
            }
            if self.partial.is_empty() {
                data = self.push_whole(data)?;
                self.partial.extend_from_slice(data);
                return Ok(());
            }
            data = self.fill_partial(data)?;
        }
        Ok(())
    }

    /// Ends the xorb, which must have the hash `expected`.
    pub fn finish(self, expected: XetHash) -> Result<XorbIndex, XorbError> {
        if let Some(footer) = &self.footer {
            footer.finish(self.chunks.len())?;
        } else if !self.partial.is_empty() {
            return Err(XorbError::Truncated { index: self.chunks.len() as u32 });
        }
        let index = XorbIndex { hash: expected, chunks: self.chunks };
        let actual = hash::tree_hash(index.hashes(0..index.chunk_count())).ok_or(XorbError::Empty)?;
        if actual != expected {
            return Err(XorbError::Hash { expected, actual });
        }
        Ok(index)
    }

    /// Returns the length of the chunk data so far: how many of the pushed bytes are to be stored.
    ///
    /// The bytes of an unfinished chunk count only when it is complete.
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Returns the length of the chunks so far when decompressed: how much work they were.
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// Takes the chunks that lie wholly in `data` and returns the rest.
    fn push_whole<'a>(&mut self, mut data: &'a [u8]) -> Result<&'a [u8], XorbError> {
        while let Some((header, rest)) = data.split_first_chunk() {
            if self.start_footer(header) {
                let footer = self.footer.as_mut().expect("it has just been started");
                footer.push(rest)?;
                return Ok(&[]);
            }
            let header = self.header(header)?;
            let Some((payload, rest)) = rest.split_at_checked(header.payload_bytes()) else {
                break;
            };
            self.chunk(header, payload)?;
            data = rest;
        }
        Ok(data)
    }

    /// Completes the partial chunk as far as `data` goes, and returns the rest.
    fn fill_partial<'a>(&mut self, data: &'a [u8]) -> Result<&'a [u8], XorbError> {
        let Some((header, payload)) = self.partial.split_first_chunk() else {
            return Ok(self.extend_partial(data, CHUNK_HEADER_BYTES));
        };
        let (header, present) = (*header, payload.len());
        if self.start_footer(&header) {
            self.partial.clear();
            return Ok(data);
        }
        let header = self.header(&header)?;
        if present < header.payload_bytes() {
            let rest = self.extend_partial(data, CHUNK_HEADER_BYTES + header.payload_bytes());
            if self.partial.len() < CHUNK_HEADER_BYTES + header.payload_bytes() {
                return Ok(rest);
            }
            return self.complete_partial(header).map(|()| rest);
        }
        self.complete_partial(header).map(|()| data)
    }

    fn complete_partial(&mut self, header: Header) -> Result<(), XorbError> {
        let mut partial = std::mem::take(&mut self.partial);
        self.chunk(header, &partial[CHUNK_HEADER_BYTES..])?;
        partial.clear();
        self.partial = partial;
        Ok(())
    }

    /// Appends to the partial chunk up to `length` bytes in all, and returns what is left of `data`.
    fn extend_partial<'a>(&mut self, data: &'a [u8], length: usize) -> &'a [u8] {
        debug_assert!(length <= CHUNK_HEADER_BYTES + MAX_PAYLOAD_BYTES);
        let (taken, rest) = data.split_at((length - self.partial.len()).min(data.len()));
        self.partial.extend_from_slice(taken);
        rest
    }

    fn start_footer(&mut self, start: &[u8; CHUNK_HEADER_BYTES]) -> bool {
        let Some(version) = start.strip_prefix(&index::IDENT) else {
            return false;
        };
        self.footer = Some(Footer { version: version[0], length: start.len(), last: [0; 4] });
        true
    }

    fn header(&self, bytes: &[u8; CHUNK_HEADER_BYTES]) -> Result<Header, XorbError> {
        let header = Header::parse(bytes).map_err(|error| self.fail(error))?;
        if self.chunks.len() == MAX_XORB_CHUNKS {
            return Err(XorbError::TooManyChunks);
        }
        // The headers do not count: a client fills a xorb up to the limit and then frames its chunks.
        let headers = self.chunks.len() * CHUNK_HEADER_BYTES;
        if self.data_bytes - headers as u64 + u64::from(header.payload_length) > MAX_XORB_BYTES {
            return Err(XorbError::TooLarge);
        }
        Ok(header)
    }

    fn chunk(&mut self, header: Header, payload: &[u8]) -> Result<(), XorbError> {
        let index = self.chunks.len() as u32;
        let decoded = header.decode(payload, &mut self.scratch);
        let raw = decoded.map_err(|error| XorbError::Chunk { index, error })?;
        self.raw_bytes += raw.len() as u64;
        self.data_bytes += (CHUNK_HEADER_BYTES + payload.len()) as u64;
        self.chunks.push(ChunkEntry {
            hash: hash::chunk_hash(raw),
            stored_end: self.data_bytes.try_into().expect("a xorb's size limit is below 4 GiB"),
            raw_end: self.raw_bytes.try_into().expect("the largest chunks together are below 4 GiB"),
        });
        Ok(())
    }

    fn fail(&self, error: ChunkError) -> XorbError {
        XorbError::Chunk { index: self.chunks.len() as u32, error }
    }
}

/// What is kept of a client's footer: enough to tell it from other trailing bytes.
struct Footer {
    version: u8,
    length: usize,
    /// The latest four bytes, which at the end give the length of all before them.
    last: [u8; 4],
}

impl Footer {
    fn push(&mut self, data: &[u8]) -> Result<(), XorbError> {
        self.length = self.length.saturating_add(data.len());
        if self.length > MAX_INDEX_BYTES {
            return Err(XorbError::Footer("it is too long"));
        }
        for byte in &data[data.len().saturating_sub(4)..] {
            self.last.rotate_left(1);
            self.last[3] = *byte;
        }
        Ok(())
    }

    fn finish(&self, chunks: usize) -> Result<(), XorbError> {
        let fits = match self.version {
            0 => self.length == V0_FIXED_BYTES + chunks * V0_ENTRY_BYTES,
            index::VERSION => index::chunk_count(self.length) == Some(chunks),
            _ => return Err(XorbError::Footer("unknown version")),
        };
        if !fits || u32::from_le_bytes(self.last) as usize != self.length - 4 {
            return Err(XorbError::Footer("its length does not fit the chunks"));
        }
        Ok(())
    }
}

// The first version of the footer: ident, version, hash, number of chunks, entries, reserved bytes, length.
const V0_FIXED_BYTES: usize = 8 + XetHash::BYTES + 4 + 16 + 4;
const V0_ENTRY_BYTES: usize = XetHash::BYTES + 4;

#[cfg(test)]
mod tests;
