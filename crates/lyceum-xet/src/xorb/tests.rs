//! Single chunks.

use super::*;
use crate::testing::{floats, store, stored, text};
use lyceum_core::limits::MAX_CHUNK_BYTES;

#[test]
fn every_scheme_is_decoded() {
    let mut scratch = Vec::new();
    for scheme in [Scheme::None, Scheme::Lz4, Scheme::ByteGrouping4Lz4] {
        for length in [1, 2, 3, 4, 5, 1000, 65_537, MAX_CHUNK_BYTES] {
            for raw in [text(1, length), floats(2, length)] {
                assert_eq!(decode_chunk(&store(scheme, &raw), &mut scratch), Ok(raw.as_slice()));
            }
        }
    }
}

#[test]
fn an_uncompressed_chunk_is_not_copied() {
    let stored = store(Scheme::None, b"abc");
    let mut scratch = Vec::new();
    assert_eq!(decode_chunk(&stored, &mut scratch).unwrap().as_ptr(), stored[CHUNK_HEADER_BYTES..].as_ptr());
    assert_eq!(scratch.capacity(), 0);
}

#[test]
fn malformed_chunks_are_refused() {
    let check = |stored: &[u8], expected| assert_eq!(decode_chunk(stored, &mut Vec::new()), Err(expected));
    check(&[], ChunkError::PayloadLength);
    check(&stored(0, 3, b"abc")[..10], ChunkError::PayloadLength);
    check(&[&stored(0, 3, b"abc")[..], b"d"].concat(), ChunkError::PayloadLength);
    check(&[1, 1, 0, 0, 0, 1, 0, 0, b'x'], ChunkError::Version(1));
    check(&stored(3, 1, b"x"), ChunkError::Scheme(3));
    check(&stored(99, 1, b"x"), ChunkError::Scheme(99));
    check(&stored(0, 0, b""), ChunkError::Empty);
    check(&stored(0, 4, b"abc"), ChunkError::Length);
    check(&stored(0, MAX_CHUNK_BYTES + 1, &vec![0; MAX_CHUNK_BYTES + 1]), ChunkError::TooLarge(131_073));
    check(&stored(1, 1, &vec![0; 2 * MAX_CHUNK_BYTES + 1]), ChunkError::PayloadTooLarge(262_145));
}
