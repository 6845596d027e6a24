//! A xorb is refused or indexed; what is accepted can be indexed, stored, decoded and packed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lyceum_xet::{XorbBuilder, XorbError, XorbIndex, XorbValidator, decode_chunk, hash};

/// Bytes that arrive at a time; coprime to the header's length, so that cuts fall everywhere.
const PIECE_BYTES: usize = 13;

fuzz_target!(|data: &[u8]| {
    let _ = XorbIndex::decode(data);
    let _ = decode_chunk(data, &mut Vec::new());
    let Some((index, stored)) = accepted(data, usize::MAX) else {
        assert!(accepted(data, PIECE_BYTES).is_none(), "the pieces decide");
        return;
    };
    let in_pieces = accepted(data, PIECE_BYTES).map(|(index, _)| index);
    assert_eq!(in_pieces.as_ref(), Some(&index), "the pieces decide");
    assert_eq!(XorbIndex::decode(&index.encode()).as_ref(), Ok(&index));

    let mut builder = XorbBuilder::new(index.raw_bytes() as usize);
    let mut scratch = Vec::new();
    for (chunk, entry) in (0..).zip(&index.chunks) {
        let range = index.stored_range(chunk..chunk + 1);
        let stored = &stored[range.start as usize..range.end as usize];
        let raw = decode_chunk(stored, &mut scratch).expect("a valid xorb has valid chunks");
        assert_eq!(hash::chunk_hash(raw), entry.hash);
        if !builder.full() {
            builder.push(raw, entry.hash);
        }
    }
    if index.raw_bytes() < 64 << 20 {
        assert_eq!(builder.finish().0.hash, index.hash);
    }
});

/// The index of a xorb, whatever hash it has, and its chunk data.
fn accepted(data: &[u8], piece: usize) -> Option<(XorbIndex, &[u8])> {
    let validate = |expected| {
        let mut validator = XorbValidator::new();
        for piece in data.chunks(piece) {
            validator.push(piece)?;
        }
        let stored = validator.data_bytes();
        validator.finish(expected).map(|index| (index, &data[..stored as usize]))
    };
    let Err(XorbError::Hash { actual, .. }) = validate(hash::ZERO) else {
        return None;
    };
    Some(validate(actual).expect("only the hash was wrong"))
}
