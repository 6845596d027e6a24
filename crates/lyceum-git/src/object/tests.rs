//! Ids of what comes from outside.

use super::*;
use crate::ErrorKind;

/// The first bytes of the file by which a collision was shown in 2017; the states of the hash meet after the last two
/// blocks of 64.
const SHATTERED: &str = "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033203020522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe017346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1";

fn hasher() -> ObjectHasher {
    // Behind the header of a git object the same bytes collide with nothing.
    ObjectHasher(sha1_checked::Sha1::builder().safe_hash(false).build())
}

#[test]
fn refuses_what_was_made_to_collide() {
    let digit = |at: usize| u8::from_str_radix(&SHATTERED[at..at + 2], 16).unwrap();
    let mut bytes: Vec<u8> = (0..SHATTERED.len()).step_by(2).map(digit).collect();
    let mut attacked = hasher();
    attacked.update(&bytes);
    let error = attacked.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().ends_with("is part of a SHA-1 collision attack"), "{error}");

    // One bit off, it is an ordinary text again.
    *bytes.last_mut().unwrap() ^= 1;
    let mut harmless = hasher();
    harmless.update(&bytes);
    harmless.finish().unwrap();
}

#[test]
fn agrees_with_the_unchecked_id() {
    for data in [&b""[..], b"x", &[7; 100_000]] {
        for kind in [ObjectKind::Blob, ObjectKind::Commit] {
            assert_eq!(checked_object_id(kind, data).unwrap(), object_id(kind, data));
        }
    }
}
