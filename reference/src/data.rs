//! Test data, and the conversions between both sides' types.

use bytes::Bytes;
use lyceum_core::XetHash;
use xet_core_structures::merklehash::MerkleHash;
use xet_core_structures::xorb_object::{Chunk, RawXorbData};

/// Bytes that do not compress; the same for the same seed.
pub fn random(seed: u64, length: usize) -> Vec<u8> {
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

/// Bytes that compress well.
pub fn text(seed: u64, length: usize) -> Vec<u8> {
    random(seed, length).iter().map(|byte| b"etaoin s"[usize::from(byte & 7)]).collect()
}

/// 32-bit floats between 1 and 2, which compress when their bytes are grouped.
pub fn floats(seed: u64, length: usize) -> Vec<u8> {
    let mut data = random(seed, length.next_multiple_of(4));
    for word in data.chunks_exact_mut(4) {
        (word[2], word[3]) = (0x80 | word[2] & 0x0f, 0x3f);
    }
    data.truncate(length);
    data
}

/// One of each kind, and constant bytes.
pub fn kinds(seed: u64, length: usize) -> [Vec<u8>; 4] {
    [random(seed, length), text(seed, length), floats(seed, length), vec![seed as u8; length]]
}

pub fn theirs(hash: XetHash) -> MerkleHash {
    MerkleHash::from(hash.0)
}

pub fn ours(hash: MerkleHash) -> XetHash {
    XetHash(hash.as_bytes().try_into().unwrap())
}

/// Chunks of every kind and of awkward lengths.
pub fn chunks() -> Vec<Chunk> {
    let lengths = [1, 2, 3, 4, 5, 100, 8192, 65_535, 65_536, 65_537, 100_003, 131_072];
    let data = lengths.into_iter().flat_map(|length| kinds(length as u64, length));
    data.map(|data| Chunk::new(Bytes::from(data))).collect()
}

pub fn raw_xorb(chunks: &[Chunk]) -> RawXorbData {
    RawXorbData::from_chunks(chunks, vec![0])
}
