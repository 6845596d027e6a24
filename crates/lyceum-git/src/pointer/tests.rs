use proptest::prelude::*;

use crate::Pointer;

const OID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

fn check(text: &str, expected: Option<u64>) {
    assert_eq!(Pointer::parse(text.as_bytes()).map(|pointer| pointer.size), expected, "{text}");
}

#[test]
fn pointers_follow_the_specification() {
    let version = "version https://git-lfs.github.com/spec/v1";
    check(&format!("{version}\noid sha256:{OID}\nsize 12345\n"), Some(12345));
    check(&format!("{version}\next-0-foo sha256:{OID}\noid sha256:{OID}\nsize 1\n"), Some(1));
    check(&format!("version https://hawser.github.com/spec/v1\noid sha256:{OID}\nsize 0\n"), Some(0));
    check(&format!("version https://example.org/v1\noid sha256:{OID}\nsize 0\n"), None);
    check(&format!("{version}\noid sha256:{OID}\n"), None);
    check(&format!("{version}\nsize 1\noid sha256:{OID}\n"), None);
    check(&format!("{version}\noid sha256:{OID}\nsize +1\n"), None);
    check(&format!("{version}\noid sha256:{OID}\nsize -1\n"), None);
    check(&format!("{version}\noid sha256:{OID}\nsize 1\nmore\n"), None);
    check(&format!("{version}\noid sha1:{OID}\nsize 1\n"), None);
    check(&format!("{version}\noid sha256:{}\nsize 1\n", &OID[1..]), None);
    check(&format!("{version}\noid sha256:{OID}\nsize 1\n{}", " ".repeat(1024)), None);
    check("", None);
}

proptest! {
    #[test]
    fn pointers_round_trip(oid: [u8; 32], size: u64) {
        let pointer = Pointer { oid: lyceum_core::Sha256(oid), size };
        prop_assert_eq!(Pointer::parse(&pointer.encode()), Some(pointer));
    }

    #[test]
    fn parsing_never_panics(data: Vec<u8>) {
        let _ = Pointer::parse(&data);
    }
}
