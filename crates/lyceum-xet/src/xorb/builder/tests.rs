//! What the builder packs must validate, in the scheme that suits it.

use super::*;
use crate::testing::{floats, pack, random, text, validate};
use crate::xorb::{CHUNK_HEADER_BYTES, decode_chunk};
use proptest::prelude::*;

fn scheme(raw: &[u8]) -> (u8, usize) {
    let (_, data) = pack(&[raw.to_vec()]);
    (data[4], data.len() - CHUNK_HEADER_BYTES)
}

#[test]
fn the_scheme_suits_the_data() {
    assert_eq!(scheme(&random(1, 65_536)), (Scheme::None as u8, 65_536));
    assert_eq!(scheme(&text(2, 65_536)).0, Scheme::Lz4 as u8);
    let (floats_scheme, length) = scheme(&floats(3, 65_536));
    assert_eq!(floats_scheme, Scheme::ByteGrouping4Lz4 as u8);
    assert!(length < 60_000, "{length}");
}

#[test]
fn a_builder_is_full_at_its_target() {
    let mut builder = XorbBuilder::new(300_000);
    assert!(builder.is_empty());
    for count in 0..3 {
        assert!(!builder.full());
        let chunk = random(count, 100_000);
        assert_eq!(builder.push(&chunk, hash::chunk_hash(&chunk)), count as u32);
    }
    assert!(builder.full());
    let (first, data) = builder.finish();
    assert_eq!((first.raw_bytes(), first.stored_bytes()), (300_000, data.len() as u64));
    assert!(builder.is_empty() && !builder.full());
    assert_eq!(builder.push(b"x", hash::chunk_hash(b"x")), 0);
    assert_eq!(builder.finish().0.hash, hash::chunk_hash(b"x"));
}

#[test]
fn a_builder_is_full_at_the_most_chunks() {
    let mut builder = XorbBuilder::new(usize::MAX);
    let hash = hash::chunk_hash(b"x");
    while !builder.full() {
        builder.push(b"x", hash);
    }
    let (index, data) = builder.finish();
    assert_eq!(index.chunks.len(), MAX_XORB_CHUNKS);
    assert_eq!(validate(&data, index.hash, 1 << 20).as_ref(), Ok(&index));
    assert_eq!(index.encode().len(), super::super::MAX_INDEX_BYTES);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn packed_chunks_come_back(
        chunks in prop::collection::vec((0_u8..4, any::<u64>(), 1_usize..20_000), 1..12),
        piece in 1_usize..70_000,
    ) {
        let make = |&(kind, seed, length): &(u8, u64, usize)| match kind {
            0 => random(seed, length),
            1 => text(seed, length),
            2 => floats(seed, length),
            _ => vec![seed as u8; length],
        };
        let chunks: Vec<_> = chunks.iter().map(make).collect();
        let (index, data) = pack(&chunks);
        prop_assert_eq!(validate(&data, index.hash, piece), Ok(index.clone()));
        let with_footer = [data.as_slice(), &index.encode()].concat();
        prop_assert_eq!(validate(&with_footer, index.hash, piece), Ok(index.clone()));

        let mut scratch = Vec::new();
        for (chunk, position) in chunks.iter().zip(0..) {
            let range = index.stored_range(position..position + 1);
            let stored = &data[range.start as usize..range.end as usize];
            prop_assert_eq!(decode_chunk(stored, &mut scratch).unwrap(), chunk);
        }
    }
}
