//! Joining what two sides did to a tree.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::pin::Pin;

use lyceum_core::Oid;

use crate::limits::{MAX_CONFLICTS, MAX_DIFF_TREES, MAX_TREE_DEPTH};
use crate::tree::git_order;
use crate::{Error, Mode, ObjectKind, Objects, Result, SegmentWriter, Tree, TreeEntry, read_tree};

/// What became of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Both sides are in this tree.
    Clean(Oid),
    /// Both sides changed these paths, differently; in git's order, cut off after [`MAX_CONFLICTS`].
    Conflicts(Vec<String>),
}

/// Applies what `theirs` changed since `base` to `ours` (`None`: empty) and writes the trees that are new to `out`.
///
/// Whole files are compared: one that both sides changed is a conflict unless they made it the same. Only folders that
/// both sides changed are read.
pub async fn merge_trees(
    objects: &impl Objects,
    base: Option<Oid>,
    ours: Option<Oid>,
    theirs: Option<Oid>,
    out: &mut SegmentWriter,
) -> Result<Merged> {
    let mut merge = Merge { objects, out, conflicts: Vec::new(), trees: 0 };
    let tree = merge.folder(String::new(), Sides { base, ours, theirs }, 0).await?;
    if !merge.conflicts.is_empty() {
        return Ok(Merged::Conflicts(merge.conflicts));
    }
    match tree {
        Some(tree) => Ok(Merged::Clean(tree)),
        None => Ok(Merged::Clean(out.add(ObjectKind::Tree, &[])?)),
    }
}

/// One thing as it was and as both sides have it; `None` where it is not.
#[derive(Clone, Copy)]
struct Sides<T> {
    base: Option<T>,
    ours: Option<T>,
    theirs: Option<T>,
}

impl<T: Copy + PartialEq> Sides<T> {
    /// Returns what both sides together make of it, if at most one of them changed it.
    fn joined(self) -> Option<Option<T>> {
        if self.ours == self.theirs || self.base == self.theirs {
            return Some(self.ours);
        }
        (self.base == self.ours).then_some(self.theirs)
    }
}

struct Merge<'a, O> {
    objects: &'a O,
    out: &'a mut SegmentWriter,
    conflicts: Vec<String>,
    trees: usize,
}

impl<O: Objects> Merge<'_, O> {
    /// Merges a folder; `None` if nothing is left in it. The depth bounds the recursion.
    fn folder(
        &mut self,
        prefix: String,
        sides: Sides<Oid>,
        depth: usize,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Oid>>> + Send + '_>> {
        Box::pin(async move {
            if let Some(joined) = sides.joined() {
                return Ok(joined);
            }
            self.trees += 1;
            if self.trees > MAX_DIFF_TREES || depth > MAX_TREE_DEPTH {
                return Err(Error::too_large("the trees are too large to merge"));
            }
            let base = self.read(sides.base).await?;
            let ours = self.read(sides.ours).await?;
            let theirs = self.read(sides.theirs).await?;
            let mut entries = Vec::with_capacity(ours.entries().len());
            let mut walk = Walk([base.entries(), ours.entries(), theirs.entries()]);
            while let Some((name, Sides { base, ours, theirs })) = walk.next() {
                if self.conflicts.len() >= MAX_CONFLICTS {
                    return Ok(None);
                }
                let any = ours.or(theirs).or(base).expect("an entry is on one side at least");
                let joined = if any.mode == Mode::Folder {
                    let oid = |entry: Option<&TreeEntry>| entry.map(|entry| entry.oid);
                    let sides = Sides { base: oid(base), ours: oid(ours), theirs: oid(theirs) };
                    let folder = self.folder(format!("{prefix}{name}/"), sides, depth + 1).await?;
                    folder.map(|oid| (Mode::Folder, oid))
                } else {
                    let leaf = |entry: Option<&TreeEntry>| entry.map(|entry| (entry.mode, entry.oid));
                    let sides = Sides { base: leaf(base), ours: leaf(ours), theirs: leaf(theirs) };
                    sides.joined().unwrap_or_else(|| {
                        self.conflicts.push(format!("{prefix}{name}"));
                        sides.ours
                    })
                };
                entries.extend(joined.map(|(mode, oid)| TreeEntry { name: name.to_owned(), mode, oid }));
            }
            self.find_clashes(&prefix, &entries);
            if entries.is_empty() {
                return Ok(None);
            }
            if entries == ours.entries() {
                return Ok(sides.ours);
            }
            Ok(Some(self.out.add(ObjectKind::Tree, &Tree::new(entries).encode())?))
        })
    }

    async fn read(&self, oid: Option<Oid>) -> Result<Tree> {
        match oid {
            Some(oid) => read_tree(self.objects, oid).await,
            None => Ok(Tree::default()),
        }
    }

    /// Finds names that one side gave to a file and the other to a folder.
    fn find_clashes(&mut self, prefix: &str, entries: &[TreeEntry]) {
        let (folders, files): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.mode == Mode::Folder);
        let files: HashSet<&str> = files.iter().map(|entry| entry.name.as_str()).collect();
        let clashes = folders.iter().filter(|entry| files.contains(entry.name.as_str()));
        let room = MAX_CONFLICTS.saturating_sub(self.conflicts.len());
        self.conflicts.extend(clashes.take(room).map(|entry| format!("{prefix}{}", entry.name)));
    }
}

/// Walks three sorted folders at once. A file and a folder of the same name are different entries.
struct Walk<'a>([&'a [TreeEntry]; 3]);

impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<(&'a str, Sides<&'a TreeEntry>)> {
        let order = |a: &TreeEntry, b: &TreeEntry| git_order((&a.name, a.mode), (&b.name, b.mode));
        let first = self.0.iter().filter_map(|side| side.first()).min_by(|a, b| order(a, b))?;
        let [base, ours, theirs] = self.0.each_mut().map(|side| {
            let (entry, rest) = side.split_first()?;
            if order(entry, first) != Ordering::Equal {
                return None;
            }
            *side = rest;
            Some(entry)
        });
        Some((&first.name, Sides { base, ours, theirs }))
    }
}

#[cfg(test)]
mod tests;
