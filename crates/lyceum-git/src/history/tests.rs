use lyceum_core::Oid;
use proptest::prelude::*;

use crate::testing::{Memory, block_on, signature};
use crate::{ErrorKind, ObjectKind, Tag, count_commits, log, merge_base, object_id, peel_commit};

/// Makes commits, each after some of those before it, and returns them.
fn history(memory: &Memory, shape: &[(Vec<prop::sample::Index>, i64)]) -> Vec<Oid> {
    let mut commits: Vec<Oid> = Vec::new();
    for (at, (parents, seconds)) in shape.iter().enumerate() {
        let mut chosen: Vec<Oid> = Vec::new();
        for parent in parents.iter().filter(|_| !commits.is_empty()) {
            let parent = *parent.get(&commits);
            if !chosen.contains(&parent) {
                chosen.push(parent);
            }
        }
        let tree = memory.tree(&[("file", &at.to_string())]);
        commits.push(memory.commit(tree, &chosen, 1_700_000_000 + *seconds));
    }
    commits
}

fn shapes(dates: std::ops::Range<i64>) -> impl Strategy<Value = Vec<(Vec<prop::sample::Index>, i64)>> {
    prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 0..3), dates), 1..12)
}

#[test]
fn pages_of_history_add_up() {
    let memory = Memory::default();
    let tree = memory.tree(&[("a", "b")]);
    let mut head = memory.commit(tree, &[], 0);
    let mut expected = vec![head];
    for at in 1..20 {
        head = memory.commit(tree, &[head], at);
        expected.insert(0, head);
    }
    let page = |skip, limit| -> Vec<Oid> {
        block_on(log(&memory, head, skip, limit)).unwrap().into_iter().map(|(oid, _)| oid).collect()
    };
    assert_eq!([page(0, 7), page(7, 7), page(14, 7), page(21, 7)].concat(), expected);
    assert_eq!(block_on(log(&memory, Oid::ZERO, 0, 1)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(block_on(log(&memory, tree, 0, 1)).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn commits_are_counted_again_only_as_far_as_history_grew() {
    let memory = Memory::default();
    let tree = memory.tree(&[("a", "b")]);
    let root = memory.commit(tree, &[], 0);
    let left = memory.commit(tree, &[root], 1);
    let right = memory.commit(tree, &[root], 2);
    let merge = memory.commit(tree, &[left, right], 3);
    let top = memory.commit(tree, &[merge], 4);
    let count = |head, limit| block_on(count_commits(&memory, head, |_| None, limit)).unwrap();
    assert_eq!([count(root, 9), count(left, 9), count(merge, 9), count(top, 9)], [1, 2, 4, 5].map(Some));
    assert_eq!((count(top, 5), count(top, 4)), (Some(5), None));

    memory.take_reads();
    let known = |commit| (commit == merge).then_some(4);
    assert_eq!(block_on(count_commits(&memory, top, known, 9)).unwrap(), Some(5));
    assert_eq!(memory.take_reads(), 1);
    assert_eq!(block_on(count_commits(&memory, top, known, 4)).unwrap(), None, "one more is too many");
    memory.take_reads();
    // Too many before a commit are too many with it, also on one side of a merge.
    let known = |commit| (commit == left || commit == right).then_some(10);
    assert_eq!(block_on(count_commits(&memory, top, known, 9)).unwrap(), None);
    assert_eq!(memory.take_reads(), 2);
    // What is known of one side of a merge tells nothing of what both have.
    let known = |commit| (commit == left).then_some(2);
    assert_eq!(block_on(count_commits(&memory, top, known, 9)).unwrap(), Some(5));
}

#[test]
fn tags_lead_to_commits() {
    let memory = Memory::default();
    let tree = memory.tree(&[("a", "b")]);
    let commit = memory.commit(tree, &[], 0);
    let tag = |target, target_kind| {
        let tagger = Some(signature(0));
        let tag = Tag { target, target_kind, name: "x".to_owned(), tagger, message: String::new() };
        memory.add(ObjectKind::Tag, &tag.encode())
    };
    let nested = tag(tag(commit, ObjectKind::Commit), ObjectKind::Tag);
    assert_eq!(block_on(peel_commit(&memory, nested)).unwrap(), Some(commit));
    assert_eq!(block_on(peel_commit(&memory, tag(tree, ObjectKind::Tree))).unwrap(), None);
    let deep = (0..9).fold(commit, |target, _| tag(target, ObjectKind::Tag));
    assert_eq!(block_on(peel_commit(&memory, deep)).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(object_id(ObjectKind::Tree, b"").to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn histories_are_those_of_git(shape in shapes(0..6)) {
        let memory = Memory::default();
        let commits = history(&memory, &shape);
        let git = memory.export();
        let head = *commits.last().unwrap();
        let ours: Vec<String> =
            block_on(log(&memory, head, 0, 100)).unwrap().iter().map(|(oid, _)| oid.to_string()).collect();
        prop_assert_eq!(ours, git.lines(&["rev-list", &head.to_string()]));
    }

    #[test]
    fn merge_bases_are_those_of_git(shape in shapes(0..30)) {
        let memory = Memory::default();
        let commits = history(&memory, &shape);
        let git = memory.export();
        let head = *commits.last().unwrap();
        for other in &commits[..commits.len() - 1] {
            let ours = block_on(merge_base(&memory, head, *other)).unwrap().map(|oid| oid.to_string());
            let (_, output) = git.try_run(&["merge-base", "--all", &head.to_string(), &other.to_string()], b"");
            let output = String::from_utf8(output).unwrap();
            let bases: Vec<&str> = output.lines().collect();
            prop_assert!(match &ours {
                Some(oid) => bases.contains(&oid.as_str()),
                None => bases.is_empty(),
            }, "{ours:?} against {bases:?}");
        }
    }
}
