use bytes::Bytes;
use lyceum_core::Oid;

use crate::testing::{Memory, block_on, signature};
use crate::{Mode, Object, ObjectKind, Problem, Tag, Tree, TreeEntry, check_reachable};

fn check(memory: &Memory, tips: &[Oid]) -> (Vec<Oid>, Vec<Problem>) {
    let mut visited = Vec::new();
    let report = block_on(check_reachable(memory, tips, |oid, _| visited.push(oid))).unwrap();
    assert_eq!(report.objects, visited.len() as u64);
    (visited, report.problems)
}

#[test]
fn sound_histories_have_no_problems() {
    let memory = Memory::default();
    let tree = memory.tree(&[("a/b", "1"), ("c", "1")]);
    let first = memory.commit(tree, &[], 1);
    let second = memory.commit(memory.tree(&[("a/b", "1")]), &[first], 2);
    let tag = Tag {
        target: second,
        target_kind: ObjectKind::Commit,
        name: "v1".to_owned(),
        tagger: Some(signature(1)),
        message: String::new(),
    };
    let tag = memory.add(ObjectKind::Tag, &tag.encode());
    let (mut visited, problems) = check(&memory, &[tag, first]);
    assert_eq!(problems, []);
    // Tag, two commits, three trees (one is shared), one blob: each once.
    visited.sort_unstable();
    visited.dedup();
    assert_eq!(visited.len(), 7);
    let submodule = TreeEntry { name: "sub".to_owned(), mode: Mode::Submodule, oid: Oid([1; 20]) };
    let tree = memory.add(ObjectKind::Tree, &Tree::new(vec![submodule]).encode());
    assert_eq!(check(&memory, &[tree]).1, []);
}

#[test]
fn each_kind_of_damage_is_reported() {
    let memory = Memory::default();
    let (missing, damaged) = (memory.blob("missing"), memory.blob("damaged"));
    let tree = memory.tree(&[("m", "missing"), ("d", "damaged"), ("fine", "fine")]);
    memory.remove(missing);
    memory.put(damaged, Object { kind: ObjectKind::Blob, data: Bytes::from_static(b"demaged") });
    let blob_as_tree = TreeEntry { name: "x".to_owned(), mode: Mode::Folder, oid: memory.blob("fine") };
    let twice = Tree::new(vec![
        TreeEntry { name: "a".to_owned(), mode: Mode::File, oid: memory.blob("fine") },
        TreeEntry { name: "a".to_owned(), mode: Mode::Folder, oid: tree },
    ]);
    let tips = [
        memory.commit(tree, &[], 1),
        memory.add(ObjectKind::Tree, &Tree::new(vec![blob_as_tree]).encode()),
        memory.add(ObjectKind::Tree, &twice.encode()),
        memory.add(ObjectKind::Commit, b"tree nothing\n"),
    ];
    let (_, problems) = check(&memory, &tips);
    let mut messages: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
    messages.sort_unstable();
    let expected = [
        "a file and a folder have the same name",
        &format!("git object {missing} not found"),
        "it is a blob, but is used as a tree",
        "its content does not match its id",
        "malformed git commit: it does not start with a tree",
    ];
    assert_eq!(messages, expected);
}
