//! Data and xorbs for the tests of this crate.

use crate::hash::chunk_hash;
use crate::xorb::{ChunkError, Scheme, XorbBuilder, XorbError, XorbIndex, XorbValidator};
use lyceum_core::XetHash;
use std::sync::Arc;

/// Bytes that no scheme compresses; the same for the same seed.
pub(crate) fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut data = Vec::with_capacity(length + 8);
    while data.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    data.truncate(length);
    data
}

/// Bytes that LZ4 compresses well.
pub(crate) fn text(seed: u64, length: usize) -> Vec<u8> {
    let words = ["chunk", "xorb", "shard", "term", "file", "the", "of", "a"];
    let mut data = Vec::with_capacity(length + 8);
    for byte in random(seed, length) {
        data.extend_from_slice(words[usize::from(byte % 8)].as_bytes());
        data.push(b' ');
        if data.len() >= length {
            break;
        }
    }
    data.truncate(length);
    data
}

/// Bytes that only byte grouping compresses: 32-bit floats between 1 and 2.
pub(crate) fn floats(seed: u64, length: usize) -> Vec<u8> {
    let mut data = random(seed, length.next_multiple_of(4));
    for word in data.as_chunks_mut::<4>().0 {
        (word[2], word[3]) = (0x80 | word[2] & 0x0f, 0x3f);
    }
    data.truncate(length);
    data
}

/// A xorb of these chunks as the server packs it: its index and chunk data.
pub(crate) fn pack(chunks: &[Vec<u8>]) -> (XorbIndex, Vec<u8>) {
    let mut builder = XorbBuilder::new(usize::MAX);
    for chunk in chunks {
        builder.push(chunk, chunk_hash(chunk));
    }
    let (index, data) = builder.finish();
    (index, data.to_vec())
}

/// Indexes under their hashes, as a store would give them.
pub(crate) fn lookup(xorbs: &[Arc<XorbIndex>]) -> impl Fn(&XetHash) -> Option<Arc<XorbIndex>> {
    move |hash| xorbs.iter().find(|xorb| xorb.hash == *hash).cloned()
}

/// Validates a xorb that arrives in pieces of the given length.
pub(crate) fn validate(xorb: &[u8], expected: XetHash, piece: usize) -> Result<XorbIndex, XorbError> {
    let mut validator = XorbValidator::new();
    for piece in xorb.chunks(piece) {
        validator.push(piece)?;
    }
    validator.finish(expected)
}

/// A chunk with a header that says anything.
pub(crate) fn stored(scheme: u8, raw_length: usize, payload: &[u8]) -> Vec<u8> {
    let mut stored = vec![0];
    stored.extend_from_slice(&(payload.len() as u32).to_le_bytes()[..3]);
    stored.push(scheme);
    stored.extend_from_slice(&(raw_length as u32).to_le_bytes()[..3]);
    stored.extend_from_slice(payload);
    stored
}

/// An honest chunk of a certain scheme.
pub(crate) fn store(scheme: Scheme, raw: &[u8]) -> Vec<u8> {
    match scheme {
        Scheme::None => stored(0, raw.len(), raw),
        Scheme::Lz4 => stored(1, raw.len(), &frame(raw)),
        Scheme::ByteGrouping4Lz4 => {
            let plane = |offset| raw.iter().skip(offset).step_by(4).copied();
            let planes: Vec<u8> = (0..4).flat_map(plane).collect();
            stored(2, raw.len(), &frame(&planes))
        }
    }
}

/// An LZ4 frame from the encoder that clients use.
pub(crate) fn frame(data: &[u8]) -> Vec<u8> {
    frame_with(lz4_flex::frame::FrameInfo::new(), data)
}

pub(crate) fn frame_with(info: lz4_flex::frame::FrameInfo, data: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The error of the chunk at this position.
pub(crate) fn chunk_error(index: u32, error: ChunkError) -> XorbError {
    XorbError::Chunk { index, error }
}
