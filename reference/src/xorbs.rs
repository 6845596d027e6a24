//! Xorbs and footers written by one side are read by the other.

use crate::data::{chunks, ours, raw_xorb, theirs};
use lyceum_xet::{XorbBuilder, XorbIndex, XorbValidator, decode_chunk, hash};
use std::io::Cursor;
use xet_core_structures::xorb_object::{
    Chunk, CompressionScheme, SerializedXorbObject, XorbObject, deserialize_chunks,
    reconstruct_xorb_with_footer,
};

const SCHEMES: [CompressionScheme; 4] = [
    CompressionScheme::None,
    CompressionScheme::LZ4,
    CompressionScheme::ByteGrouping4LZ4,
    CompressionScheme::Auto,
];

fn serialise(chunks: &[Chunk], scheme: CompressionScheme, footer: bool) -> SerializedXorbObject {
    SerializedXorbObject::from_xorb_with_compression(raw_xorb(chunks), scheme, footer, 1).unwrap()
}

fn validate(data: &[u8], xorb: &SerializedXorbObject, piece: usize) -> XorbIndex {
    let mut validator = XorbValidator::new();
    for piece in data.chunks(piece) {
        validator.push(piece).unwrap();
    }
    let end = xorb.footer_start.unwrap_or(xorb.serialized_data.len() as u64);
    assert_eq!(validator.data_bytes(), end);
    validator.finish(ours(xorb.hash)).unwrap()
}

#[test]
fn their_xorbs_are_valid_and_give_their_footer() {
    let chunks = chunks();
    for scheme in SCHEMES {
        let with = serialise(&chunks, scheme, true);
        let without = serialise(&chunks, scheme, false);
        for piece in [777, 65_536, usize::MAX] {
            let index = validate(&with.serialized_data, &with, piece);
            assert_eq!(validate(&without.serialized_data, &without, piece), index);
            let footer = &with.serialized_data[with.footer_start.unwrap() as usize..];
            assert_eq!(index.encode(), footer, "{scheme}");
            assert_eq!(XorbIndex::decode(footer).unwrap(), index);
        }
    }
}

#[test]
fn their_chunks_are_decoded() {
    let chunks = chunks();
    let mut scratch = Vec::new();
    for scheme in SCHEMES {
        let xorb = serialise(&chunks, scheme, false);
        let index = validate(&xorb.serialized_data, &xorb, usize::MAX);
        for (chunk, position) in chunks.iter().zip(0..) {
            let range = index.stored_range(position..position + 1);
            let stored = &xorb.serialized_data[range.start as usize..range.end as usize];
            assert_eq!(decode_chunk(stored, &mut scratch).unwrap(), chunk.data, "chunk {position}, {scheme}");
        }
    }
}

#[test]
fn our_xorbs_are_valid_for_them() {
    let chunks = chunks();
    let mut builder = XorbBuilder::new(usize::MAX);
    for chunk in &chunks {
        builder.push(&chunk.data, hash::chunk_hash(&chunk.data));
    }
    let (index, data) = builder.finish();
    let schemes: Vec<u8> = (0..index.chunk_count())
        .map(|chunk| data[index.stored_range(chunk..chunk + 1).start as usize + 4])
        .collect();
    assert!((0..=2).all(|scheme| schemes.contains(&scheme)), "all schemes are covered");

    let stored = [&data[..], &index.encode()].concat();
    let xorb =
        XorbObject::validate_xorb_object(&mut Cursor::new(&stored), &theirs(index.hash)).unwrap().unwrap();
    assert_eq!(u64::from(xorb.get_contents_length().unwrap()), index.stored_bytes());
    let content: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.data.to_vec()).collect();
    assert_eq!(xorb.get_all_bytes(&mut Cursor::new(&stored)).unwrap(), content);
    let (decoded, ends) = deserialize_chunks(&mut Cursor::new(&data)).unwrap();
    assert_eq!(decoded, content);
    assert_eq!(ends[1..], index.chunks.iter().map(|chunk| chunk.raw_end).collect::<Vec<_>>());

    let mut rebuilt = Vec::new();
    let (_, hash) = reconstruct_xorb_with_footer(&mut rebuilt, &data).unwrap();
    assert_eq!((ours(hash), rebuilt), (index.hash, stored));

    for (start, end) in [(0, 1), (3, 9), (0, index.chunk_count()), (5, 6)] {
        let bytes = xorb.get_byte_offset(start, end).unwrap();
        assert_eq!(index.stored_range(start..end), u64::from(bytes.0)..u64::from(bytes.1));
        let length = xorb.uncompressed_range_length(start, end).unwrap();
        assert_eq!(index.raw_len(start..end), u64::from(length));
        assert_eq!(index.range_hash(start..end), ours(xorb.generate_chunk_range_hash(start, end).unwrap()));
    }
}

#[test]
fn a_xorb_of_the_largest_size_is_accepted() {
    // 64 MiB of content that does not compress: with its chunk headers it is larger than 64 MiB.
    let data = bytes::Bytes::from(crate::data::random(1, 64 << 20));
    let chunks: Vec<Chunk> = (0..1024).map(|n| Chunk::new(data.slice(n << 16..(n + 1) << 16))).collect();
    let xorb = serialise(&chunks, CompressionScheme::Auto, true);
    assert!(xorb.serialized_data.len() > 64 << 20);
    assert_eq!(validate(&xorb.serialized_data, &xorb, 1 << 20).raw_bytes(), 64 << 20);
}
