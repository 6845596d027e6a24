//! Which commit last touched each of some paths.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lyceum_core::Oid;

use crate::history::read_commit;
use crate::limits::MAX_WALKED_COMMITS;
use crate::{Commit, Mode, Objects, Result, Tree, read_tree};

/// Returns, for each path that exists in `head`, the newest commit along first parents that changed it; for a folder, anything
/// in it.
///
/// Paths last changed before the newest [`MAX_WALKED_COMMITS`] commits are left out.
pub async fn last_commits(
    objects: &impl Objects,
    head: Oid,
    paths: &[String],
) -> Result<HashMap<String, (Oid, Arc<Commit>)>> {
    let mut found = HashMap::new();
    let mut wanted = Wanted::new(paths);
    let mut oid = head;
    let mut commit = Arc::new(read_commit(objects, head).await?);
    wanted.start(objects, commit.tree).await?;
    for _ in 0..MAX_WALKED_COMMITS {
        if wanted.nodes[ROOT].pending == 0 {
            break;
        }
        let parent = match commit.parents.first() {
            Some(parent) => Some((*parent, Arc::new(read_commit(objects, *parent).await?))),
            None => None,
        };
        let tree = parent.as_ref().map(|(_, parent)| (Mode::Folder, parent.tree));
        for path in wanted.step(objects, tree).await? {
            found.insert(path, (oid, Arc::clone(&commit)));
        }
        let Some(next) = parent else {
            break;
        };
        (oid, commit) = next;
    }
    Ok(found)
}

const ROOT: usize = 0;

/// The paths that are still looked for, as a tree, with what they are in the commit looked at.
struct Wanted {
    nodes: Vec<Node>,
}

struct Node {
    parent: usize,
    children: HashMap<String, usize>,
    /// The whole path, if it is looked for.
    path: Option<String>,
    /// How many paths here and below are still looked for.
    pending: usize,
    entry: Option<(Mode, Oid)>,
}

impl Wanted {
    fn new(paths: &[String]) -> Self {
        let root = Node { parent: ROOT, children: HashMap::new(), path: None, pending: 0, entry: None };
        let mut wanted = Self { nodes: vec![root] };
        for path in paths.iter().collect::<BTreeSet<_>>() {
            let mut at = ROOT;
            for segment in path.split('/') {
                let fresh = wanted.nodes.len();
                let next = *wanted.nodes[at].children.entry(segment.to_owned()).or_insert(fresh);
                if next == fresh {
                    wanted.nodes.push(Node {
                        parent: at,
                        children: HashMap::new(),
                        path: None,
                        pending: 0,
                        entry: None,
                    });
                }
                at = next;
            }
            wanted.nodes[at].path = Some(path.clone());
            wanted.add_pending(at, 1);
        }
        wanted
    }

    /// Looks all paths up in the newest tree and gives up on those that are not there.
    async fn start(&mut self, objects: &impl Objects, tree: Oid) -> Result<()> {
        for at in self.visit(objects, Some((Mode::Folder, tree))).await? {
            if self.nodes[at].entry.is_none() && self.nodes[at].path.take().is_some() {
                self.drop_pending(at);
            }
        }
        // What was not visited differs from nothing in nothing: it does not exist.
        let absent: Vec<usize> = (0..self.nodes.len())
            .filter(|at| self.nodes[*at].entry.is_none() && self.nodes[*at].path.is_some())
            .collect();
        for at in absent {
            self.nodes[at].path = None;
            self.drop_pending(at);
        }
        Ok(())
    }

    /// Moves on to the next older tree and returns the paths that differ there.
    async fn step(&mut self, objects: &impl Objects, tree: Option<(Mode, Oid)>) -> Result<Vec<String>> {
        let mut changed = Vec::new();
        for at in self.visit(objects, tree).await? {
            if let Some(path) = self.nodes[at].path.take() {
                self.drop_pending(at);
                changed.push(path);
            }
        }
        Ok(changed)
    }

    /// Sets every pending node to its entry in `tree`, skipping folders that are the same; returns the nodes that changed.
    async fn visit(&mut self, objects: &impl Objects, tree: Option<(Mode, Oid)>) -> Result<Vec<usize>> {
        let mut changed = Vec::new();
        let mut work = vec![(ROOT, tree)];
        while let Some((at, entry)) = work.pop() {
            let node = &mut self.nodes[at];
            if node.entry == entry || node.pending == 0 {
                continue;
            }
            node.entry = entry;
            changed.push(at);
            if node.children.is_empty() {
                continue;
            }
            let folder = match entry {
                Some((Mode::Folder, oid)) => read_tree(objects, oid).await?,
                _ => Tree::default(),
            };
            for (name, child) in &self.nodes[at].children {
                work.push((*child, folder.find(name).map(|entry| (entry.mode, entry.oid))));
            }
        }
        Ok(changed)
    }

    fn add_pending(&mut self, mut at: usize, count: usize) {
        loop {
            self.nodes[at].pending += count;
            if at == ROOT {
                return;
            }
            at = self.nodes[at].parent;
        }
    }

    fn drop_pending(&mut self, mut at: usize) {
        loop {
            self.nodes[at].pending -= 1;
            if at == ROOT {
                return;
            }
            at = self.nodes[at].parent;
        }
    }
}

#[cfg(test)]
mod tests;
