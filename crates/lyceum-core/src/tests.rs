use proptest::prelude::*;

use crate::{
    AccountName, ByteRange, Clock, Entropy, Oid, RangeHeader, RefName, RepoId, RepoPath, Revision, Sha256,
    Timestamp, XetHash,
};

fn check<T>(parse: impl Fn(&str) -> Result<T, crate::Invalid>, valid: &[&str], invalid: &[&str]) {
    for name in valid {
        assert!(parse(name).is_ok(), "`{name}` should be accepted");
    }
    for name in invalid {
        assert!(parse(name).is_err(), "`{name}` should be refused");
    }
}

#[test]
fn names_follow_the_clients_rules() {
    let long = "a".repeat(97);
    check(
        AccountName::parse,
        &["a", "__DUMMY_HUB_USER__", "hub.js", "A-b_c.9"],
        &["", "-a", "a-", ".a", "a--b", "a..b", "a b", "é", "a/b", "x.git", &long],
    );
    check(AccountName::parse_new, &["alice"], &["api", "Datasets", "spaces"]);
    check(RepoId::parse, &["a/b", "Org/Model-1.0"], &["a", "a/b/c", "/b", "a/", "a/b.git", "a/..", "a/b\0"]);
    assert_eq!(RepoId::parse("Org/Name").unwrap().key(), "org/name");
}

#[test]
fn paths_cannot_leave_the_repo() {
    check(
        RepoPath::parse,
        &["a", "a/b.c", "dir/", "日本語/ü.txt", r"folder/..\..\file", ".gitattributes", "a/.github/x"],
        &[
            "",
            "/a",
            "a//b",
            "..",
            "a/../b",
            "./a",
            ".git",
            "a/.GIT/config",
            ".git./x",
            "GIT~1/x",
            ".g\u{200c}it/x",
            "a\0b",
            "a\nb",
            r"..\ddd",
        ],
    );
    check(RepoPath::parse, &[], &[&"x".repeat(256), &"a/".repeat(600), &["a"; 65].join("/")]);
}

#[test]
fn revisions_follow_check_ref_format() {
    check(
        Revision::parse,
        &["main", "refs/pr/1", "feature/x", "v1.0"],
        &["", "a..b", "a b", "a~1", "a.lock", ".a", "a/", "@", "x@{1}", "a\\b"],
    );
    check(
        RefName::parse,
        &["refs/heads/x", "refs/convert/parquet"],
        &["main", "refs/heads/", "refs/other/x"],
    );
    assert_eq!(Revision::parse("ABC1234").unwrap().oid_prefix().as_deref(), Some("abc1234"));
    assert_eq!(Revision::parse("abg1234").unwrap().oid_prefix(), None);
}

#[test]
fn range_headers_fit_the_representation() {
    let fit = |header: &str| RangeHeader::parse(header).unwrap().unwrap().resolve(100);
    assert_eq!(fit("bytes=0-9"), [ByteRange::new(0, 10)]);
    assert_eq!(fit("bytes=90-"), [ByteRange::new(90, 100)]);
    assert_eq!(fit("bytes=-7"), [ByteRange::new(93, 100)]);
    assert_eq!(fit("bytes=0-100000"), [ByteRange::new(0, 100)]);
    assert_eq!(fit("bytes=0-0, 5-6"), [ByteRange::new(0, 1), ByteRange::new(5, 7)]);
    assert!(fit("bytes=100-").is_empty());
    assert!(fit("bytes=-0").is_empty());
    assert_eq!(RangeHeader::parse("lines=0-1").unwrap(), None);
    for bad in ["bytes", "bytes=", "bytes=a-b", "bytes=5-4", "bytes=-", "bytes=+1-2", "bytes=1-2-3"] {
        assert!(RangeHeader::parse(bad).is_err(), "{bad}");
    }
    assert!(RangeHeader::parse(&format!("bytes={}0-0", "0-0,".repeat(5000))).is_err());
}

#[test]
fn times_print_as_the_clients_parse_them() {
    let time = Timestamp(1_700_000_000_123);
    assert_eq!(time.to_string(), "2023-11-14T22:13:20.123Z");
    assert_eq!(time.http_date(), "Tue, 14 Nov 2023 22:13:20 GMT");
    assert!(Clock::system().now() > time);
    let parse = |text: &str| Timestamp::parse(text).map_err(|_| ());
    assert_eq!(parse("2023-11-14T22:13:20.123Z"), Ok(time));
    assert_eq!(parse("2023-11-14T22:13:20Z"), Ok(Timestamp(1_700_000_000_000)));
    assert_eq!(parse("2023-11-14T22:13:20.123456Z"), Ok(time));
    assert_eq!(parse("2024-02-29").map(|day| day.to_string()), Ok("2024-02-29T00:00:00.000Z".to_owned()));
    let wrong =
        ["", "2023-02-29", "2023-1-1", "2023-01-01T00:00:00+00:00", "2023-01-01T24:00:00Z", "+023-01-01"];
    check(Timestamp::parse, &[], &wrong);
    check(
        Timestamp::parse,
        &[],
        &["2023-01-01T00:00:00.Z", "2023-01-01-01", "2023-01-01T00:00Z", "٢٠٢٣-01-01"],
    );
    assert_eq!(Entropy::system().alphanumeric(34).len(), 34);
    assert_ne!(Entropy::system().id(), Entropy::system().id());
}

#[test]
fn xet_hashes_print_as_little_endian_numbers() {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    assert_eq!(XetHash(bytes).to_string(), format!("0000000000000001{}", "0".repeat(48)));
}

proptest! {
    #[test]
    fn hashes_round_trip(bytes: [u8; 32]) {
        prop_assert_eq!(XetHash(bytes).to_string().parse(), Ok(XetHash(bytes)));
        prop_assert_eq!(Sha256(bytes).to_string().to_uppercase().parse(), Ok(Sha256(bytes)));
        let oid = Oid::from_slice(&bytes[..20]).unwrap();
        prop_assert_eq!(oid.to_string().parse(), Ok(oid));
    }

    #[test]
    fn parsers_never_panic(text: String, size: u64) {
        let _ = RepoId::parse(&text);
        let _ = RepoPath::parse(&text);
        let _ = Revision::parse(&text);
        if let Ok(Some(ranges)) = RangeHeader::parse(&text) {
            prop_assert!(ranges.resolve(size).iter().all(|range| range.end <= size));
        }
    }
}
