//! Tests of numbers and times.

use lyceum_core::Timestamp;

use super::{amount, count, size, time};

#[test]
fn sizes_have_three_digits() {
    let check = |bytes, expected: &str| assert_eq!(size(bytes), expected);
    check(0, "0 B");
    check(999, "999 B");
    check(1000, "1.00 kB");
    check(9_999, "10.0 kB");
    check(123_456, "123 kB");
    check(999_700, "1.00 MB");
    check(5_000_000_000, "5.00 GB");
    check(u64::MAX, "18447 PB");
}

#[test]
fn counts_are_grouped() {
    let check = |number, expected: &str| assert_eq!(count(number), expected);
    check(0, "0");
    check(999, "999");
    check(1_234_567, "1\u{202f}234\u{202f}567");
    check(1000, "1\u{202f}000");
}

#[test]
fn amounts_are_short() {
    let check = |number, expected: &str| assert_eq!(amount(number), expected);
    check(999, "999");
    check(1540, "1.54 k");
    check(66_000_000, "66.0 M");
    check(7_240_000_000, "7.24 B");
    check(405_000_000_000, "405 B");
}

#[test]
fn times_end_at_the_minute() {
    assert_eq!(time(Timestamp(1_767_225_661_500)), "2026-01-01 00:01 UTC");
}
