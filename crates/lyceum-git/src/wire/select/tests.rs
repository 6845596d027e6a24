//! What is selected, compared with what the real git lists.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::testing::{Memory, block_on};

/// Parents among the commits before, and the content of some files by path.
type Step = (Vec<usize>, Vec<(u8, u8)>);

#[derive(Debug, Clone)]
struct History {
    commits: Vec<Step>,
    /// Whether dates lie.
    odd_dates: bool,
}

const PATHS: &[&str] = &["a", "b", "c/a", "c/b", "c/d/a", "e/f/g/h", "e/f/i", "j/a"];

fn histories() -> impl Strategy<Value = History> {
    let change = (0..u8::try_from(PATHS.len()).unwrap(), 0_u8..4);
    let commit = (prop::collection::vec(0_usize..6, 0..3), prop::collection::vec(change, 0..4));
    (prop::collection::vec(commit, 1..25), any::<bool>()).prop_map(|(commits, odd_dates)| {
        let commits = commits.into_iter().enumerate().map(|(at, (parents, changes))| {
            let parents = parents.into_iter().filter(|back| *back < at).map(|back| at - 1 - back);
            (parents.collect::<BTreeSet<_>>().into_iter().collect(), changes)
        });
        History { commits: commits.collect(), odd_dates }
    })
}

/// Makes the history; returns its commits.
fn build(memory: &Memory, history: &History) -> Vec<Oid> {
    let mut made: Vec<(Oid, Vec<u8>)> = Vec::new();
    for (at, (parents, changes)) in history.commits.iter().enumerate() {
        let mut files = parents.first().map_or_else(|| vec![1; PATHS.len()], |first| made[*first].1.clone());
        for (path, content) in changes {
            files[usize::from(*path)] = *content;
        }
        let texts: Vec<(&str, String)> = PATHS
            .iter()
            .zip(&files)
            .filter(|(_, content)| **content > 0)
            // Some contents are the same in different places.
            .map(|(path, content)| (*path, format!("{content} {}", path.len())))
            .collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let parents: Vec<Oid> = parents.iter().map(|parent| made[*parent].0).collect();
        let date = if history.odd_dates { (at * 7919 % 31) as i64 } else { at as i64 };
        let tree = memory.tree(&texts);
        made.push((memory.commit(tree, &parents, 1_700_000_000 + date * 60 + 7 * at as i64 % 60), files));
    }
    made.into_iter().map(|(oid, _)| oid).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn sends_what_git_would(history in histories(), picks in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..5)) {
        let memory = Memory::default();
        let commits = build(&memory, &history);
        let git = memory.export();
        let mut question = Question { thin: true, ..Question::default() };
        let mut arguments = vec!["rev-list".to_owned(), "--objects".to_owned(), "--no-object-names".to_owned()];
        for (pick, wanted) in picks {
            let oid = commits[pick.index(commits.len())];
            if wanted || question.wants.is_empty() {
                question.wants.push(oid);
                arguments.push(oid.to_string());
            } else {
                question.haves.push(oid);
                arguments.push(format!("^{oid}"));
            }
        }
        let list = |arguments: &[String]| -> BTreeSet<String> {
            git.lines(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).into_iter().collect()
        };
        let expected = list(&arguments);
        let selection = block_on(select(&memory, &question, &mut ())).unwrap();
        let selected: BTreeSet<String> = selection.objects.iter().map(Oid::to_string).collect();
        prop_assert_eq!(selected.len(), selection.objects.len());
        prop_assert_eq!(selection.positions.len(), selection.objects.len());

        let all = |oids: &[Oid]| {
            let mut arguments = vec!["rev-list".to_owned(), "--objects".to_owned(), "--no-object-names".to_owned()];
            arguments.extend(oids.iter().map(Oid::to_string));
            if oids.is_empty() { BTreeSet::new() } else { list(&arguments) }
        };
        let (wanted, had) = (all(&question.wants), all(&question.haves));
        // Nothing is lacking, and nothing is sent that was not asked for.
        prop_assert!(wanted.difference(&had).all(|oid| selected.contains(oid)));
        prop_assert!(selected.is_subset(&wanted));
        // What the client is said to know, it has.
        prop_assert!(selection.known.iter().all(|oid| had.contains(&oid.to_string())));
        if question.haves.is_empty() {
            prop_assert_eq!(&selected, &expected);
        }
        // Git looks for content that only moved in all of the client's newest trees; here the place decides.
        let commits_of = |found: &BTreeSet<String>| -> Vec<String> {
            let commits = commits.iter().map(Oid::to_string);
            commits.filter(|oid| found.contains(oid)).collect()
        };
        if !history.odd_dates {
            prop_assert_eq!(commits_of(&selected), commits_of(&expected));
        }
    }
}

