use super::*;

fn params(query: &str) -> Params {
    Params::parse(query.as_bytes()).expect("valid query")
}

#[test]
fn reads_repeated_and_bracketed_names() {
    let params = params("expand=a&x=1&expand=b%20c&expand[]=d&empty=");
    assert_eq!(params.all("expand").collect::<Vec<_>>(), ["a", "b c", "d"]);
    assert_eq!(params.first("empty"), Some(""));
    assert_eq!(params.filled("empty"), None);
    assert!(params.required("empty").is_err());
    assert_eq!(params.first("other"), None);
}

#[test]
fn reads_flags() {
    for (query, expected) in [
        ("", Some(false)),
        ("f=true", Some(true)),
        ("f=True", Some(true)),
        ("f=1", Some(true)),
        ("f", Some(true)),
        ("f=false", Some(false)),
        ("f=0", Some(false)),
        ("f=yes", None),
    ] {
        assert_eq!(params(query).flag("f").ok(), expected, "{query}");
    }
}

#[test]
fn reads_numbers() {
    for (query, expected) in [
        ("", Some(None)),
        ("n=", Some(None)),
        ("n=7", Some(Some(7))),
        ("n=101", Some(Some(100))),
        ("n=-1", None),
        ("n=x", None),
        ("n=99999999999999999999", None),
    ] {
        assert_eq!(params(query).number("n", 100).ok(), expected, "{query}");
    }
}

#[test]
fn rebuilds_the_query_of_the_next_page() {
    assert_eq!(params("a=1&b=x/y&a=2&cursor=old").with("cursor", "n w"), "a=1&b=x%2Fy&a=2&cursor=n%20w");
    assert_eq!(params("").with("cursor", "c"), "cursor=c");
}

#[test]
fn refuses_endless_pairs() {
    assert!(Params::parse("a&".repeat(MAX_PAIRS + 1).as_bytes()).is_err());
    assert!(Params::parse("a&".repeat(MAX_PAIRS).as_bytes()).is_ok());
}
