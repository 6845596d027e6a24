//! Frames of the common encoder in every form, own frames in the common decoder, and malformed ones.

use super::*;
use crate::testing::{frame, frame_with, random, text};
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameInfo};
use proptest::prelude::*;
use std::io::Read as _;

fn decode(frame: &[u8], length: usize) -> Result<Vec<u8>, ChunkError> {
    let mut out = vec![0xaa; length];
    decode_frame(frame, &mut out).map(|()| out)
}

#[test]
fn every_kind_of_frame_is_decoded() {
    for data in [text(1, 1), text(2, 300_000), random(3, 300_000), vec![0; 131_072]] {
        for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB] {
            for mode in [BlockMode::Independent, BlockMode::Linked] {
                for checksums in [false, true] {
                    let info = FrameInfo::new().block_size(size).block_mode(mode);
                    let info = info.block_checksums(checksums).content_checksum(checksums);
                    let info = info.content_size(checksums.then_some(data.len() as u64));
                    assert_eq!(decode(&frame_with(info, &data), data.len()).as_ref(), Ok(&data));
                }
            }
        }
    }
}

#[test]
fn own_frames_are_read_by_the_common_decoder() {
    let mut encoder = Encoder::default();
    for length in [400, 65_535, 65_536, 65_537, 131_072] {
        for data in [text(1, length), vec![0; length]] {
            let frame = encoder.encode(&data).unwrap();
            let mut decoded = Vec::new();
            FrameDecoder::new(frame).read_to_end(&mut decoded).unwrap();
            assert_eq!(decoded, data);
            assert_eq!(decode(frame, length), Ok(data));
        }
        assert_eq!(encoder.encode(&random(2, length)), None);
    }
    assert_eq!(encoder.encode(b"x"), None);
}

#[test]
fn a_frame_must_fill_the_output_exactly() {
    let data = text(1, 100_000);
    let frame = frame(&data);
    assert_eq!(decode(&frame, 99_999), Err(ChunkError::Length));
    assert_eq!(decode(&frame, 100_001), Err(ChunkError::Length));
    let info = FrameInfo::new().content_size(Some(5));
    assert_eq!(decode(&frame_with(info, b"12345"), 4), Err(ChunkError::Length));
}

#[test]
fn malformed_frames_are_refused() {
    let good = frame_with(
        FrameInfo::new().content_checksum(true).block_checksums(true),
        b"aaaaaaaaaaaaaaaaaaaaaaaaab",
    );
    let check = |change: &dyn Fn(&mut Vec<u8>), expected| {
        let mut bad = good.clone();
        change(&mut bad);
        assert_eq!(decode(&bad, 26), Err(ChunkError::Lz4(expected)));
    };
    check(&|frame| frame[0] = 5, "wrong magic number");
    check(&|frame| frame[4] |= 0x80, "unknown version or reserved bits");
    check(&|frame| frame[4] |= 1, "dictionaries are not supported");
    check(&|frame| frame[5] = 0x30, "unknown block size");
    check(&|frame| frame[6] ^= 1, "wrong header checksum");
    check(&|frame| frame[9] = 0x10, "a block is too large");
    check(&|frame| frame[12] ^= 1, "wrong block checksum");
    check(&|frame| *frame.last_mut().unwrap() ^= 1, "wrong content checksum");
    check(&|frame| frame.push(0), "bytes follow the frame");
    check(&|frame| frame.truncate(frame.len() - 8), "it ends too early");

    let mut empty = frame(b"x");
    empty.splice(7..7, [0, 0, 0, 0x80]);
    assert_eq!(decode(&empty, 1), Err(ChunkError::Lz4("empty block")));
}

proptest! {
    #[test]
    fn no_frame_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0_usize..1000) {
        let _ = decode(&bytes, length);
        let start = HEADER_64_KIB.len().min(bytes.len());
        bytes[..start].copy_from_slice(&HEADER_64_KIB[..start]);
        let _ = decode(&bytes, length);
    }
}
