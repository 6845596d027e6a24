//! What differs between two trees.

use std::cmp::Ordering;

use lyceum_core::Oid;

use crate::limits::{MAX_DIFF_TREES, MAX_TREE_DEPTH};
use crate::tree::git_order;
use crate::{Error, Mode, Objects, Result, Tree, TreeEntry, read_tree};

/// A file that was added, removed or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path from the repo's root.
    pub path: String,
    /// What it was; `None` if it was added.
    pub old: Option<(Mode, Oid)>,
    /// What it is; `None` if it was removed.
    pub new: Option<(Mode, Oid)>,
}

/// Compares two trees (`None`: empty) file by file, in git's order; stops after `limit` changes.
pub async fn diff(
    objects: &impl Objects,
    old: Option<Oid>,
    new: Option<Oid>,
    limit: usize,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut work = vec![Work::Folder { prefix: String::new(), old, new, depth: 0 }];
    let mut trees = 0;
    while changes.len() < limit {
        let (prefix, old, new, depth) = match work.pop() {
            None => break,
            Some(Work::File(change)) => {
                changes.push(change);
                continue;
            }
            Some(Work::Folder { prefix, old, new, depth }) => (prefix, old, new, depth),
        };
        trees += 1;
        if trees > MAX_DIFF_TREES || depth > MAX_TREE_DEPTH {
            return Err(Error::too_large("the trees are too large to compare"));
        }
        let old = read_or_empty(objects, old).await?;
        let new = read_or_empty(objects, new).await?;
        let from = work.len();
        compare(&prefix, old.entries(), new.entries(), depth, &mut work);
        // The last one pushed is taken first.
        work[from..].reverse();
    }
    Ok(changes)
}

enum Work {
    Folder { prefix: String, old: Option<Oid>, new: Option<Oid>, depth: usize },
    File(Change),
}

async fn read_or_empty(objects: &impl Objects, oid: Option<Oid>) -> Result<Tree> {
    match oid {
        Some(oid) => read_tree(objects, oid).await,
        None => Ok(Tree::default()),
    }
}

/// Merges two sorted folders. A file and a folder of the same name are different entries.
fn compare(prefix: &str, old: &[TreeEntry], new: &[TreeEntry], depth: usize, work: &mut Vec<Work>) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => git_order((&a.name, a.mode), (&b.name, b.mode)),
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        let Some(entry) = before.or(after) else {
            return;
        };
        let value = |entry: &TreeEntry| (entry.mode, entry.oid);
        let (was, is) = (before.map(value), after.map(value));
        if was == is {
            continue;
        }
        let path = format!("{prefix}{}", entry.name);
        work.push(if entry.mode == Mode::Folder {
            let (old, new) = (before.map(|entry| entry.oid), after.map(|entry| entry.oid));
            Work::Folder { prefix: path + "/", old, new, depth: depth + 1 }
        } else {
            Work::File(Change { path, old: was, new: is })
        });
    }
}

#[cfg(test)]
mod tests;
