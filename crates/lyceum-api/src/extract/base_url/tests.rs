use super::*;

#[test]
fn prefers_what_the_client_sees() {
    for (headers, trusted, expected) in [
        (&[("host", "hub:8640")] as &[_], false, "http://hub:8640"),
        (&[("host", "hub"), ("x-forwarded-proto", "https")], false, "http://hub"),
        (&[("host", "hub"), ("x-forwarded-proto", "https")], true, "https://hub"),
        (
            &[("host", "in"), ("x-forwarded-host", "out.example, mid"), ("x-forwarded-proto", "https, http")],
            true,
            "https://out.example",
        ),
        (&[("host", "in"), ("x-forwarded-proto", "javascript")], true, "http://in"),
        (&[("host", "[::1]:80")], false, "http://[::1]:80"),
        (&[("host", "a@b")], false, "http://localhost"),
        (&[("host", "not a host")], false, "http://localhost"),
        (&[], false, "http://localhost"),
    ] {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.parse().expect("header name"),
                    value.parse::<http::HeaderValue>().expect("header value"),
                )
            })
            .collect::<Vec<(http::HeaderName, _)>>()
            .into_iter()
            .collect();
        assert_eq!(from_headers(&map, None, trusted), expected, "{headers:?}");
    }
    let target: Authority = "target:1".parse().expect("authority");
    assert_eq!(from_headers(&HeaderMap::new(), Some(&target), false), "http://target:1");
}
