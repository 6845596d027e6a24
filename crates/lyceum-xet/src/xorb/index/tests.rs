//! The stored form of an index.

use super::*;
use crate::testing::{pack, random, text};
use proptest::prelude::*;

fn index() -> XorbIndex {
    pack(&[random(1, 9000), text(2, 70_000), random(3, 1)]).0
}

#[test]
fn an_index_survives_storage() {
    let index = index();
    let encoded = index.encode();
    assert_eq!(encoded.len(), encoded_bytes(3));
    assert_eq!(XorbIndex::decode(&encoded).as_ref(), Ok(&index));
    for length in 0..encoded.len() {
        assert!(XorbIndex::decode(&encoded[..length]).is_err(), "a prefix of {length} bytes");
    }
}

#[test]
fn any_changed_byte_is_noticed() {
    let encoded = index().encode();
    let reserved = encoded.len() - 4 - RESERVED_BYTES..encoded.len() - 4;
    for position in 0..encoded.len() {
        let mut damaged = encoded.clone();
        damaged[position] ^= 1;
        let decoded = XorbIndex::decode(&damaged);
        // Where a chunk is stored does not enter the xorb's hash; a shifted end is caught when the chunk is read.
        let stored_end = HASHES_START + 12 + 3 * 32 + 12..HASHES_START + 12 + 3 * 32 + 12 + 3 * 4;
        if !reserved.contains(&position) && !stored_end.contains(&position) {
            assert!(decoded.is_err(), "byte {position}");
        }
    }
}

#[test]
fn ranges_are_computed_from_the_ends() {
    let index = index();
    let [a, b, c] = index.chunks.as_slice() else { panic!("three chunks") };
    assert_eq!((index.chunk_count(), index.raw_bytes()), (3, 79_001));
    assert_eq!(index.stored_bytes(), u64::from(c.stored_end));
    assert_eq!(index.stored_range(0..1), 0..9008);
    assert_eq!(index.stored_range(1..3), 9008..u64::from(c.stored_end));
    assert_eq!((index.raw_len(0..3), index.raw_len(1..2), index.raw_start(3)), (79_001, 70_000, 79_001));
    assert_eq!(index.range_hash(0..2), hash::range_hash([a.hash, b.hash]));
    assert_eq!(index.hashes(1..3).collect::<Vec<_>>(), [(b.hash, 70_000), (c.hash, 1)]);
    assert!(index.contains(&(2..3)));
    assert!(!index.contains(&(2..4)) && !index.contains(&(1..1)));
}

#[test]
fn impossible_lengths_are_refused_before_anything_else() {
    assert_eq!(chunk_count(encoded_bytes(0)), None);
    assert_eq!(chunk_count(encoded_bytes(1)), Some(1));
    assert_eq!(chunk_count(MAX_INDEX_BYTES), Some(MAX_XORB_CHUNKS));
    assert_eq!(chunk_count(MAX_INDEX_BYTES + ENTRY_BYTES), None);
    assert_eq!(chunk_count(3), None);
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(XorbIndex::decode(&bytes).is_err());
    }
}

#[test]
fn version_1_stays_readable() {
    let stored = include_bytes!("../../../testdata/xorb-index-v1.bin");
    let index = XorbIndex::decode(stored).unwrap();
    assert_eq!(index, pack(&[b"x".to_vec(), b"abcdefgh".to_vec()]).0);
    assert_eq!(index.encode(), stored);
}
