use super::*;
use crate::testing::{Memory, block_on};
use crate::{ObjectKind, TreeEntry};

fn folder(memory: &Memory, entries: &[(&str, Mode, Oid)]) -> Oid {
    let entry = |(name, mode, oid): &(&str, Mode, Oid)| TreeEntry {
        name: (*name).to_owned(),
        mode: *mode,
        oid: *oid,
    };
    memory.add(ObjectKind::Tree, &Tree::new(entries.iter().map(entry).collect()).encode())
}

fn extent(memory: &Memory, root: Oid, remembered: &Extents) -> Extent {
    block_on(Survey::new(remembered).extent(memory, root)).unwrap()
}

#[test]
fn sums_up_what_is_below() {
    let memory = Memory::default();
    let link = memory.blob("../../x/../../y");
    let file = memory.blob("x");
    let inner = folder(&memory, &[("file", Mode::File, file), ("link", Mode::Symlink, link)]);
    let root = folder(&memory, &[("ab", Mode::Folder, inner), ("c", Mode::Executable, file)]);
    let expected = Extent { files: 2, path_bytes: 8, longest: 4, deepest: 1, upward: 3 };
    let remembered = Extents::default();
    assert_eq!(extent(&memory, inner, &remembered), expected);
    let expected = Extent { files: 3, path_bytes: 15, longest: 7, deepest: 2, upward: 2 };
    assert_eq!(extent(&memory, root, &remembered), expected);
    // What is remembered is not read again.
    memory.take_reads();
    assert_eq!(extent(&memory, root, &remembered), expected);
    let other = folder(&memory, &[("r", Mode::Folder, root)]);
    assert_eq!(extent(&memory, other, &remembered).upward, 1);
    assert_eq!(memory.take_reads(), 1);
}

/// A few trees that repeat themselves are summed up at once.
#[test]
fn repetition_costs_nothing() {
    let memory = Memory::default();
    let file = memory.blob("x");
    let mut tree = folder(&memory, &[("a", Mode::File, file)]);
    for _ in 0..200 {
        tree = folder(&memory, &[("a", Mode::Folder, tree), ("b", Mode::Folder, tree)]);
    }
    let sum = extent(&memory, tree, &Extents::default());
    assert_eq!((sum.files, sum.path_bytes, sum.deepest, sum.longest), (u64::MAX, u64::MAX, 201, 401));
}

#[test]
fn links_climb() {
    for (target, expected) in
        [("x", 0), ("..", 1), ("../..", 2), ("a/../../b", 1), ("../a/../..", 2), ("././/../x", 1), ("", 0)]
    {
        assert_eq!(climb(target.as_bytes()), expected, "{target}");
    }
}
