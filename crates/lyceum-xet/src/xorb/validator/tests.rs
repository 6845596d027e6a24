//! Uploads that must be refused, each a known way to fool or exhaust a server, and those that must not.

use super::*;
use crate::testing::{chunk_error, floats, frame, pack, random, store, stored, text, validate};
use crate::xorb::Scheme;
use lyceum_core::limits::MAX_CHUNK_BYTES;
use proptest::prelude::*;

/// Checks that a xorb is refused, in one piece and in small ones.
#[track_caller]
fn refuse(xorb: &[u8], expected: XorbError) {
    for piece in [usize::MAX, 1021] {
        assert_eq!(validate(xorb, hash::ZERO, piece), Err(expected.clone()), "in pieces of {piece}");
    }
}

#[test]
fn a_header_that_lies_about_the_length_is_refused() {
    let raw = text(1, 10_000);
    refuse(&stored(1, 9_999, &frame(&raw)), chunk_error(0, ChunkError::Length));
    refuse(&stored(1, 10_001, &frame(&raw)), chunk_error(0, ChunkError::Length));
    refuse(&stored(2, 9_999, &frame(&raw)), chunk_error(0, ChunkError::Length));
    refuse(&stored(0, 9_999, &raw), chunk_error(0, ChunkError::Length));
}

#[test]
fn a_bomb_is_refused() {
    let bomb = frame(&vec![0; 40 << 20]);
    assert!(bomb.len() < 2 * MAX_CHUNK_BYTES);
    refuse(&stored(1, MAX_CHUNK_BYTES, &bomb), chunk_error(0, ChunkError::Length));
    let mut validator = XorbValidator::new();
    validator.push(&stored(1, MAX_CHUNK_BYTES, &bomb)).unwrap_err();
    assert!(validator.scratch.capacity() <= 2 * MAX_CHUNK_BYTES);
}

#[test]
fn chunks_above_the_limit_are_refused() {
    let length = MAX_CHUNK_BYTES + 1;
    refuse(&stored(0, length, &random(1, length)), chunk_error(0, ChunkError::TooLarge(length as u32)));
    refuse(&stored(1, length, &frame(&text(1, length))), chunk_error(0, ChunkError::TooLarge(length as u32)));
}

#[test]
fn an_empty_xorb_is_refused() {
    refuse(&[], XorbError::Empty);
    refuse(&stored(0, 0, &[]), chunk_error(0, ChunkError::Empty));
    let footer = pack(&[text(1, 10)]).0.encode();
    refuse(&footer, XorbError::Footer("its length does not fit the chunks"));
}

#[test]
fn too_many_chunks_are_refused() {
    let chunk = store(Scheme::None, b"x");
    let most = chunk.repeat(MAX_XORB_CHUNKS);
    let hashes = vec![(hash::chunk_hash(b"x"), 1); MAX_XORB_CHUNKS];
    assert_eq!(validate(&most, hash::xorb_hash(&hashes), 1 << 20).unwrap().chunks.len(), MAX_XORB_CHUNKS);
    refuse(&[most, chunk].concat(), XorbError::TooManyChunks);
}

#[test]
fn too_large_a_xorb_is_refused_where_it_becomes_too_large() {
    let chunk = store(Scheme::None, &vec![7; MAX_CHUNK_BYTES]);
    let mut validator = XorbValidator::new();
    // The limit is on payloads: a client packs up to the limit and frames the chunks afterwards.
    for _ in 0..MAX_XORB_BYTES / MAX_CHUNK_BYTES as u64 {
        validator.push(&chunk).unwrap();
    }
    assert_eq!(validator.push(&store(Scheme::None, b"x")), Err(XorbError::TooLarge));
}

#[test]
fn a_truncated_xorb_is_refused() {
    let (index, data) = pack(&[random(1, 3000), text(2, 5000)]);
    let middle = index.stored_range(0..1).end as usize;
    for length in [1, 7, 8, 9, 3007, 3009, data.len() - 1] {
        let expected = XorbError::Truncated { index: u32::from(length > middle) };
        refuse(&data[..length], expected);
    }
}

