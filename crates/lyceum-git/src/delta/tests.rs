use proptest::prelude::*;

use crate::{apply_delta, delta_sizes};

#[test]
fn copies_and_new_bytes_make_an_object() {
    let base: Vec<u8> = (0..70_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    // Base of 70,000 bytes; object of 65,536 + 3 + 2.
    let mut delta = vec![0xf0, 0xa2, 0x04, 0x85, 0x80, 0x04];
    delta.extend([0x80]);
    delta.extend([3, b'n', b'e', b'w']);
    delta.extend([0x93, 0x00, 0x01, 2]);
    assert_eq!(delta_sizes(&delta), Some((70_000, 65_541)));
    let mut expected = base[..65_536].to_vec();
    expected.extend(b"new");
    expected.extend(&base[256..258]);
    assert_eq!(apply_delta(&base, &delta).unwrap(), expected);
}

#[test]
fn broken_deltas_are_refused() {
    let base = b"0123456789";
    let whole = [10, 4, 0x91, 2, 3, 1, b'x'];
    assert_eq!(apply_delta(base, &whole).unwrap(), b"234x");
    for (delta, problem) in [
        (&[][..], "bad header"),
        (&[10], "bad header"),
        (&[9, 4, 0x91, 2, 3, 1, b'x'], "another size"),
        (&[10, 4, 0x91, 2, 3, 2, b'x'], "cut off"),
        (&[10, 4, 0x91, 2], "cut off"),
        (&[10, 4, 0x91, 8, 3, 1, b'x'], "outside"),
        (&[10, 3, 0x91, 2, 3, 1, b'x'], "more"),
        (&[10, 5, 0x91, 2, 3, 1, b'x'], "less"),
        (&[10, 4, 0], "reserved"),
        (&[10, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "bytes"),
    ] {
        let error = apply_delta(base, delta).unwrap_err().to_string();
        assert!(error.contains(problem), "{delta:?}: {error}");
    }
}

proptest! {
    #[test]
    fn anything_is_refused_or_has_the_size_it_says(base: Vec<u8>, delta: Vec<u8>) {
        if let Ok(object) = apply_delta(&base, &delta) {
            prop_assert_eq!(delta_sizes(&delta), Some((base.len() as u64, object.len() as u64)));
        }
    }
}
