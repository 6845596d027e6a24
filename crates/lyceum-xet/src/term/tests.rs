//! Round trips and refusals of the stored form.

use super::*;
use crate::hash::chunk_hash;
use proptest::prelude::*;

fn arbitrary() -> impl Strategy<Value = Term> {
    (0_u8..5, 0_u32..=8192, 0_u32..=8192, 0.0..=1.0).prop_map(|(xorb, one, other, fill)| {
        let chunks = one.min(other)..one.max(other);
        let raw_bytes = (chunks.len() as f64 * MAX_CHUNK_BYTES as f64 * fill) as u64;
        Term { xorb: chunk_hash(&[xorb]), chunks, raw_bytes }
    })
}

proptest! {
    #[test]
    fn terms_survive_storage(terms in prop::collection::vec(arbitrary(), 0..50)) {
        let encoded = encode_terms(&terms);
        prop_assert_eq!(decode_terms(&encoded).unwrap(), terms);
        for length in 0..encoded.len() {
            prop_assert!(decode_terms(&encoded[..length]).is_err(), "a prefix of {} bytes", length);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_understood(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(terms) = decode_terms(&bytes) {
            prop_assert_eq!(decode_terms(&encode_terms(&terms)).unwrap(), terms);
        }
    }
}

#[test]
fn a_term_takes_about_ten_bytes() {
    let term = |n: u32| Term { xorb: chunk_hash(&[n as u8 % 4]), chunks: n..n + 100, raw_bytes: 6_500_000 };
    let encoded = encode_terms(&(0..1000).map(term).collect::<Vec<_>>());
    assert!(encoded.len() < 1000 * 10 + 4 * 32, "{}", encoded.len());
}

#[test]
fn version_1_stays_readable() {
    let mut stored = vec![1, 1];
    stored.extend_from_slice(&[7; 32]);
    stored.extend_from_slice(&[2, 0, 0, 1, 0xff, 0x01, 0, 0x80, 0x02, 3, 9]);
    let term = |chunks, raw_bytes| Term { xorb: XetHash([7; 32]), chunks, raw_bytes };
    assert_eq!(decode_terms(&stored).unwrap(), [term(0..1, 255), term(256..259, 9)]);
    assert_eq!(encode_terms(&[term(0..1, 255), term(256..259, 9)]), stored);
}

#[test]
fn damage_is_named() {
    let check = |bytes: &[u8], expected: &str| {
        let error = decode_terms(bytes).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{bytes:?}: {error}");
    };
    let with_xorb = |rest: &[u8]| [&[1, 1], &[0; 32][..], rest].concat();
    check(&[], "they end too early");
    check(&[2, 0, 0], "unknown version");
    check(&[1, 0, 0, 0], "bytes follow the last term");
    check(&[1, 0, 1, 0, 0, 1, 1], "unknown xorb");
    check(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "they end too early");
    check(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], "a number is too large");
    check(&with_xorb(&[1, 0, 0x80, 0x40, 1, 1]), "a chunk range is too long");
    check(&with_xorb(&[1, 0, 0, 1, 0x81, 0x80, 0x08]), "a length does not fit its chunks");
}
