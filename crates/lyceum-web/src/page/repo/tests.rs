//! Tests of the card's text.

use super::body;

#[test]
fn the_front_matter_is_left_out() {
    let check = |readme, expected| assert_eq!(body(readme), expected);
    check("---\nlicense: mit\n---\n# Title\n", "# Title\n");
    check("---\r\nlicense: mit\r\n---\r\n# Title", "# Title");
    check("---\n---\n", "");
    check("# Title\n---\ntext", "# Title\n---\ntext");
    check("---\nnever closed", "---\nnever closed");
    check("", "");
}
