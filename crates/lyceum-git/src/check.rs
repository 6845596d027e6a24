//! Checks that everything a reference leads to is there and sound.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lyceum_core::Oid;

use crate::limits::MAX_PROBLEMS;
use crate::{Commit, ErrorKind, Mode, Object, ObjectKind, Objects, Result, Tag, Tree, object_id};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reachable {
    /// How many sound objects there are.
    pub objects: u64,
    /// How many bytes they have, inflated.
    pub bytes: u64,
    /// What is wrong; at most [`MAX_PROBLEMS`], then the check stops.
    pub problems: Vec<Problem>,
}

/// An object that is missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The object.
    pub oid: Oid,
    /// What is wrong with it.
    pub message: String,
}

/// Reads every object that `tips` lead to once, hashes and parses it, and shows the sound ones to `visit`.
///
/// Missing and damaged objects are reported; only a source that fails ends the check with an error.
pub async fn check_reachable(
    objects: &impl Objects,
    tips: &[Oid],
    mut visit: impl FnMut(Oid, &Object) + Send,
) -> Result<Reachable> {
    let mut report = Reachable::default();
    let mut seen: HashMap<Oid, Option<ObjectKind>> = HashMap::new();
    let mut work: Vec<(Oid, Option<ObjectKind>)> = tips.iter().map(|oid| (*oid, None)).collect();
    while let Some((oid, expected)) = work.pop() {
        if report.problems.len() >= MAX_PROBLEMS {
            break;
        }
        let problem = |message: String| Problem { oid, message };
        if let Some(known) = seen.get(&oid) {
            if let (Some(known), Some(expected)) = (known, expected)
                && *known != expected
            {
                report.problems.push(problem(format!("it is a {known}, but is used as a {expected}")));
            }
            continue;
        }
        seen.insert(oid, None);
        let object = match objects.read(oid).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::Source => return Err(error),
            Err(error) => {
                report.problems.push(problem(error.to_string()));
                continue;
            }
        };
        seen.insert(oid, Some(object.kind));
        match examine(oid, &object, expected) {
            Ok(links) => work.extend(links),
            Err(message) => {
                report.problems.push(problem(message));
                continue;
            }
        }
        report.objects += 1;
        report.bytes += object.data.len() as u64;
        visit(oid, &object);
    }
    Ok(report)
}

/// Checks one object and returns what it refers to.
fn examine(
    oid: Oid,
    object: &Arc<Object>,
    expected: Option<ObjectKind>,
) -> Result<Vec<(Oid, Option<ObjectKind>)>, String> {
    if object_id(object.kind, &object.data) != oid {
        return Err("its content does not match its id".to_owned());
    }
    if let Some(expected) = expected
        && object.kind != expected
    {
        return Err(format!("it is a {}, but is used as a {expected}", object.kind));
    }
    match object.kind {
        ObjectKind::Blob => Ok(Vec::new()),
        ObjectKind::Tree => {
            let tree = Tree::parse(&object.data).map_err(|error| error.to_string())?;
            let mut names = HashSet::new();
            if !tree.entries().iter().all(|entry| names.insert(entry.name.as_str())) {
                return Err("a file and a folder have the same name".to_owned());
            }
            let link = |mode| match mode {
                Mode::Folder => Some(ObjectKind::Tree),
                Mode::File | Mode::Executable | Mode::Symlink => Some(ObjectKind::Blob),
                Mode::Submodule => None,
            };
            let entries = tree.entries().iter();
            Ok(entries.filter_map(|entry| link(entry.mode).map(|kind| (entry.oid, Some(kind)))).collect())
        }
        ObjectKind::Commit => {
            let commit = Commit::parse(&object.data).map_err(|error| error.to_string())?;
            let parents = commit.parents.into_iter().map(|parent| (parent, Some(ObjectKind::Commit)));
            Ok(parents.chain([(commit.tree, Some(ObjectKind::Tree))]).collect())
        }
        ObjectKind::Tag => {
            let tag = Tag::parse(&object.data).map_err(|error| error.to_string())?;
            Ok(vec![(tag.target, Some(tag.target_kind))])
        }
    }
}

#[cfg(test)]
mod tests;
