use bytes::Bytes;
use lyceum_core::Oid;
use proptest::prelude::*;

use crate::testing::Git;
use crate::{Change, Content, Mode, ObjectKind, PatchWriter, Pointer, RawWriter, object_id};

fn side(content: Option<&[u8]>, mode: Mode) -> (Option<(Mode, Oid)>, Content) {
    let at = content.map(|content| (mode, object_id(ObjectKind::Blob, content)));
    (at, Content::Known(Bytes::copy_from_slice(content.unwrap_or_default())))
}

fn patch(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> String {
    let ((old, was), (new, is)) = (side(old, Mode::File), side(new, Mode::File));
    let mut patch = PatchWriter::new(1 << 20);
    patch.add(&Change { path: path.to_owned(), old, new }, &was, &is);
    patch.finish()
}

#[test]
fn a_change_reads_as_git_writes_it() {
    let old: String = (1..=20).map(|n| format!("line {n}\n")).collect();
    let new = old.replace("line 2\n", "line two\n").replace("line 20\n", "line 20");
    let text = patch("a b.txt", Some(old.as_bytes()), Some(new.as_bytes()));
    let (header, hunks) = text.split_once("--- ").unwrap();
    assert!(header.starts_with("diff --git a/a b.txt b/a b.txt\nindex "), "{header}");
    assert!(header.ends_with(" 100644\n"), "{header}");
    let expected = "a/a b.txt\t\n+++ b/a b.txt\t\n@@ -1,5 +1,5 @@\n line 1\n-line 2\n+line two\n line 3\n line 4\n line 5\n\
                    @@ -17,4 +17,4 @@\n line 17\n line 18\n line 19\n-line 20\n+line 20\n\\ No newline at end of file\n";
    assert_eq!(hunks, expected);
}

#[test]
fn what_is_not_shown_is_told() {
    let binary = patch("w.bin", Some(b"a\0b"), Some(b"a\0c"));
    assert!(binary.ends_with("Binary files a/w.bin and b/w.bin differ\n"), "{binary}");
    let added = patch("w.bin", None, Some(b"\0"));
    assert!(added.contains("new file mode 100644\n") && added.contains("Binary files /dev/null and b/w.bin"));
    let mut small = PatchWriter::new(10);
    let ((old, was), (new, is)) = (side(Some(b"a long line\n"), Mode::File), side(Some(b"b\n"), Mode::File));
    small.add(&Change { path: "f".to_owned(), old, new }, &was, &is);
    small.add(&Change { path: "g".to_owned(), old, new }, &Content::TooLarge, &is);
    let text = small.finish();
    assert!(
        text.contains("Large files a/f and b/f differ\n") && text.contains("Large files a/g and b/g"),
        "{text}"
    );
}

#[test]
fn modes_links_and_submodules() {
    let (old, was) = side(Some(b"x\n"), Mode::File);
    let (new, _) = side(Some(b"x\n"), Mode::Executable);
    let mut patch = PatchWriter::new(1 << 20);
    patch.add(&Change { path: "run".to_owned(), old, new }, &was, &was);
    assert_eq!(patch.finish(), "diff --git a/run b/run\nold mode 100644\nnew mode 100755\n");
    let (link, target) = side(Some(b"to"), Mode::Symlink);
    let mut patch = PatchWriter::new(1 << 20);
    patch.add(&Change { path: "l".to_owned(), old, new: link }, &was, &target);
    let text = patch.finish();
    assert!(text.contains("deleted file mode 100644") && text.contains("new file mode 120000"), "{text}");
    let module = Some((Mode::Submodule, Oid([7; 20])));
    let mut patch = PatchWriter::new(1 << 20);
    patch.add(&Change { path: "m".to_owned(), old: None, new: module }, &was, &was);
    assert!(patch.finish().contains("+Subproject commit 0707"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn git_applies_what_is_written(
        old in prop::option::of("([ab]?[ab\"]?\n){0,30}[ab]?"),
        new in prop::option::of("([ab]?[ab\"]?\n){0,30}[ab]?"),
        path in "[a-c \"\\\\]{1,4}é?",
    ) {
        prop_assume!(old != new && path.trim() == path);
        let git = Git::new();
        let file = git.path().join(&path);
        if let Some(old) = &old {
            std::fs::write(&file, old).unwrap();
        }
        let text = patch(&path, old.as_ref().map(|text| text.as_bytes()), new.as_ref().map(|text| text.as_bytes()));
        let (status, _) = git.try_run(&["apply", "--whitespace=nowarn", "-"], text.as_bytes());
        prop_assert_eq!(status, 0, "{}", text);
        prop_assert_eq!(std::fs::read_to_string(&file).ok(), new);
    }
}

#[test]
fn raw_lines_are_those_of_git() {
    let git = Git::new();
    let pointer = Pointer { oid: lyceum_core::Sha256([7; 32]), size: 123_456 }.encode();
    let old: &[(&str, &[u8])] = &[("changed.txt", b"1\n"), ("gone.txt", b"x"), ("q\"t.bin", b"a\0b")];
    let new: &[(&str, &[u8])] = &[("changed.txt", b"two\n"), ("large.bin", &pointer), ("q\"t.bin", b"a\0c")];
    let mut trees = Vec::new();
    for files in [old, new] {
        git.run(&["rm", "-rq", "--cached", "--ignore-unmatch", "."], b"");
        for (path, content) in files {
            let oid = git.run(&["hash-object", "-w", "--stdin"], content);
            let oid = String::from_utf8(oid).unwrap();
            git.run(&["update-index", "--add", "--cacheinfo", &format!("100644,{},{path}", oid.trim())], b"");
        }
        trees.push(git.lines(&["write-tree"]).remove(0));
    }
    let expected =
        git.lines(&["diff-tree", "-r", "--raw", "--abbrev=40", "--no-renames", &trees[0], &trees[1]]);

    let mut raw = RawWriter::default();
    for path in ["changed.txt", "gone.txt", "large.bin", "q\"t.bin"] {
        let content = |files: &[(&str, &[u8])]| {
            files.iter().find(|(name, _)| *name == path).map(|(_, content)| content.to_vec())
        };
        let (was, is) = (content(old), content(new));
        let ((old, _), (new, content)) = (side(was.as_deref(), Mode::File), side(is.as_deref(), Mode::File));
        raw.add(&Change { path: path.to_owned(), old, new }, &content, is.map_or(0, |is| is.len() as u64));
    }
    let text = raw.finish();
    let (sizes, lines): (Vec<_>, Vec<_>) = text.lines().map(|line| line.split_once('\t').unwrap()).unzip();
    assert_eq!(sizes, ["T 4", "T 0", "B 123456", "B 3"]);
    // Ids are followed by dots, as git once wrote them and the Hub still does.
    let lines: Vec<_> = lines.iter().map(|line| line.replace("... ", " ")).collect();
    assert_eq!(lines, expected);
}
