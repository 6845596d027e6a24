use std::collections::{BTreeMap, BTreeSet};

use lyceum_core::{Oid, RepoPath};
use proptest::prelude::*;

use crate::limits::MAX_CONFLICTS;
use crate::testing::{Memory, block_on};
use crate::{Edit, Merged, Mode, SegmentWriter, list, merge_trees};

fn merge(memory: &Memory, base: Oid, ours: Oid, theirs: Oid) -> Merged {
    let mut out = SegmentWriter::new(&std::env::temp_dir());
    let merged = block_on(merge_trees(memory, Some(base), Some(ours), Some(theirs), &mut out)).unwrap();
    memory.absorb(out);
    merged
}

#[track_caller]
fn check(
    base: &[(&str, &str)],
    ours: &[(&str, &str)],
    theirs: &[(&str, &str)],
    expected: Result<&[(&str, &str)], &[&str]>,
) {
    let memory = Memory::default();
    let [base, ours, theirs] = [base, ours, theirs].map(|files| memory.tree(files));
    let expected = match expected {
        Ok(files) => Merged::Clean(memory.tree(files)),
        Err(paths) => Merged::Conflicts(paths.iter().map(|path| (*path).to_owned()).collect()),
    };
    assert_eq!(merge(&memory, base, ours, theirs), expected);
}

#[test]
fn both_sides_are_kept() {
    check(
        &[("a", "1"), ("b", "1"), ("d/x", "1"), ("d/y", "1")],
        &[("a", "2"), ("b", "1"), ("d/x", "1"), ("d/new", "3")],
        &[("b", "2"), ("d/x", "2"), ("d/y", "1"), ("e/f", "4")],
        Err(&["a"]),
    );
    check(
        &[("a", "1"), ("b", "1"), ("d/x", "1"), ("d/y", "1")],
        &[("a", "2"), ("b", "1"), ("d/x", "1"), ("d/new", "3")],
        &[("a", "1"), ("b", "2"), ("d/x", "2"), ("d/y", "1"), ("e/f", "4")],
        Ok(&[("a", "2"), ("b", "2"), ("d/x", "2"), ("d/new", "3"), ("e/f", "4")]),
    );
}

#[test]
fn the_same_change_is_no_conflict() {
    check(&[("a", "1")], &[("a", "2"), ("n", "3")], &[("a", "2"), ("n", "3")], Ok(&[("a", "2"), ("n", "3")]));
    check(&[("a", "1"), ("b", "1")], &[("b", "1")], &[("b", "1")], Ok(&[("b", "1")]));
    check(&[("a", "1")], &[("a", "1")], &[("a", "1")], Ok(&[("a", "1")]));
}

#[test]
fn different_changes_of_a_path_are_told() {
    check(
        &[("d/a", "1"), ("z", "1")],
        &[("d/a", "2"), ("z", "3")],
        &[("d/a", "3"), ("z", "2")],
        Err(&["d/a", "z"]),
    );
    check(&[], &[("a", "1")], &[("a", "2")], Err(&["a"]));
    // Removed here, changed there.
    check(&[("d/a", "1"), ("d/b", "1")], &[("x", "1")], &[("d/a", "2"), ("d/b", "1")], Err(&["d/a"]));
    // A file here, a folder there.
    check(&[("x", "1")], &[("x", "1"), ("n", "1")], &[("x", "1"), ("n/f", "1")], Err(&["n"]));
}

#[test]
fn a_file_may_become_a_folder() {
    check(
        &[("n", "1"), ("a", "1")],
        &[("n", "1"), ("a", "2")],
        &[("n/f", "1"), ("a", "1")],
        Ok(&[("n/f", "1"), ("a", "2")]),
    );
    check(&[("n", "1")], &[("n", "1"), ("n.x", "2")], &[("n/f", "1")], Ok(&[("n.x", "2"), ("n/f", "1")]));
}

