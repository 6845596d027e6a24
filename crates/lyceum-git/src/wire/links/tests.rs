//! Damaged and unusual objects.

use super::*;

const HEX: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

#[test]
fn reads_commits_that_a_check_would_refuse() {
    let tree = HEX.parse().unwrap();
    let read = |text: &str| parse_commit(text.replace("HEX", HEX).as_bytes());
    let links = |parents: usize, date| Some(CommitLinks { tree, parents: vec![tree; parents], date });
    assert_eq!(read("tree HEX\nauthor a <b> 3 +0000\ncommitter a <b> 4 +0000\n\nm"), links(0, 4));
    assert_eq!(read("tree HEX\nparent HEX\nparent HEX\ncommitter <<> x> 7\n"), links(2, 7));
    assert_eq!(read("tree HEX\nauthor a\n\ncommitter in the message <> 9 +0000"), links(0, 0));
    assert_eq!(read("tree HEX\ncommitter none"), links(0, 0));
    assert_eq!(read("tree HEX"), links(0, 0));
    assert_eq!(read("parent HEX\n"), None);
    assert_eq!(read("tree HEX\nparent 12\n"), None);
    assert_eq!(read(""), None);
}

#[test]
fn reads_trees_that_a_check_would_refuse() {
    let mut data = Vec::new();
    for entry in ["100644 .git", "40000 a/b", "160000 s", "0100755 z", "120000 \u{fe}"] {
        data.extend_from_slice(entry.as_bytes());
        data.push(0);
        data.extend_from_slice(&[7; 20]);
    }
    let found: Vec<_> = entries(&data).map(|link| link.unwrap().kind).collect();
    let (blob, tree, module) = (LinkKind::Blob, LinkKind::Tree, LinkKind::Submodule);
    assert_eq!(found, [blob, tree, module, blob, blob]);
    data.pop();
    assert_eq!(entries(&data).filter(Result::is_ok).count(), 4);
    assert_eq!(entries(&data).filter(Result::is_err).count(), 1);
    assert!(entries(b"1006x4 a\0").all(|link| link.is_err()));
}
