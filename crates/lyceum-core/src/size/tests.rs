use super::parse_size;

#[test]
fn reads_sizes() {
    let check = |text: &str, expected: Option<u64>| assert_eq!(parse_size(text).ok(), expected, "{text}");
    check("0", Some(0));
    check("123", Some(123));
    check("500GiB", Some(500 << 30));
    check("1.5 tb", Some(1_500_000_000_000));
    check(" 1 KiB ", Some(1024));
    check("", None);
    check("GiB", None);
    check("-1", None);
    check("10 GiBs", None);
    check("1.2.3", None);
    check("99999999TiB", None);
}
