//! Tests of what is found in a card.

use super::bibtex;

#[test]
fn the_first_entry_of_a_card_is_found() {
    let check = |card, expected| assert_eq!(bibtex(card), expected);
    check("```python\nx\n```\n\n```bibtex\n@misc{a}\n```\n", Some("@misc{a}"));
    check("```\n@misc{a}\n```", Some("@misc{a}"));
    check("```bibtex\n@misc{never closed", None);
    check("``` ```", None);
    check("", None);
}
