use std::collections::HashMap;

use lyceum_core::{Oid, RepoPath};
use proptest::prelude::*;

use crate::testing::{Memory, block_on};
use crate::{Edit, Mode, last_commits, list};

#[test]
fn the_walk_stops_when_all_are_found() {
    let memory = Memory::default();
    let mut parents = Vec::new();
    let mut expected = HashMap::new();
    for at in 0..50 {
        let tree = memory.tree(&[("stable", "x"), ("busy/file", &at.to_string())]);
        let head = memory.commit(tree, &parents, at);
        expected.insert("busy".to_owned(), head);
        expected.insert("busy/file".to_owned(), head);
        expected.entry("stable".to_owned()).or_insert(head);
        parents = vec![head];
    }
    let ask = |paths: &[&str]| -> HashMap<String, Oid> {
        let mut paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        paths.extend(["missing".to_owned(), "stable/x".to_owned()]);
        let found = block_on(last_commits(&memory, parents[0], &paths)).unwrap();
        found.into_iter().map(|(path, (oid, _))| (path, oid)).collect()
    };
    assert_eq!(ask(&["stable", "busy", "busy/file"]), expected);
    memory.take_reads();
    expected.remove("stable");
    assert_eq!(ask(&["busy", "busy/file"]), expected);
    assert!(memory.take_reads() <= 6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Asks git for each path; histories hold merges, whose second parents do not count.
    #[test]
    fn commits_are_those_of_git(
        steps in prop::collection::vec((0_usize..4, 0_usize..5, 0_u8..3, any::<Option<prop::sample::Index>>()), 1..14),
    ) {
        let memory = Memory::default();
        let folders = ["", "a/", "a/b/", "c/"];
        let mut root = None;
        let mut commits: Vec<Oid> = Vec::new();
        for (at, (folder, file, content, merged)) in steps.into_iter().enumerate() {
            let path = RepoPath::parse(&format!("{}f{file}", folders[folder])).unwrap();
            let oid = memory.blob(&content.to_string());
            // A third of the edits remove, if there is something to remove.
            let removed = (content == 0).then(|| memory.edit(root, vec![Edit::RemoveFile(path.clone())]).ok()).flatten();
            let changed = || memory.edit(root, vec![Edit::Upsert { path: path.clone(), mode: Mode::File, oid }]).unwrap();
            let tree = removed.unwrap_or_else(changed);
            let mut parents: Vec<Oid> = commits.last().copied().into_iter().collect();
            if let Some(merged) = merged.filter(|_| commits.len() > 1) {
                let merged = *merged.get(&commits);
                if !parents.contains(&merged) {
                    parents.push(merged);
                }
            }
            commits.push(memory.commit(tree, &parents, i64::try_from(at).unwrap()));
            root = Some(tree);
        }
        let head = *commits.last().unwrap();
        let listed = block_on(list(&memory, root.unwrap(), None, true, None, 1000)).unwrap().unwrap();
        let paths: Vec<String> = listed.into_iter().map(|entry| entry.path).collect();
        let found = block_on(last_commits(&memory, head, &paths)).unwrap();
        let git = memory.export();
        for path in paths {
            let expected = git.lines(&["log", "-1", "--first-parent", "--format=%H", &head.to_string(), "--", &path]);
            prop_assert_eq!(found[&path].0.to_string(), expected[0].as_str(), "{}", path);
        }
    }
}
