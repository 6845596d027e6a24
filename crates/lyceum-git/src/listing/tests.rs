use lyceum_core::RepoPath;
use proptest::prelude::*;

use crate::testing::{Memory, block_on};
use crate::{Listed, find, list};

const FILES: &[(&str, &str)] = &[
    ("a.txt", "1"),
    ("a/b/c", "2"),
    ("a/b.txt", "3"),
    ("a/b/d/e", "4"),
    ("a0", "5"),
    ("b/x", "6"),
    ("ab/c", "7"),
];

fn paths(listed: Vec<Listed>) -> Vec<String> {
    listed.into_iter().map(|entry| entry.path).collect()
}

fn all(memory: &Memory, root: lyceum_core::Oid, folder: Option<&str>, recursive: bool) -> Vec<String> {
    let folder = folder.map(|folder| RepoPath::parse(folder).unwrap());
    paths(block_on(list(memory, root, folder.as_ref(), recursive, None, usize::MAX)).unwrap().unwrap())
}

#[test]
fn listings_are_those_of_git() {
    let memory = Memory::default();
    let root = memory.tree(FILES);
    let git = memory.export();
    let tree = root.to_string();
    assert_eq!(all(&memory, root, None, true), git.lines(&["ls-tree", "-r", "-t", "--name-only", &tree]));
    assert_eq!(all(&memory, root, None, false), git.lines(&["ls-tree", "--name-only", &tree]));
    assert_eq!(all(&memory, root, Some("a"), false), git.lines(&["ls-tree", "--name-only", &tree, "a/"]));
}

#[test]
fn missing_folders_are_told_from_empty_pages() {
    let memory = Memory::default();
    let root = memory.tree(FILES);
    for missing in ["x", "a.txt", "a.txt/x", "a/b/c", "b/y/z"] {
        let folder = RepoPath::parse(missing).unwrap();
        assert_eq!(block_on(list(&memory, root, Some(&folder), false, None, 9)).unwrap(), None, "{missing}");
    }
    assert_eq!(block_on(list(&memory, root, None, true, Some("b/x"), 9)).unwrap(), Some(Vec::new()));
}

#[test]
fn entries_are_found_by_path() {
    let memory = Memory::default();
    let root = memory.tree(FILES);
    let check = |path: &str, expected: Option<&str>| {
        let path = RepoPath::parse(path).unwrap();
        let found = block_on(find(&memory, root, &path)).unwrap();
        assert_eq!(found.map(|entry| entry.oid), expected.map(|text| memory.blob(text)), "{path}");
    };
    check("a/b/d/e", Some("4"));
    check("a.txt", Some("1"));
    check("a.txt/b", None);
    check("a/b/x", None);
    check("c", None);
}

#[test]
fn resuming_reads_only_what_lies_ahead() {
    let memory = Memory::default();
    let names: Vec<String> = (0..200).map(|at| format!("{at:03}/x")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let root = memory.tree(&files);
    memory.take_reads();
    let page = block_on(list(&memory, root, None, true, Some("150/x"), 4)).unwrap().unwrap();
    assert_eq!(paths(page), ["151", "151/x", "152", "152/x"]);
    assert!(memory.take_reads() <= 4);
}

proptest! {
    /// Pages of any size, one after another, are the whole listing; a cursor need not exist any more.
    #[test]
    fn pages_add_up(limit in 1_usize..6, recursive: bool, cursor in "[ab]{1,2}(/[abcd]{1,2}){0,3}") {
        let memory = Memory::default();
        let root = memory.tree(FILES);
        for folder in [None, Some("a")] {
            let whole = all(&memory, root, folder, recursive);
            let parsed = folder.map(|folder| RepoPath::parse(folder).unwrap());
            let page = |after: Option<&str>, limit| {
                paths(block_on(list(&memory, root, parsed.as_ref(), recursive, after, limit)).unwrap().unwrap())
            };
            let mut pages = page(None, limit);
            while let Some(last) = pages.last().cloned() {
                let next = page(Some(&last), limit);
                if next.is_empty() {
                    break;
                }
                pages.extend(next);
            }
            prop_assert_eq!(&pages, &whole);
            if folder.is_none() && recursive && !whole.contains(&cursor) {
                let later = whole.iter().filter(|path| **path > cursor).cloned().collect::<Vec<_>>();
                prop_assert_eq!(page(Some(&cursor), usize::MAX), later);
            }
        }
    }
}
