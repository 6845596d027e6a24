use super::*;

#[test]
fn addresses_are_taken_apart() {
    for (address, secure, host, port, path) in [
        ("https://example.org", true, "example.org", 443, "/"),
        ("http://example.org:8080/a/b?c=d", false, "example.org", 8080, "/a/b?c=d"),
        ("http://[::1]:9/", false, "::1", 9, "/"),
        ("https://example.org?x", true, "example.org", 443, "/?x"),
    ] {
        let target = Target::parse(address).unwrap();
        let found = (target.secure, target.host.as_str(), target.port, target.path());
        assert_eq!(found, (secure, host, port, path.to_owned()), "{address}");
    }
}

#[test]
fn other_addresses_are_refused() {
    let long = format!("https://example.org/{}", "x".repeat(MAX_BYTES));
    for address in [
        "",
        "example.org",
        "/path",
        "ftp://example.org",
        "file:///etc/passwd",
        "https://",
        "https://user@example.org",
        "https://user:secret@example.org",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:x/",
        "https://example.org/#fragment",
        "https://example.org/a b",
        "https://example.org\\@localhost/",
        "https://example.org/\r\nX: y",
        &long,
    ] {
        assert!(Target::parse(address).is_err(), "{address:?}");
    }
}
