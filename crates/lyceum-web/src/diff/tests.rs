//! Tests of reading patches.

use super::{Diff, Pair, Sign};

const PATCH: &str = "diff --git a/a b.txt b/a b.txt\nindex 1..2 100644\n--- a/a b.txt\t\n+++ b/a b.txt\t\n@@ -1,3 +1,3 @@\n \
    same\n--- not a head\n+diff --git a/x b/x\n end\n@@ -10 +10,2 @@\n-old\n+new\n+more\n\\ No newline at end of file\n\
    diff --git \"a/q\\\"\\001.bin\" \"b/q\\\"\\001.bin\"\nnew file mode 100644\nindex 0..1\nBinary files /dev/null and x differ\n\
    diff --git a/gone b/gone\ndeleted file mode 100644\nindex 1..0\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
    More than 3000 files are changed; the others are not shown.\n";

#[test]
fn a_patch_is_read_by_its_counts() {
    let diff = Diff::parse(PATCH);
    let names: Vec<(&str, &str)> = diff.files.iter().map(|file| (file.path.as_str(), file.state)).collect();
    assert_eq!(names, [("a b.txt", ""), ("q\"\u{1}.bin", "new"), ("gone", "deleted")]);
    assert_eq!((diff.added, diff.removed), (3, 3));
    assert!(diff.note.unwrap().starts_with("More than 3000"));
    assert_eq!(diff.files[1].note.as_deref(), Some("It is not text."));
    let lines: Vec<(Sign, Option<u32>, Option<u32>, &str)> =
        diff.files[0].lines.iter().map(|line| (line.sign, line.old, line.new, line.text.as_str())).collect();
    assert_eq!(
        lines,
        [
            (Sign::Hunk, None, None, "@@ -1,3 +1,3 @@"),
            (Sign::Same, Some(1), Some(1), "same"),
            (Sign::Removed, Some(2), None, "-- not a head"),
            (Sign::Added, None, Some(2), "diff --git a/x b/x"),
            (Sign::Same, Some(3), Some(3), "end"),
            (Sign::Hunk, None, None, "@@ -10 +10,2 @@"),
            (Sign::Removed, Some(10), None, "old"),
            (Sign::Added, None, Some(10), "new"),
            (Sign::Added, None, Some(11), "more"),
        ]
    );
}

#[test]
fn sides_stand_beside_each_other() {
    let diff = Diff::parse(PATCH);
    let text = |line: Option<&super::Line>| line.map_or("", |line| line.text.as_str()).to_owned();
    let pairs: Vec<(String, String)> = diff.files[0]
        .pairs()
        .iter()
        .map(|pair| match pair {
            Pair::Hunk(_) => ("@".to_owned(), "@".to_owned()),
            Pair::Sides(old, new) => (text(*old), text(*new)),
        })
        .collect();
    let expected = [
        ("@", "@"),
        ("same", "same"),
        ("-- not a head", "diff --git a/x b/x"),
        ("end", "end"),
        ("@", "@"),
        ("old", "new"),
        ("", "more"),
    ];
    assert_eq!(pairs, expected.map(|(old, new)| (old.to_owned(), new.to_owned())));
}

#[test]
fn what_is_no_patch_is_not_one() {
    for text in
        ["", "x", "@@ -1 +1 @@\n-a", "diff --git ", "diff --git é", "diff --git a b\n@@ -1,9 +1,9 @@\n+"]
    {
        let diff = Diff::parse(text);
        assert!(diff.files.len() <= 1, "{text}");
    }
    let many = "diff --git a/x b/x\n@@ -0,0 +1,7000 @@\n".to_owned() + &"+x\n".repeat(7000);
    let diff = Diff::parse(&many);
    assert_eq!((diff.added, diff.files[0].lines.len(), diff.files[0].open()), (7000, 6000, false));
    assert!(diff.files[0].note.is_some());
}
