use super::*;

#[test]
fn parses_the_two_schemes() {
    let bearer = |token: &str| Some(Credentials::Bearer(token.to_owned()));
    let basic = |name: &str, secret: &str| {
        Some(Credentials::Basic { name: name.to_owned(), secret: secret.to_owned() })
    };
    for (header, expected) in [
        ("Bearer hf_abc", bearer("hf_abc")),
        ("bearer  hf_abc ", bearer("hf_abc")),
        ("Bearer ", None),
        ("Bearer", None),
        ("hf_abc", None),
        ("Digest abc", None),
        ("Basic YTpi", basic("a", "b")),
        ("BASIC YTpiOmM=", basic("a", "b:c")),
        ("Basic YQ==", None),
        ("Basic ???", None),
        ("Basic /w==", None),
    ] {
        assert_eq!(parse(header), expected, "{header}");
    }
    assert_eq!(parse(&format!("Bearer {}", "x".repeat(MAX_AUTHORIZATION_BYTES))), None);
}
