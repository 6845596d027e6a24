//! Boundaries must be those of a byte-by-byte chunker, however the data arrives.

use super::*;
use crate::testing::{floats, random, text};
use proptest::prelude::*;

/// Lengths of the chunks of data that arrives in pieces; the lengths of the pieces repeat.
fn chunk(data: &[u8], pieces: &[usize]) -> Vec<usize> {
    let mut chunker = Chunker::new();
    let (mut lengths, mut length, mut rest) = (vec![], 0, data);
    for piece in pieces.iter().cycle() {
        let (mut now, later) = rest.split_at((*piece).min(rest.len()));
        rest = later;
        while let Some(end) = chunker.next_boundary(now) {
            lengths.push(length + end);
            length = 0;
            now = &now[end..];
        }
        length += now.len();
        assert_eq!(chunker.pending_bytes(), length);
        if rest.is_empty() {
            break;
        }
    }
    lengths.extend((length > 0).then_some(length));
    lengths
}

/// The specification, one byte at a time, hashing every byte of a chunk that can matter.
fn plain(data: &[u8]) -> Vec<usize> {
    let (mut lengths, mut length, mut hash) = (vec![], 0, 0_u64);
    for byte in data {
        length += 1;
        if length > SKIPPED_BYTES {
            hash = (hash << 1).wrapping_add(gearhash::DEFAULT_TABLE[usize::from(*byte)]);
        }
        if length >= MIN_CHUNK_BYTES && hash & MASK == 0 || length == MAX_CHUNK_BYTES {
            lengths.push(length);
            (length, hash) = (0, 0);
        }
    }
    lengths.extend((length > 0).then_some(length));
    lengths
}

#[test]
fn boundaries_are_those_of_the_specification() {
    let check = |data: Vec<u8>| assert_eq!(chunk(&data, &[usize::MAX]), plain(&data));
    check(vec![]);
    check(vec![1]);
    check(random(1, 3_000_000));
    check(text(2, 1_000_000));
    check(floats(3, 1_000_000));
    // No cut point at all, and a cut point at every byte.
    check(vec![0; 500_000]);
    check(vec![0x5a; MAX_CHUNK_BYTES]);
    check(vec![0x5a; MAX_CHUNK_BYTES + 1]);
}

#[test]
fn an_insertion_moves_few_boundaries() {
    let before = random(4, 4_000_000);
    let mut after = before.clone();
    after.splice(2_000_000..2_000_000, [1, 2, 3]);
    let pieces = |data: &[u8]| {
        let ends = chunk(data, &[usize::MAX]).into_iter().scan(0, |end, length| {
            *end += length;
            Some(*end - length..*end)
        });
        ends.map(|range| data[range].to_vec()).collect::<std::collections::HashSet<_>>()
    };
    assert!(pieces(&after).difference(&pieces(&before)).count() <= 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn boundaries_do_not_depend_on_the_pieces(
        seed: u64,
        length in 0_usize..600_000,
        pieces in prop::collection::vec(1_usize..200_000, 1..6),
    ) {
        let data = random(seed, length);
        let whole = chunk(&data, &[usize::MAX]);
        prop_assert_eq!(chunk(&data, &pieces), whole.clone());
        prop_assert_eq!(whole.iter().sum::<usize>(), length);
        for length in whole.iter().rev().skip(1) {
            prop_assert!((MIN_CHUNK_BYTES..=MAX_CHUNK_BYTES).contains(length));
        }
    }
}
