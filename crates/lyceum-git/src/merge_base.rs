//! The best common ancestor of two commits.

use std::collections::{HashMap, HashSet};

use lyceum_core::Oid;

use crate::history::{DateQueue, read_commit};
use crate::limits::MAX_WALKED_COMMITS;
use crate::{Error, Objects, Result};

const FROM_A: u8 = 1;
const FROM_B: u8 = 2;
const COMMON: u8 = FROM_A | FROM_B;
/// An ancestor of a common ancestor: never better than that one.
const STALE: u8 = 4;

/// Returns the newest commit that both `a` and `b` descend from, itself not an ancestor of another such commit.
pub async fn merge_base(objects: &impl Objects, a: Oid, b: Oid) -> Result<Option<Oid>> {
    if a == b {
        return Ok(Some(a));
    }
    let mut walk =
        Walk { objects, marks: HashMap::new(), queue: DateQueue::default(), queued: HashSet::new() };
    walk.mark(a, FROM_A).await?;
    walk.mark(b, FROM_B).await?;
    let mut candidates: Vec<Oid> = Vec::new();
    while walk.live() || walk.undecided(&candidates) {
        let Some((oid, commit)) = walk.queue.pop() else {
            break;
        };
        walk.queued.remove(&oid);
        let marks = walk.marks[&oid];
        let mut passed_on = marks;
        if marks & COMMON == COMMON {
            if marks & STALE == 0 && !candidates.contains(&oid) {
                candidates.push(oid);
            }
            passed_on |= STALE;
        }
        for parent in &commit.parents {
            walk.mark(*parent, passed_on).await?;
        }
    }
    Ok(candidates.into_iter().find(|oid| walk.marks[oid] & STALE == 0))
}

struct Walk<'a, O> {
    objects: &'a O,
    marks: HashMap<Oid, u8>,
    queue: DateQueue,
    queued: HashSet<Oid>,
}

impl<O: Objects> Walk<'_, O> {
    /// Adds marks to a commit, and visits it again if that tells it something new.
    async fn mark(&mut self, oid: Oid, marks: u8) -> Result<()> {
        if self.marks.len() > MAX_WALKED_COMMITS {
            return Err(Error::too_large(format!(
                "no common ancestor within the newest {MAX_WALKED_COMMITS} commits"
            )));
        }
        let known = self.marks.entry(oid).or_insert(0);
        if *known & marks == marks {
            return Ok(());
        }
        *known |= marks;
        if self.queued.insert(oid) {
            self.queue.push(oid, read_commit(self.objects, oid).await?);
        }
        Ok(())
    }

    /// Reports whether one of the bases may turn out to be an ancestor of another: a commit whose date lies is met
    /// before those that it descends from. In a history too long to tell, the newest will do.
    fn undecided(&self, candidates: &[Oid]) -> bool {
        let open = candidates.iter().filter(|oid| self.marks[*oid] & STALE == 0).count();
        open > 1 && self.marks.len() < MAX_WALKED_COMMITS
    }

    /// Reports whether a commit is queued that could still lead to a base.
    fn live(&self) -> bool {
        self.queued.iter().any(|oid| self.marks[oid] & STALE == 0)
    }
}

#[cfg(test)]
mod tests;