#[test]
fn conflicts_are_told_up_to_a_limit() {
    let memory = Memory::default();
    let names: Vec<String> = (0..MAX_CONFLICTS + 10).map(|number| format!("{number:05}")).collect();
    let folders: Vec<String> = names.iter().map(|name| format!("{name}/a")).collect();
    let tree =
        |paths: &[String]| memory.tree(&paths.iter().map(|path| (path.as_str(), "1")).collect::<Vec<_>>());
    let merged = merge(&memory, memory.tree(&[("x", "1")]), tree(&names), tree(&folders));
    assert!(matches!(merged, Merged::Conflicts(paths) if paths.len() == MAX_CONFLICTS));
}

#[test]
fn folders_that_one_side_left_alone_are_not_read() {
    let memory = Memory::default();
    let base = memory.tree(&[("big/sub/a", "1"), ("big/sub/b", "1"), ("x", "1")]);
    let ours = memory.tree(&[("big/sub/a", "2"), ("big/sub/b", "2"), ("x", "1")]);
    let theirs = memory.tree(&[("big/sub/a", "1"), ("big/sub/b", "1"), ("x", "2")]);
    memory.take_reads();
    assert!(matches!(merge(&memory, base, ours, theirs), Merged::Clean(_)));
    assert_eq!(memory.take_reads(), 3, "the three roots");
}

type Files = BTreeMap<String, (Mode, Oid)>;

fn flatten(memory: &Memory, tree: Oid) -> Files {
    let listed = block_on(list(memory, tree, None, true, None, usize::MAX)).unwrap().unwrap();
    listed.into_iter().filter(|f| f.mode != Mode::Folder).map(|f| (f.path, (f.mode, f.oid))).collect()
}

/// Merges path by path; the paths in conflict if there are any.
fn model(base: &Files, ours: &Files, theirs: &Files) -> Result<Files, BTreeSet<String>> {
    let (mut merged, mut conflicts) = (Files::new(), BTreeSet::new());
    for path in base.keys().chain(ours.keys()).chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let (b, o, t) = (base.get(path), ours.get(path), theirs.get(path));
        let value = if o == t || b == t {
            o
        } else if b == o {
            t
        } else {
            conflicts.insert(path.clone());
            o
        };
        merged.extend(value.map(|value| (path.clone(), *value)));
    }
    for path in merged.keys() {
        for (end, _) in path.match_indices('/') {
            if merged.contains_key(&path[..end]) {
                conflicts.insert(path[..end].to_owned());
            }
        }
    }
    if conflicts.is_empty() { Ok(merged) } else { Err(conflicts) }
}

fn files() -> impl Strategy<Value = Vec<(String, Mode, u8)>> {
    let mode = prop::sample::select(vec![Mode::File, Mode::Executable]);
    prop::collection::vec(("[ab](\\.x)?(/[ab](/[ab])?)?", mode, 0_u8..3), 0..7)
}

fn change(memory: &Memory, root: Oid, files: &[(String, Mode, u8)]) -> Oid {
    let mut root = root;
    for (path, mode, content) in files {
        let path = RepoPath::parse(path).unwrap();
        let edit = match content {
            0 => Edit::Remove(path),
            _ => Edit::Upsert { path, mode: *mode, oid: memory.blob(&content.to_string()) },
        };
        // A file in the way of a folder, the reverse, or nothing to remove: leave it.
        root = memory.edit(Some(root), vec![edit]).unwrap_or(root);
    }
    root
}

proptest! {
    #[test]
    fn merges_are_those_of_the_paths(base in files(), ours in files(), theirs in files()) {
        let memory = Memory::default();
        let base = change(&memory, memory.tree(&[]), &base);
        let (ours, theirs) = (change(&memory, base, &ours), change(&memory, base, &theirs));
        let merged = merge(&memory, base, ours, theirs);
        match (model(&flatten(&memory, base), &flatten(&memory, ours), &flatten(&memory, theirs)), merged) {
            (Ok(files), Merged::Clean(tree)) => prop_assert_eq!(flatten(&memory, tree), files),
            (Err(expected), Merged::Conflicts(found)) => {
                prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
            }
            (expected, found) => prop_assert!(false, "expected {expected:?}, found {found:?}"),
        }
    }
}