#[test]
fn a_tree_that_comes_back_is_sent_whole() {
    let memory = Memory::default();
    let (old, new) = (memory.tree(&[("a", "1"), ("b/c", "x")]), memory.tree(&[("a", "2"), ("b/c", "x")]));
    let base = memory.commit(memory.tree(&[("z", "z")]), &[], 0);
    let first = memory.commit(old, &[base], 1);
    let second = memory.commit(new, &[first], 2);
    let third = memory.commit(old, &[second], 3);
    for haves in [vec![], vec![base]] {
        let question = Question { wants: vec![third], haves, ..Question::default() };
        let selected = block_on(select(&memory, &question, &mut ())).unwrap();
        for text in ["1", "2", "x"] {
            let blob = crate::object_id(ObjectKind::Blob, text.as_bytes());
            assert!(selected.contains(&blob), "{text} is lacking");
        }
    }
}

#[test]
fn an_unchanged_folder_is_not_read() {
    let memory = Memory::default();
    let names: Vec<String> = (0..200).map(|number| format!("d{number}/f")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let old = memory.commit(memory.tree(&files), &[], 1);
    let mut changed = files.clone();
    changed[7].1 = "y";
    let new = memory.commit(memory.tree(&changed), &[old], 2);
    memory.take_reads();
    let question = Question { wants: vec![new], haves: vec![old], ..Question::default() };
    let selection = block_on(select(&memory, &question, &mut ())).unwrap();
    assert_eq!(selection.objects.len(), 4);
    let reads = memory.take_reads();
    assert!(reads < 16, "{reads}");
}

/// A client that left files out asks for each when it needs it.
#[test]
fn what_is_wanted_is_not_read_to_learn_its_kind() {
    let memory = Memory::default();
    let wants: Vec<Oid> = (0..100).map(|number| memory.blob(&format!("{number}"))).collect();
    let question = Question { wants, ..Question::default() };
    let selection = block_on(select(&memory, &question, &mut ())).unwrap();
    assert_eq!((selection.objects.len(), memory.take_reads()), (100, 0));
}

#[test]
fn a_folder_that_contains_itself_many_times_is_walked_once() {
    let memory = Memory::default();
    let mut tree = memory.tree(&[("leaf", "x")]);
    for _ in 0..60 {
        let mut data = Vec::new();
        for name in ["a", "b"] {
            data.extend_from_slice(format!("40000 {name}\0").as_bytes());
            data.extend_from_slice(tree.as_bytes());
        }
        tree = memory.add(ObjectKind::Tree, &data);
    }
    let commit = memory.commit(tree, &[], 1);
    for filter in [None, Some(Filter::TreeDepth(100)), Some(Filter::BlobNone)] {
        let question = Question { wants: vec![commit], filter, ..Question::default() };
        let selection = block_on(select(&memory, &question, &mut ())).unwrap();
        assert!((62..=63).contains(&selection.objects.len()));
    }
}

#[test]
fn folders_that_are_nested_too_deep_are_refused() {
    let memory = Memory::default();
    let mut tree = memory.tree(&[("leaf", "x")]);
    for _ in 0..300 {
        let mut data = b"40000 a\0".to_vec();
        data.extend_from_slice(tree.as_bytes());
        tree = memory.add(ObjectKind::Tree, &data);
    }
    let question = Question { wants: vec![memory.commit(tree, &[], 1)], ..Question::default() };
    assert_eq!(block_on(select(&memory, &question, &mut ())).unwrap_err().kind(), ErrorKind::TooLarge);
}
