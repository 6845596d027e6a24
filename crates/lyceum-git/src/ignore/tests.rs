use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::Ignore;
use crate::testing::Git;

const PATHS: &[&str] = &[
    "a",
    "b.txt",
    "c d",
    "foo/a",
    "foo/b.txt",
    "foo/bar/a",
    "foo/bar/b.txt",
    "foo/bar/baz/x.y",
    "x/foo/a",
    "x/y/z/a.bin",
    "#h",
    "!n",
    "x/ab",
    "x/abc",
    "x/[a]",
    "x/a-b",
    "tail ",
    "x/A",
    "x/é",
];

/// Asks git which of the paths, and of the folders above them, are ignored.
fn by_git(rules: &[u8]) -> BTreeSet<String> {
    let git = Git::new();
    let mut input = BTreeSet::new();
    for path in PATHS {
        if let Some((folder, _)) = path.rsplit_once('/') {
            std::fs::create_dir_all(git.path().join(folder)).unwrap();
        }
        std::fs::write(git.path().join(path), b"").unwrap();
        input.insert((*path).to_owned());
        input.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
    }
    std::fs::write(git.path().join(".gitignore"), rules).unwrap();
    let input: Vec<String> = input.into_iter().collect();
    let (_, output) = git.try_run(&["check-ignore", "-z", "--stdin"], input.join("\0").as_bytes());
    String::from_utf8(output).unwrap().split_terminator('\0').map(str::to_owned).collect()
}

fn by_us(rules: &[u8]) -> BTreeSet<String> {
    let ignore = Ignore::parse(rules);
    let mut ignored = BTreeSet::new();
    for path in PATHS {
        let folders = path.match_indices('/').map(|(at, _)| (&path[..at], true));
        for (path, folder) in folders.chain([(*path, false)]) {
            if ignore.ignored(path, folder) {
                ignored.insert(path.to_owned());
            }
        }
    }
    ignored
}

#[test]
fn rules_mean_what_they_mean_to_git() {
    for rules in [
        "",
        "*.txt\n!foo/b.txt",
        "foo/\n!foo/a",
        "/a",
        "bar/",
        "foo/*\n!foo/bar/\nfoo/bar/*\n!foo/bar/a",
        "**/a",
        "foo/**/b.txt",
        "foo/**",
        "x/**/z",
        "a/",
        "# comment\n\\#h\n\\!n",
        "tail\\ ",
        "tail ",
        "c d   ",
        "[a-c]\nx/[!a]*",
        "x/[[:upper:]]",
        "x/\\[a\\]",
        "x/[]a[]*",
        "x/a?b",
        "x/a[--0]b",
        "*",
        "*\n!*/\n!*.txt",
        "/*\n!/foo\n/foo/*\n!/foo/bar",
        "\u{feff}a\r\nb.txt\r\n",
        "x/[",
        "x\\",
        "**",
        "***",
        "x/**",
        "**foo/a",
        "foo**/a",
        "x/***/a.bin",
        "//a",
        "/",
        "!",
        "foo//",
        "x/é",
        "x/?",
    ] {
        assert_eq!(by_us(rules.as_bytes()), by_git(rules.as_bytes()), "{rules:?}");
    }
}

#[test]
fn hostile_rules_take_no_time() {
    let stars = "*a".repeat(120) + "b";
    let folders = "**/".repeat(60) + "b";
    let ignore = Ignore::parse([stars, folders].join("\n").as_bytes());
    assert!(!ignore.ignored(&"a".repeat(250), false));
    assert!(!ignore.ignored(&["a"; 64].join("/"), false));
    assert!(Ignore::parse("a\n".repeat(5000).as_bytes()).0.len() == 1000);
    assert!(!Ignore::parse("*?".repeat(200).as_bytes()).ignored("a", false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_rules_mean_what_they_mean_to_git(
        lines in prop::collection::vec("!?[/*]{0,2}(foo|bar|a|b|x|\\*|\\?|\\*\\*|/|/|\\[a-c\\]|\\[!b\\]|\\.|\\\\a){0,6}/?", 1..5),
    ) {
        let rules = lines.join("\n");
        prop_assert_eq!(by_us(rules.as_bytes()), by_git(rules.as_bytes()), "{:?}", rules);
    }

    #[test]
    fn parsing_never_panics(data: Vec<u8>, path: String) {
        Ignore::parse(&data).ignored(&path, false);
    }
}
