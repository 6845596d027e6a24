use super::*;

#[test]
fn names_references_without_their_class() {
    for (name, expected) in [
        ("refs/heads/main", "main"),
        ("refs/heads/a/b", "a/b"),
        ("refs/tags/v1", "v1"),
        ("refs/convert/parquet", "parquet"),
        ("refs/pr/1", "refs/pr/1"),
    ] {
        assert_eq!(short_name(&RefName::parse(name).expect("valid name")), expected);
    }
}

#[test]
fn escapes_html() {
    assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
}
