use lyceum_core::Oid;
use proptest::prelude::*;

use crate::testing::Git;
use crate::{Mode, ObjectKind, Tree, TreeEntry, object_id};

fn entry(name: &str, mode: Mode) -> TreeEntry {
    TreeEntry { name: name.to_owned(), mode, oid: object_id(ObjectKind::Blob, b"") }
}

fn raw(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (mode, name) in entries {
        data.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        data.extend_from_slice(&[7; 20]);
    }
    data
}

fn git_mktree(git: &Git, tree: &Tree) -> Oid {
    let kind = |mode| match mode {
        Mode::Folder => "tree",
        Mode::Submodule => "commit",
        _ => "blob",
    };
    // In reverse, so that git has something to sort.
    let lines: Vec<String> = tree
        .entries()
        .iter()
        .rev()
        .map(|entry| format!("{:0>6} {} {}\t{}\0", entry.mode, kind(entry.mode), entry.oid, entry.name))
        .collect();
    let output = git.run(&["mktree", "-z", "--missing"], lines.concat().as_bytes());
    String::from_utf8(output).unwrap().trim().parse().unwrap()
}

#[test]
fn order_is_that_of_git() {
    let git = Git::new();
    let tree = Tree::new(vec![
        entry("a", Mode::Folder),
        entry("a.txt", Mode::File),
        entry("a-b", Mode::Executable),
        entry("a0", Mode::Submodule),
        entry("A", Mode::Folder),
        entry("ab", Mode::Folder),
        entry("ü", Mode::Symlink),
        entry("日本", Mode::File),
    ]);
    assert_eq!(object_id(ObjectKind::Tree, &tree.encode()), git_mktree(&git, &tree));
    for entry in tree.entries() {
        assert_eq!(tree.find(&entry.name), Some(entry));
    }
    assert_eq!(tree.find("a0b"), None);
}

#[test]
fn names_that_would_escape_a_checkout_are_refused() {
    for name in ["", ".", "..", ".git", ".GIT", "a/b"] {
        assert!(Tree::parse(&raw(&[("100644", name)])).is_err(), "{name:?}");
    }
    assert!(Tree::parse(&raw(&[("100644", "b"), ("100644", "a")])).is_err());
    assert!(Tree::parse(&raw(&[("100644", "a"), ("100644", "a")])).is_err());
    assert!(Tree::parse(&raw(&[("100600", "a")])).is_err());
    assert!(Tree::parse(&raw(&[("100644", "a")])[..25]).is_err());
    assert!(Tree::parse(&raw(&[("100664", "a"), ("040000", "b")])).is_ok());
}

fn trees() -> impl Strategy<Value = Tree> {
    let modes = [Mode::File, Mode::Executable, Mode::Symlink, Mode::Folder, Mode::Submodule];
    let name = "[a-c.0-]{1,4}".prop_filter("a usable name", |name| name != "." && name != "..");
    let entries =
        prop::collection::btree_map(name, (prop::sample::select(modes.to_vec()), any::<[u8; 20]>()), 0..20);
    entries.prop_map(|entries| {
        let entry = |(name, (mode, oid)): (String, _)| TreeEntry { name, mode, oid: Oid(oid) };
        Tree::new(entries.into_iter().map(entry).collect())
    })
}

proptest! {
    #[test]
    fn trees_round_trip(tree in trees()) {
        prop_assert_eq!(Tree::parse(&tree.encode()).unwrap(), tree);
    }

    #[test]
    fn parsing_never_panics(data: Vec<u8>) {
        let _ = Tree::parse(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn ids_are_those_of_git(tree in trees()) {
        let git = Git::new();
        prop_assume!(tree.entries().iter().all(|entry| entry.oid != Oid::ZERO));
        prop_assert_eq!(object_id(ObjectKind::Tree, &tree.encode()), git_mktree(&git, &tree));
    }
}
