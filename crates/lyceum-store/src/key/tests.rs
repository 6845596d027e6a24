use super::*;

#[test]
fn a_key_is_its_text() {
    for key in ["segments/12/a-b_c.pack", "uploads/x/1", "attachments/a.png"] {
        assert_eq!(BlobKey::parse(key).unwrap().as_str(), key);
    }
    let key = BlobKey::segment("12/34").unwrap();
    assert_eq!(key.as_str(), "segments/12/34");
    assert_eq!(BlobKey::segment(key.as_str()).unwrap(), key);
}

#[test]
fn a_key_cannot_leave_its_folder() {
    let long = "a".repeat(201);
    let names =
        ["", "/", "a//b", "..", "a/../b", ".hidden", "a b", "a#1", "a\\b", "é", "a/", "/a", "a\0", &long];
    for name in names {
        assert!(BlobKey::upload(name).is_err(), "{name:?}");
        assert!(BlobKey::parse(&format!("uploads/{name}")).is_err(), "{name:?}");
    }
    for text in ["xorbs/ab/cd", "shards/x", "tmp/x", "lock", "segments", ""] {
        assert!(BlobKey::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_hash_is_fanned_out_and_found_again() {
    let hash = XetHash([0xab; 32]);
    let path = xorb(hash);
    assert_eq!(path.as_ref(), format!("xorbs/ab/ab/{hash}"));
    assert_eq!(hash_of(&path), Some(hash));
    assert_eq!(hash_of(&Path::from("xorbs/ab/ab/readme")), None);
}
