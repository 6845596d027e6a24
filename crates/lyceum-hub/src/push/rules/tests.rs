//! Symbolic links.

use super::stays_inside;

#[test]
fn links_stay_inside() {
    let check = |path: &str, target: &str, expected: bool| {
        assert_eq!(stays_inside(path, target.as_bytes()), expected, "{path} -> {target}");
    };
    check("a", "b", true);
    check("a", "./b//c", true);
    check("dir/a", "../b", true);
    check("dir/a", "x/../../b", true);
    check("a", "../b", false);
    check("dir/a", "../../b", false);
    check("dir/a", "../x/../../b", false);
    check("a", "/etc/passwd", false);
    check("a", "..\\b", false);
    check("a", "C:b", false);
    check("a", ".git/config", false);
    check("dir/a", "../.GIT/hooks", false);
    check("a", "", false);
    assert!(!stays_inside("a", b"\xff"));
}
