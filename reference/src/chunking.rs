//! Both chunkers cut at the same places.

use crate::data::{kinds, random};
use xet_data::deduplication::Chunker as TheirChunker;

fn ours(data: &[u8], piece: usize) -> Vec<usize> {
    let mut chunker = lyceum_xet::Chunker::new();
    let (mut lengths, mut length) = (vec![], 0);
    for mut piece in data.chunks(piece) {
        while let Some(end) = chunker.next_boundary(piece) {
            lengths.push(length + end);
            length = 0;
            piece = &piece[end..];
        }
        length += piece.len();
    }
    lengths.extend((length > 0).then_some(length));
    lengths
}

fn theirs(data: &[u8], piece: usize) -> Vec<usize> {
    let mut chunker = TheirChunker::default();
    let mut chunks = Vec::new();
    let last = data.len().div_ceil(piece).saturating_sub(1);
    for (position, piece) in data.chunks(piece).enumerate() {
        chunks.extend(chunker.next_block(piece, position == last));
    }
    chunks.iter().map(|chunk| chunk.data.len()).collect()
}

#[test]
fn boundaries_are_the_same() {
    for length in [0, 1, 8191, 8192, 8193, 131_072, 131_073, 1_000_003] {
        for data in kinds(7, length) {
            for piece in [1000, 4096, 65_536, 1 << 20] {
                assert_eq!(ours(&data, piece), theirs(&data, piece), "{length} bytes in pieces of {piece}");
            }
        }
    }
    let data = random(8, 32 << 20);
    assert_eq!(ours(&data, 1 << 18), theirs(&data, 1 << 20));
}
