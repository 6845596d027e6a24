use std::collections::BTreeMap;

use lyceum_core::{Oid, RepoPath};
use proptest::prelude::*;

use crate::testing::{Memory, block_on};
use crate::{Edit, EditError, Mode, SegmentWriter, edit_tree, list};

type Model = BTreeMap<String, (Mode, Oid)>;

fn path(path: &str) -> RepoPath {
    RepoPath::parse(path).unwrap()
}

fn upsert(at: &str, oid: Oid) -> Edit {
    Edit::Upsert { path: path(at), mode: Mode::File, oid }
}

/// The files of a tree.
fn files(memory: &Memory, root: Oid) -> Model {
    let listed = block_on(list(memory, root, None, true, None, usize::MAX)).unwrap().unwrap();
    listed
        .into_iter()
        .filter(|entry| entry.mode != Mode::Folder)
        .map(|entry| (entry.path, (entry.mode, entry.oid)))
        .collect()
}

/// The same edit on a plain map of files; `Err` holds the path that cannot be edited.
fn apply(model: &mut Model, edit: &Edit) -> Result<(), String> {
    let below = |model: &Model, folder: &str| -> Vec<String> {
        let prefix = format!("{folder}/");
        model.keys().filter(|path| path.starts_with(&prefix)).cloned().collect()
    };
    let above =
        |model: &Model, path: &str| path.match_indices('/').any(|(at, _)| model.contains_key(&path[..at]));
    match edit {
        Edit::Upsert { path, mode, oid } => {
            if above(model, path.as_str()) || !below(model, path.as_str()).is_empty() {
                return Err(path.to_string());
            }
            model.insert(path.to_string(), (*mode, *oid));
        }
        Edit::RemoveFile(path) => {
            model.remove(path.as_str()).ok_or(path.to_string())?;
        }
        Edit::RemoveFolder(path) => {
            let below = below(model, path.as_str());
            if below.is_empty() {
                return Err(path.to_string());
            }
            model.retain(|path, _| !below.contains(path));
        }
        Edit::Remove(path) => {
            if model.remove(path.as_str()).is_none() {
                apply(model, &Edit::RemoveFolder(path.clone()))?;
            }
        }
    }
    Ok(())
}

#[test]
fn errors_name_the_path() {
    let memory = Memory::default();
    let root = memory.tree(&[("a/b", "1"), ("c", "2")]);
    let oid = memory.blob("3");
    let check = |edit: Edit, expected: &str| {
        let error = memory.edit(Some(root), vec![edit]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(upsert("a", oid), "`a` is a folder, so it cannot become a file");
    check(upsert("c/d/e", oid), "a part of `c/d/e` is a file, so it cannot become a folder");
    check(Edit::RemoveFile(path("a")), "`a` does not exist");
    check(Edit::RemoveFolder(path("c")), "`c` does not exist");
    check(Edit::Remove(path("c/d")), "`c/d` does not exist");
    check(Edit::Remove(path("x/y")), "`x/y` does not exist");
    let missing = Oid([9; 20]);
    assert!(matches!(memory.edit(Some(missing), vec![upsert("x", oid)]), Err(EditError::Source(_))));
}

#[test]
fn edits_apply_one_after_another() {
    let memory = Memory::default();
    let root = memory.tree(&[("a/b", "1"), ("a/c/d", "1"), ("e", "2")]);
    let oid = memory.blob("3");
    let edits = vec![
        Edit::RemoveFolder(path("a")),
        upsert("a", oid),
        Edit::RemoveFile(path("e")),
        upsert("e/f/g", oid),
        Edit::Remove(path("e/f")),
    ];
    let root = memory.edit(Some(root), edits).unwrap();
    assert_eq!(root, memory.tree(&[("a", "3")]));
    let empty = memory.edit(Some(root), vec![Edit::Remove(path("a"))]).unwrap();
    assert_eq!(empty.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
}

#[test]
fn a_writer_serves_the_trees_it_holds() {
    let memory = Memory::default();
    let oid = memory.blob("x");
    let mut writer = SegmentWriter::new(&std::env::temp_dir());
    let first = block_on(edit_tree(&memory, None, vec![upsert("a/b", oid)], &mut writer)).unwrap();
    let second = block_on(edit_tree(&memory, Some(first), vec![upsert("a/c", oid)], &mut writer)).unwrap();
    memory.absorb(writer);
    assert_eq!(second, memory.tree(&[("a/b", "x"), ("a/c", "x")]));
}

/// The cost is that of the folders on the way, read once each, whatever the number of paths in them.
#[test]
fn a_hundred_thousand_paths_are_one_pass() {
    let memory = Memory::default();
    let oid = memory.blob("x");
    let name = |at: usize| format!("data/{:03}/{:02}/file-{at:06}.bin", at % 100, at / 100 % 10);
    let edits = |from: usize, to: usize| (from..to).map(|at| upsert(&name(at), oid)).collect::<Vec<_>>();
    let root = memory.edit(None, edits(0, 100_000)).unwrap();
    assert_eq!(files(&memory, root).len(), 100_000);
    memory.take_reads();
    let other = memory.edit(Some(root), edits(100_000, 200_000)).unwrap();
    assert_eq!(memory.take_reads(), 2 + 100 + 1000);
    let removals = (100_000..200_000).map(|at| Edit::RemoveFile(path(&name(at)))).collect();
    assert_eq!(memory.edit(Some(other), removals).unwrap(), root);
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "a.x", "c"]), 1..4);
    let path = path.prop_map(|segments| RepoPath::parse(&segments.join("/")).unwrap());
    let mode = prop::sample::select(vec![Mode::File, Mode::Executable, Mode::Symlink]);
    let edit = (0..6, path, mode, 1_u8..4).prop_map(|(what, path, mode, content)| match what {
        0..3 => Edit::Upsert { path, mode, oid: Oid([content; 20]) },
        3 => Edit::RemoveFile(path),
        4 => Edit::RemoveFolder(path),
        _ => Edit::Remove(path),
    });
    prop::collection::vec(edit, 1..12)
}

proptest! {
    #[test]
    fn editing_matches_a_map_of_files(batches in prop::collection::vec(edits(), 1..5)) {
        let memory = Memory::default();
        let mut model = Model::new();
        let mut root = None;
        for batch in batches {
            // Keep the edits that the model takes; then try each of the others alone.
            let mut good = Vec::new();
            for edit in batch {
                let mut changed = model.clone();
                match apply(&mut changed, &edit) {
                    Ok(()) => {
                        model = changed;
                        good.push(edit);
                    }
                    Err(at) => {
                        let error = memory.edit(root, [good.clone(), vec![edit]].concat()).unwrap_err();
                        prop_assert!(error.to_string().contains(&format!("`{at}`")), "{error}");
                    }
                }
            }
            let edited = memory.edit(root, good).unwrap();
            prop_assert_eq!(files(&memory, edited), model.clone());
            // The same files make the same tree, however it came about.
            let fresh = model.iter().map(|(at, (mode, oid))| Edit::Upsert { path: path(at), mode: *mode, oid: *oid });
            prop_assert_eq!(memory.edit(None, fresh.collect()).unwrap(), edited);
            root = Some(edited);
        }
    }
}
