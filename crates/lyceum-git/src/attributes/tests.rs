use proptest::prelude::*;

use crate::testing::Git;
use crate::{Attributes, DEFAULT_GITATTRIBUTES};

const PATHS: &[&str] = &[
    "a",
    "a.bin",
    "b.txt",
    "foo/a",
    "foo/a.bin",
    "foo/bar/a.bin",
    "foo/bar/b.txt",
    "x y",
    "x/foo/a",
    "tokenizer.json",
    "saved_model/variables/x.data",
    "model.safetensors",
    "events.tfevents.1",
    "x.tar.part1",
    "é",
];

fn by_git(rules: &str) -> Vec<Option<bool>> {
    let git = Git::new();
    std::fs::write(git.path().join(".gitattributes"), rules).unwrap();
    let output = git.run(&["check-attr", "-z", "--stdin", "filter"], PATHS.join("\0").as_bytes());
    let fields: Vec<&[u8]> = output.split(|byte| *byte == 0).collect();
    fields
        .chunks_exact(3)
        .map(|field| if field[2] == b"unspecified" { None } else { Some(field[2] == b"lfs") })
        .collect()
}

/// Git does not tell `!filter` from silence; for us it is a word against large files.
fn check(rules: &str) {
    let attributes = Attributes::parse(rules.as_bytes());
    for (path, expected) in PATHS.iter().zip(by_git(rules)) {
        let ours = attributes.lfs(path);
        let agrees = ours == expected || (ours == Some(false) && expected.is_none() && rules.contains('!'));
        assert!(agrees, "{path}: {ours:?} against {expected:?} in {rules:?}");
    }
}

#[test]
fn rules_mean_what_they_mean_to_git() {
    for rules in [
        "",
        "*.bin filter=lfs diff=lfs merge=lfs -text",
        "*.bin filter=lfs\nfoo/*.bin -filter",
        "*.bin filter=lfs\nfoo/**/a.bin filter=other",
        "*.bin filter=lfs\n*.bin filter",
        "*.bin -filter\n*.bin filter=lfs",
        "*.bin filter=lfs -filter",
        "*.bin filter=lfs\n*.bin !filter",
        "foo/** filter=lfs",
        "foo/ filter=lfs",
        "foo filter=lfs",
        "/a filter=lfs",
        "a filter=lfs",
        "\"x y\" filter=lfs",
        "\"\\303\\251\" filter=lfs",
        "\"x y filter=lfs",
        "!a.bin filter=lfs",
        "# *.bin filter=lfs",
        "  *.bin\tfilter=lfs \r\nb.txt filter=lfs\r\n",
        "[attr]large filter=lfs -text\n*.bin large",
        "[attr]large filter=lfs -text\n*.bin -large",
        "[attr]large filter=lfs\n[attr]huge large\n*.bin huge",
        "[attr]loop loop filter=lfs\n*.bin loop",
        "[attr]large filter=lfs\n*.bin large -filter",
        "[attr]large filter=lfs\n*.bin -filter large",
        "[attr]large filter=lfs\n*.bin large\na.bin -large",
        "*.bin filter=lfs bad/name",
        "*.bin -filter=lfs",
        "*.bin filter=",
        "*.bin filter=lfs=x",
        "*.bin binary",
        "*.bin",
        "\u{feff}*.bin filter=lfs",
        "saved_model/**/* filter=lfs\n*tfevents* filter=lfs\n*.tar.* filter=lfs",
        DEFAULT_GITATTRIBUTES,
    ] {
        check(rules);
    }
    check(&format!("*.bin filter=lfs {}", "x".repeat(2100)));
}

#[test]
fn new_repos_keep_weights_as_large_files() {
    let attributes = Attributes::parse(DEFAULT_GITATTRIBUTES.as_bytes());
    for large in [
        "model.safetensors",
        "a/b/pytorch_model.bin",
        "data/x.parquet",
        "x.gguf",
        "runs/events.out.tfevents.1.x",
    ] {
        assert_eq!(attributes.lfs(large), Some(true), "{large}");
    }
    for small in ["config.json", "README.md", "tokenizer.json", "train.py", ".gitattributes"] {
        assert_eq!(attributes.lfs(small), None, "{small}");
    }
    assert!(DEFAULT_GITATTRIBUTES.lines().count() < crate::limits::MAX_RULES);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_rules_mean_what_they_mean_to_git(
        lines in prop::collection::vec(
            (
                "(foo|bar|a|b|\\*|\\?|/|/|\\*\\*|\\[ab\\]|\\.bin|\\.txt){1,4}",
                "( (-|!)?(filter|text|large))?( filter=(lfs|x))?( (-|!)?(filter|large|text))?",
            ),
            1..5,
        ),
        macros in "(\\[attr\\]large( text)?( -?filter)?( filter=lfs)?( -diff)?\n)?",
    ) {
        let lines: String = lines.into_iter().map(|(pattern, words)| pattern + &words + "\n").collect();
        check(&(macros + &lines));
    }

    #[test]
    fn parsing_never_panics(data: Vec<u8>, path: String) {
        Attributes::parse(&data).lfs(&path);
        Attributes::parse(&[b"\"", data.as_slice(), b"\" filter=lfs"].concat()).lfs(&path);
    }
}
