//! Rewriting history so that no commit names some large files any more.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;

use lyceum_core::{Oid, Sha256, Timestamp};
use lyceum_git::{Commit, Mode, ObjectKind, Objects as _, Pointer, SegmentWriter, Tag, Tree, log, read_tree};

use crate::commit::insert_segment;
use crate::objects::RepoObjects;
use crate::{Error, ErrorKind, Hub, Repo, Result};

/// Longest history that is rewritten in one call.
const MAX_COMMITS: usize = 10_000;
/// No pointer is larger.
const MAX_POINTER_BYTES: u64 = 1024;

/// New objects and where references move to.
#[derive(Clone, Default)]
pub(super) struct Rewritten {
    segment: Option<lyceum_db::NewSegment>,
    /// Name, old target, new target, new commit.
    moves: Vec<(String, Oid, Oid, Oid)>,
}

impl Rewritten {
    /// Moves every reference that changed, or fails if one of them moved meanwhile.
    pub(super) async fn land(&self, tx: &mut lyceum_db::Queries, repo_id: i64, now: Timestamp) -> Result<()> {
        let Some(segment) = &self.segment else {
            return Ok(());
        };
        insert_segment(tx, repo_id, segment).await?;
        for (name, old, new, commit) in &self.moves {
            if !tx.cas_ref(repo_id, name, Some(*old), Some((*new, *commit)), now).await? {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("`{name}` was changed at the same time; please try again"),
                ));
            }
        }
        tx.touch_repo(repo_id, now, Some(now)).await?;
        crate::derive::enqueue(tx, repo_id, now).await
    }
}

impl Hub {
    /// Rewrites all branches and tags without the given files.
    pub(super) async fn rewrite_without(&self, repo: &Repo, files: &[Sha256]) -> Result<Rewritten> {
        let references = self.inner.db.read().await?.refs(repo.record.id).await?;
        let mut rewriter = Rewriter {
            objects: self.objects(repo),
            unwanted: files.iter().copied().collect(),
            segment: SegmentWriter::new(self.inner.store.spool_dir()),
            trees: HashMap::new(),
            commits: HashMap::new(),
        };
        let mut moves = Vec::new();
        for reference in references {
            let commit = rewriter.history(reference.peeled).await?;
            if commit != reference.peeled {
                let target = if reference.target == reference.peeled {
                    commit
                } else {
                    rewriter.tag(reference.target, commit).await?
                };
                moves.push((reference.name, reference.target, target, commit));
            }
        }
        if moves.is_empty() {
            return Ok(Rewritten::default());
        }
        let segment = self.keep_segment(repo.record.id, rewriter.segment, "rewrite").await?;
        Ok(Rewritten { segment: Some(segment), moves })
    }
}

struct Rewriter {
    objects: RepoObjects,
    unwanted: HashSet<Sha256>,
    segment: SegmentWriter,
    /// What became of each tree; `None` if nothing is left of it.
    trees: HashMap<Oid, Option<Oid>>,
    commits: HashMap<Oid, Oid>,
}

impl Rewriter {
    /// Rewrites a commit and all that it follows; returns what became of it.
    async fn history(&mut self, head: Oid) -> Result<Oid> {
        let history = log(&self.objects, head, 0, MAX_COMMITS + 1).await.map_err(Error::internal)?;
        if history.len() > MAX_COMMITS {
            let message =
                format!("the history is longer than {MAX_COMMITS} commits; squash the branch first");
            return Err(Error::new(ErrorKind::Unprocessable, message));
        }
        // Newest first: from the end, parents come before children.
        for (oid, commit) in history.iter().rev() {
            if !self.commits.contains_key(oid) {
                let new = self.commit(*oid, commit).await?;
                self.commits.insert(*oid, new);
            }
        }
        Ok(self.commits.get(&head).copied().unwrap_or(head))
    }

    async fn commit(&mut self, oid: Oid, commit: &Commit) -> Result<Oid> {
        let tree = match self.tree(commit.tree).await? {
            Some(tree) => tree,
            None => self.segment.add(ObjectKind::Tree, &[]).map_err(Error::internal)?,
        };
        let parents: Vec<Oid> = commit
            .parents
            .iter()
            .map(|parent| self.commits.get(parent).copied().unwrap_or(*parent))
            .collect();
        if tree == commit.tree && parents == commit.parents {
            return Ok(oid);
        }
        let new = Commit { tree, parents, ..commit.clone() };
        self.segment.add(ObjectKind::Commit, &new.encode()).map_err(Error::internal)
    }

    /// Rewrites a tree. Trees are no deeper than paths may be, which bounds the recursion.
    fn tree(&mut self, oid: Oid) -> Pin<Box<dyn Future<Output = Result<Option<Oid>>> + Send + '_>> {
        Box::pin(async move {
            if let Some(known) = self.trees.get(&oid) {
                return Ok(*known);
            }
            let old = read_tree(&self.objects, oid).await.map_err(Error::internal)?;
            let mut entries = Vec::with_capacity(old.entries().len());
            for entry in old.entries() {
                let kept = match entry.mode {
                    Mode::Folder => self.tree(entry.oid).await?,
                    Mode::File | Mode::Executable if self.unwanted(entry.oid).await? => None,
                    _ => Some(entry.oid),
                };
                entries.extend(kept.map(|oid| lyceum_git::TreeEntry { oid, ..entry.clone() }));
            }
            let new = match entries.is_empty() {
                true => None,
                false if entries == old.entries() => Some(oid),
                false => Some(
                    self.segment
                        .add(ObjectKind::Tree, &Tree::new(entries).encode())
                        .map_err(Error::internal)?,
                ),
            };
            self.trees.insert(oid, new);
            Ok(new)
        })
    }

    async fn unwanted(&self, blob: Oid) -> Result<bool> {
        if self.objects.size(blob).await? > MAX_POINTER_BYTES {
            return Ok(false);
        }
        let object = self.objects.read(blob).await.map_err(Error::internal)?;
        Ok(Pointer::parse(&object.data).is_some_and(|pointer| self.unwanted.contains(&pointer.oid)))
    }

    async fn tag(&mut self, oid: Oid, commit: Oid) -> Result<Oid> {
        let object = self.objects.read(oid).await.map_err(Error::internal)?;
        let tag = Tag::parse(&object.data).map_err(Error::internal)?;
        let new = Tag { target: commit, target_kind: ObjectKind::Commit, ..tag };
        self.segment.add(ObjectKind::Tag, &new.encode()).map_err(Error::internal)
    }
}