#[test]
fn bytes_after_the_chunks_are_refused() {
    let (index, data) = pack(&[text(1, 5000)]);
    let footer = index.encode();
    let refuse_tail = |tail: &[u8], expected| refuse(&[&data, tail].concat(), expected);
    refuse_tail(b"x", XorbError::Truncated { index: 1 });
    refuse_tail(b"trailing bytes", chunk_error(1, ChunkError::Version(b't')));
    refuse_tail(b"XETBLOB\x01", XorbError::Footer("its length does not fit the chunks"));
    refuse_tail(b"XETBLOB\x02....", XorbError::Footer("unknown version"));
    refuse_tail(&[footer.as_slice(), b"x"].concat(), XorbError::Footer("its length does not fit the chunks"));
    refuse_tail(&footer.repeat(2), XorbError::Footer("its length does not fit the chunks"));
    let other = pack(&[text(1, 10), text(2, 10)]).0.encode();
    refuse_tail(&other, XorbError::Footer("its length does not fit the chunks"));
    let endless = [b"XETBLOB\x01".as_slice(), &vec![0; MAX_INDEX_BYTES]].concat();
    refuse_tail(&endless, XorbError::Footer("it is too long"));
}

#[test]
fn a_footer_is_dropped_and_never_believed() {
    let (index, data) = pack(&[random(1, 3000), text(2, 5000), floats(3, 70_000)]);
    let mut lying = index.encode();
    let end = lying.len() - 4;
    lying[8..end].fill(0xff);
    for footer in [index.encode(), lying] {
        for piece in [1, 7, 8, 9, 1000, usize::MAX] {
            let mut validator = XorbValidator::new();
            for piece in [data.as_slice(), &footer].concat().chunks(piece) {
                validator.push(piece).unwrap();
            }
            assert_eq!(validator.data_bytes(), data.len() as u64);
            assert_eq!(validator.finish(index.hash).as_ref(), Ok(&index));
        }
    }
}

#[test]
fn the_first_version_of_the_footer_is_accepted() {
    let (index, data) = pack(&[random(1, 3000)]);
    let mut footer = b"XETBLOB\0".to_vec();
    footer.extend_from_slice(&[0; V0_FIXED_BYTES + V0_ENTRY_BYTES - 12]);
    footer.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    assert_eq!(validate(&[data, footer].concat(), index.hash, 100).as_ref(), Ok(&index));
}

#[test]
fn another_hash_is_refused() {
    let (index, data) = pack(&[text(1, 5000)]);
    refuse(&data, XorbError::Hash { expected: hash::ZERO, actual: index.hash });
}

#[test]
fn legal_chunks_that_our_builder_would_not_write_are_accepted() {
    // Larger than its content, in several blocks, and tiny.
    let chunks = [
        (Scheme::Lz4, random(1, 40_000)),
        (Scheme::Lz4, text(2, 131_072)),
        (Scheme::ByteGrouping4Lz4, random(3, 3)),
    ];
    let data: Vec<u8> = chunks.iter().flat_map(|(scheme, raw)| store(*scheme, raw)).collect();
    let hashes = chunks.map(|(_, raw)| (hash::chunk_hash(&raw), raw.len() as u64));
    assert_eq!(validate(&data, hash::xorb_hash(&hashes), 999).unwrap().raw_bytes(), 171_075);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), piece in 1_usize..300) {
        prop_assert!(validate(&bytes, hash::ZERO, piece).is_err());
    }

    #[test]
    fn a_changed_byte_is_refused_or_changes_nothing(position: prop::sample::Index, bit in 0..8, piece in 1_usize..5000) {
        let (index, mut data) = pack(&[random(1, 500), text(2, 900), floats(3, 700)]);
        let position = position.index(data.len());
        data[position] ^= 1_u8 << bit;
        // In repetitive data, a match at another distance may give the same bytes.
        if let Ok(found) = validate(&data, index.hash, piece) {
            prop_assert_eq!(found, index);
        }
    }
}
