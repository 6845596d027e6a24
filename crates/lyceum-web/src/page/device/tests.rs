//! Tests of typed codes.

use super::tidy;

#[test]
fn codes_are_read_as_people_type_them() {
    let check = |typed, expected| assert_eq!(tidy(typed), expected);
    check("abcd-efgh", "ABCD-EFGH");
    check(" ABCD efgh ", "ABCD-EFGH");
    check("abc", "ABC");
    check("<script>", "SCRIPT");
}
