use crate::glob::Pattern;

fn check(pattern: &str, matching: &[&str], other: &[&str]) {
    let parsed = Pattern::parse(pattern.as_bytes());
    for path in matching {
        assert!(parsed.matches(path, false), "{pattern} should match {path}");
    }
    for path in other {
        assert!(!parsed.matches(path, false), "{pattern} should not match {path}");
    }
}

#[test]
fn wildcards_stay_within_a_segment() {
    check("*.bin", &["a.bin", ".bin", "x/y.bin"], &["a.bin/x", "a.bi", "bin"]);
    check("/*.bin", &["a.bin"], &["x/a.bin"]);
    check("a*b?c", &["abxc", "axxbxc"], &["abc", "a/bxc"]);
    check("d/*/f", &["d/e/f"], &["d/f", "d/e/e/f"]);
}

#[test]
fn two_stars_cross_segments() {
    check("**/f", &["f", "d/f", "d/e/f"], &["xf", "f/x"]);
    check("d/**", &["d/f", "d/e/f"], &["d", "x/d/f"]);
    check("d/**/f", &["d/f", "d/e/f", "d/e/e/f"], &["df", "d/xf"]);
    check("**/d/**/f", &["d/f", "x/d/y/f"], &["f"]);
    check("a**b", &["ab", "axb"], &["a/b"]);
    check("?**/b", &["a/b"], &["ab", "a/c/b"]);
    // As git has it, for the reason given where tokens are made.
    check("a**/b", &["a/b", "ab", "a/c/b"], &["a/bc"]);
}

#[test]
fn classes_and_escapes() {
    check("[a-c]x", &["ax", "cx"], &["dx", "x"]);
    check("[!a-c]x", &["dx"], &["ax"]);
    check("[]-]x", &["]x", "-x"], &["ax"]);
    check("[[:digit:]_]", &["1", "_"], &["a", ":"]);
    check("\\*", &["*"], &["a"]);
    check("[", &[], &["[", "a"]);
    check("a\\", &[], &["a", "a\\"]);
    check("[[:nope:]]", &[], &["n", ":"]);
}
