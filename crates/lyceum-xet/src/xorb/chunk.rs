//! One stored chunk: an 8-byte header and a payload in one of three schemes.

use super::{byte_grouping, lz4};
use lyceum_core::limits::MAX_CHUNK_BYTES;

/// Bytes in front of each chunk's payload.
pub const CHUNK_HEADER_BYTES: usize = 8;

/// Largest payload; a payload that is larger than its content is legal, but not without limit.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 2 * MAX_CHUNK_BYTES;

/// How a chunk's payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// The payload is the chunk.
    None = 0,
    /// An LZ4 frame.
    Lz4 = 1,
    /// An LZ4 frame of the chunk's bytes regrouped by their position modulo 4, for arrays of floats.
    ByteGrouping4Lz4 = 2,
}

/// A stored chunk that breaks the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Its header is of a later version.
    #[error("unknown chunk version {0}")]
    Version(u8),
    /// Its scheme is unknown.
    #[error("unknown compression scheme {0}")]
    Scheme(u8),
    /// It has no content.
    #[error("the chunk is empty")]
    Empty,
    /// Its content is too large.
    #[error("the chunk has {0} bytes, more than {MAX_CHUNK_BYTES}")]
    TooLarge(u32),
    /// Its payload is too large.
    #[error("the chunk's payload has {0} bytes, more than {MAX_PAYLOAD_BYTES}")]
    PayloadTooLarge(u32),
    /// The stored bytes are not exactly the payload that the header announces.
    #[error("the chunk's payload does not have the length that its header gives")]
    PayloadLength,
    /// The content is not as long as the header says.
    #[error("the chunk's content does not have the length that its header gives")]
    Length,
    /// The LZ4 frame is malformed.
    #[error("malformed LZ4 frame: {0}")]
    Lz4(&'static str),
}

/// Decodes one stored chunk, header and payload; an uncompressed chunk is returned without a copy.
///
/// `scratch` only grows, to at most four times the largest chunk, and should be reused.
pub fn decode_chunk<'a>(stored: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], ChunkError> {
    let (header, payload) = stored.split_first_chunk().ok_or(ChunkError::PayloadLength)?;
    let header = Header::parse(header)?;
    if payload.len() != header.payload_bytes() {
        return Err(ChunkError::PayloadLength);
    }
    header.decode(payload, scratch)
}

/// A header whose lengths are within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) scheme: Scheme,
    pub(crate) payload_length: u32,
    pub(crate) raw_length: u32,
}

impl Header {
    pub(crate) fn parse(bytes: &[u8; CHUNK_HEADER_BYTES]) -> Result<Self, ChunkError> {
        let &[version, p0, p1, p2, scheme, r0, r1, r2] = bytes;
        if version != VERSION {
            return Err(ChunkError::Version(version));
        }
        let scheme = match scheme {
            0 => Scheme::None,
            1 => Scheme::Lz4,
            2 => Scheme::ByteGrouping4Lz4,
            other => return Err(ChunkError::Scheme(other)),
        };
        let payload_length = u32::from_le_bytes([p0, p1, p2, 0]);
        let raw_length = u32::from_le_bytes([r0, r1, r2, 0]);
        if raw_length == 0 {
            return Err(ChunkError::Empty);
        }
        if raw_length as usize > MAX_CHUNK_BYTES {
            return Err(ChunkError::TooLarge(raw_length));
        }
        if payload_length as usize > MAX_PAYLOAD_BYTES {
            return Err(ChunkError::PayloadTooLarge(payload_length));
        }
        if scheme == Scheme::None && payload_length != raw_length {
            return Err(ChunkError::Length);
        }
        Ok(Self { scheme, payload_length, raw_length })
    }

    pub(crate) fn encode(self) -> [u8; CHUNK_HEADER_BYTES] {
        let [p0, p1, p2, _] = self.payload_length.to_le_bytes();
        let [r0, r1, r2, _] = self.raw_length.to_le_bytes();
        [VERSION, p0, p1, p2, self.scheme as u8, r0, r1, r2]
    }

    pub(crate) fn payload_bytes(self) -> usize {
        self.payload_length as usize
    }

    /// Decodes the payload; its output can never exceed `raw_length`, whatever the payload says.
    pub(crate) fn decode<'a>(
        self,
        payload: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ChunkError> {
        let length = self.raw_length as usize;
        match self.scheme {
            Scheme::None => Ok(payload),
            Scheme::Lz4 => {
                let out = window(scratch, length);
                lz4::decode_frame(payload, out)?;
                Ok(out)
            }
            Scheme::ByteGrouping4Lz4 => {
                let (planes, out) = window(scratch, 2 * length).split_at_mut(length);
                lz4::decode_frame(payload, planes)?;
                byte_grouping::join(planes, out);
                Ok(out)
            }
        }
    }
}

const VERSION: u8 = 0;

/// Lends the first `length` bytes without clearing what an earlier chunk left there.
pub(crate) fn window(scratch: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if scratch.len() < length {
        scratch.resize(length, 0);
    }
    &mut scratch[..length]
}
