use lyceum_core::{Oid, RepoPath};
use proptest::prelude::*;

use crate::testing::{Memory, block_on};
use crate::{Change, Edit, Mode, Tree, TreeEntry, diff};

/// A change as `git diff-tree --raw` prints it.
fn line(change: &Change) -> String {
    let side = |side: Option<(Mode, Oid)>| {
        let (mode, oid) =
            side.map_or(("000000".to_owned(), Oid::ZERO), |(mode, oid)| (format!("{mode:0>6}"), oid));
        (mode, oid.to_string())
    };
    let ((old_mode, old), (new_mode, new)) = (side(change.old), side(change.new));
    let letter = match (change.old, change.new) {
        (None, _) => "A",
        (_, None) => "D",
        (Some((old, _)), Some((new, _))) => {
            let link = |mode| mode == Mode::Symlink;
            if link(old) == link(new) { "M" } else { "T" }
        }
    };
    format!(":{old_mode} {new_mode} {old} {new} {letter}\t{}", change.path)
}

fn tree(memory: &Memory, files: &[(String, Mode, u8)]) -> Oid {
    let mut root = None;
    for (path, mode, content) in files {
        let path = RepoPath::parse(path).unwrap();
        let oid = memory.blob(&content.to_string());
        // A file in the way of a folder, or the reverse: leave it.
        root = memory.edit(root, vec![Edit::Upsert { path, mode: *mode, oid }]).ok().or(root);
    }
    root.unwrap_or_else(|| memory.tree(&[]))
}

fn files() -> impl Strategy<Value = Vec<(String, Mode, u8)>> {
    let mode = prop::sample::select(vec![Mode::File, Mode::Executable, Mode::Symlink]);
    prop::collection::vec(("[ab](\\.x)?(/[ab](/[ab])?)?", mode, 0_u8..3), 0..8)
}

#[test]
fn nested_copies_do_not_explode() {
    let memory = Memory::default();
    // Each level holds the next one a hundred times; there is no file at the bottom.
    let mut oid = memory.tree(&[]);
    for _ in 0..10 {
        let entry = |at| TreeEntry { name: format!("{at:02}"), mode: Mode::Folder, oid };
        let tree = Tree::new((0..100).map(entry).collect());
        oid = memory.add(crate::ObjectKind::Tree, &tree.encode());
    }
    let error = block_on(diff(&memory, None, Some(oid), 10)).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::TooLarge);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn changes_are_those_of_git(old in files(), new in files(), limit in 0_usize..9) {
        let memory = Memory::default();
        let (old, new) = (tree(&memory, &old), tree(&memory, &new));
        let git = memory.export();
        let expected =
            git.lines(&["diff-tree", "-r", "--raw", "--no-renames", "--no-abbrev", &old.to_string(), &new.to_string()]);
        let whole = block_on(diff(&memory, Some(old), Some(new), usize::MAX)).unwrap();
        prop_assert_eq!(whole.iter().map(line).collect::<Vec<_>>(), expected);
        let some = block_on(diff(&memory, Some(old), Some(new), limit)).unwrap();
        prop_assert_eq!(&some, &whole[..limit.min(whole.len())]);
        // From nothing, everything is new; the reverse swaps the sides.
        let back = block_on(diff(&memory, Some(new), Some(old), usize::MAX)).unwrap();
        let swapped: Vec<_> = back.into_iter().map(|c| Change { old: c.new, new: c.old, ..c }).collect();
        prop_assert_eq!(swapped, whole);
        let added = block_on(diff(&memory, None, Some(new), usize::MAX)).unwrap();
        prop_assert!(added.iter().all(|change| change.old.is_none()));
    }
}
