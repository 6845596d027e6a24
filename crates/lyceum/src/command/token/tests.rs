use lyceum_core::Timestamp;

use super::parse_end;

#[test]
fn an_end_is_a_date_or_a_span() {
    let now = Timestamp(1_700_000_000_000);
    let parse = |text| parse_end(text, now).ok();
    assert_eq!(parse("90d"), Some(now.plus_seconds(90 * 24 * 3600)));
    assert_eq!(parse("12h"), Some(now.plus_seconds(12 * 3600)));
    assert_eq!(parse("2030-01-02").map(Timestamp::day), Some("2030-01-02".to_owned()));
    for wrong in ["", "d", "0d", "-1d", "1w", "99999999999999999999d", "40000d", "tomorrow"] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}
