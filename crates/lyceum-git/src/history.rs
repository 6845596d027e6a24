//! The commits that lead to a commit.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use lyceum_core::Oid;

use crate::limits::MAX_TAG_DEPTH;
use crate::object::read_kind;
use crate::{Commit, Error, ObjectKind, Objects, Result, Tag};

/// Reads and parses a commit.
pub async fn read_commit(objects: &impl Objects, oid: Oid) -> Result<Commit> {
    Commit::parse(&read_kind(objects, oid, ObjectKind::Commit).await?.data)
}

/// Follows annotated tags to the commit they name; `None` if they name something else.
pub async fn peel_commit(objects: &impl Objects, oid: Oid) -> Result<Option<Oid>> {
    let mut target = oid;
    for _ in 0..=MAX_TAG_DEPTH {
        let object = objects.read(target).await?;
        match object.kind {
            ObjectKind::Commit => return Ok(Some(target)),
            ObjectKind::Tag => target = Tag::parse(&object.data)?.target,
            ObjectKind::Tree | ObjectKind::Blob => return Ok(None),
        }
    }
    Err(Error::too_large(format!("tag {oid} points through more than {MAX_TAG_DEPTH} tags")))
}

/// Returns the history of `head`, newest first over all parents, without the first `skip` commits.
pub async fn log(
    objects: &impl Objects,
    head: Oid,
    skip: usize,
    limit: usize,
) -> Result<Vec<(Oid, Arc<Commit>)>> {
    let mut queue = DateQueue::default();
    let mut seen = HashSet::from([head]);
    queue.push(head, read_commit(objects, head).await?);
    let mut commits = Vec::new();
    let mut passed = 0;
    while commits.len() < limit {
        let Some((oid, commit)) = queue.pop() else {
            break;
        };
        for parent in &commit.parents {
            if seen.insert(*parent) {
                queue.push(*parent, read_commit(objects, *parent).await?);
            }
        }
        if passed < skip {
            passed += 1;
        } else {
            commits.push((oid, commit));
        }
    }
    Ok(commits)
}

/// Counts the commits that lead to `head`, itself included; `None` if there are more than `limit`. `known` tells what
/// was counted before, so that a history which only grew is not read again; anything above the limit says that there
/// were too many.
pub async fn count_commits(
    objects: &impl Objects,
    head: Oid,
    known: impl Fn(Oid) -> Option<usize>,
    limit: usize,
) -> Result<Option<usize>> {
    let mut seen = HashSet::from([head]);
    let mut waiting = vec![head];
    // As long as each commit has one parent, everything before a counted one is what was counted.
    let mut straight = true;
    while let Some(oid) = waiting.pop() {
        if let Some(before) = known(oid).filter(|before| straight || *before > limit) {
            let count = (seen.len() - 1).saturating_add(before);
            return Ok((count <= limit).then_some(count));
        }
        let parents = read_commit(objects, oid).await?.parents;
        straight &= parents.len() < 2;
        waiting.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
        if seen.len() > limit {
            return Ok(None);
        }
    }
    Ok(Some(seen.len()))
}

/// Commits waiting to be visited, the newest first; of equally old ones, the one that was found first.
#[derive(Default)]
pub(crate) struct DateQueue {
    order: BinaryHeap<(i64, Reverse<u64>, Oid)>,
    commits: HashMap<Oid, Arc<Commit>>,
    pushed: u64,
}

impl DateQueue {
    pub(crate) fn push(&mut self, oid: Oid, commit: Commit) {
        self.order.push((commit.committer.seconds, Reverse(self.pushed), oid));
        self.commits.insert(oid, Arc::new(commit));
        self.pushed += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<(Oid, Arc<Commit>)> {
        let (_, _, oid) = self.order.pop()?;
        let commit = self.commits.remove(&oid).expect("every queued commit is kept until it is taken");
        Some((oid, commit))
    }
}

#[cfg(test)]
mod tests;
