//! Tests of charts.

use super::Line;

#[test]
fn days_become_a_line() {
    let day = |day: &str, count| (day.to_owned(), count);
    assert!(Line::of_days("Downloads", &[]).is_none());
    assert!(Line::of_days("Downloads", &[day("a", 0), day("b", 0)]).is_none());
    let drawn = Line::of_days("Downloads", &[day("2026-01-01", 0), day("2026-01-02", 4)]).unwrap();
    assert_eq!(drawn.line, "M0.0 59.0L300.0 2.0");
    assert_eq!(drawn.area, "M0.0 59.0L300.0 2.0L300 60L0 60Z");
    assert_eq!(drawn.label, "Downloads by day since 2026-01-01, at most 4 on 2026-01-02");
    assert_eq!(Line::of_days("x", &[day("a", 1)]).unwrap().line, "M0.0 2.0");
}
