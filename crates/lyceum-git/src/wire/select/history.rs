//! The walk over commits, the newest first, and then over their trees, the oldest first.
//!
//! A tree is compared with those of its parents only once these are selected as a whole: a later commit may bring back
//! an older one's tree, which would otherwise be passed over twice, each time for the sake of the other.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use lyceum_core::Oid;

use super::trees::{Base, Trees};
use super::{OidHash, OidMap, Question, Watch};
use crate::limits::MAX_COMPARED_PARENTS;
use crate::wire::links::{CommitLinks, read_links};
use crate::{PackSource, Result};

/// How many commits are looked at after the last one that the client lacks was found, in case dates lie.
const SLOP: usize = 5;
/// How many of the commits that the client has are compared with a commit that has no parents.
const MAX_FALLBACK_BASES: usize = 4;

/// Selects everything that `starts` lead to, for a client that has nothing.
pub(super) async fn select_all<S: PackSource>(
    question: &Question,
    starts: Vec<Oid>,
    trees: &mut Trees<'_, S>,
    watch: &mut impl Watch,
) -> Result<()> {
    let source = trees.source;
    let mut queue = Queue::default();
    let mut waiting: OidMap<CommitLinks> = OidMap::default();
    let mut order = Vec::new();
    for oid in starts {
        if trees.selection.add(oid)? {
            let links = read(source, question, oid).await?;
            queue.push(links.date, oid);
            waiting.insert(oid, links);
        }
    }
    while let Some((_, oid)) = queue.pop() {
        let links = waiting.remove(&oid).expect("every commit waits with what it leads to");
        for parent in &links.parents {
            if trees.selection.add(*parent)? {
                let links = read(source, question, *parent).await?;
                queue.push(links.date, *parent);
                waiting.insert(*parent, links);
            }
        }
        order.push((oid, links));
    }
    let mut complete: OidMap<Oid> = OidMap::default();
    for (oid, links) in order.iter().rev() {
        let parents = links.parents.iter().filter_map(|parent| complete.get(parent));
        let bases = parents.take(MAX_COMPARED_PARENTS).map(|tree| Base { tree: *tree, known: false });
        trees.add_root(links.tree, bases.collect(), watch).await?;
        complete.insert(*oid, links.tree);
    }
    Ok(())
}

/// Reads a commit as the client will see it.
async fn read(source: &impl PackSource, question: &Question, oid: Oid) -> Result<CommitLinks> {
    let mut links = read_links(source, oid).await?;
    if question.cut.contains(&oid) {
        links.parents.clear();
    }
    Ok(links)
}

/// The newest first; of equally old ones, the one that was found first.
#[derive(Default)]
struct Queue {
    heap: BinaryHeap<(i64, Reverse<u64>, Oid)>,
    pushed: u64,
}

impl Queue {
    fn push(&mut self, date: i64, oid: Oid) {
        self.heap.push((date, Reverse(self.pushed), oid));
        self.pushed += 1;
    }

    fn pop(&mut self) -> Option<(i64, Oid)> {
        self.heap.pop().map(|(date, _, oid)| (date, oid))
    }

    fn newest(&self) -> Option<i64> {
        self.heap.peek().map(|(date, ..)| *date)
    }
}

struct Met {
    links: CommitLinks,
    /// The client has it.
    theirs: bool,
    queued: bool,
}

struct Walk<'a, S> {
    source: &'a S,
    question: &'a Question,
    met: HashMap<Oid, Met, OidHash>,
    queue: Queue,
    /// How many queued commits the client may lack.
    open: usize,
}

/// Selects what `starts` lead to and `ends`, which the client has, do not.
pub(super) async fn select_new<S: PackSource>(
    question: &Question,
    starts: Vec<Oid>,
    ends: Vec<Oid>,
    trees: &mut Trees<'_, S>,
    watch: &mut impl Watch,
) -> Result<()> {
    let source = trees.source;
    let mut walk = Walk { source, question, met: HashMap::default(), queue: Queue::default(), open: 0 };
    for oid in &ends {
        walk.meet(*oid, true).await?;
    }
    for oid in starts {
        walk.meet(oid, false).await?;
    }
    let mut order = Vec::new();
    let mut last_date = i64::MAX;
    let mut slop = SLOP;
    while let Some((date, oid)) = walk.queue.pop() {
        let met = walk.met.get_mut(&oid).expect("every queued commit was met");
        met.queued = false;
        let theirs = met.theirs;
        walk.open -= usize::from(!theirs);
        for parent in met.links.parents.clone() {
            walk.meet(parent, theirs).await?;
        }
        if !theirs {
            order.push(oid);
            last_date = date;
            watch.found(order.len()).await?;
        } else if walk.open == 0 && walk.queue.newest().is_none_or(|newest| newest < last_date) {
            if slop == 0 {
                break;
            }
            slop -= 1;
        } else {
            slop = SLOP;
        }
    }
    order.retain(|oid| !walk.met[oid].theirs);
    for oid in &order {
        trees.selection.add(*oid)?;
    }
    let fallback = walk.trees_of(&ends[..ends.len().min(MAX_FALLBACK_BASES)]);
    let mut edges: HashMap<Oid, Vec<Base>> = HashMap::new();
    for edge in &question.edges {
        let links = read_links(source, *edge).await?;
        for parent in links.parents {
            edges.entry(parent).or_default().push(Base { tree: links.tree, known: true });
        }
    }
    let mut complete: HashSet<Oid, OidHash> = HashSet::default();
    for oid in order.iter().rev() {
        let links = &walk.met[oid].links;
        let whole =
            |parent: &&Oid| complete.contains(*parent) || walk.met.get(*parent).is_some_and(|met| met.theirs);
        let parents: Vec<Oid> = links.parents.iter().filter(whole).copied().collect();
        let mut bases = walk.trees_of(&parents);
        bases.extend(edges.get(oid).into_iter().flatten());
        if bases.is_empty() {
            bases.extend(&fallback);
        }
        bases.truncate(MAX_COMPARED_PARENTS);
        trees.add_root(links.tree, bases, watch).await?;
        complete.insert(*oid);
    }
    Ok(())
}

impl<S: PackSource> Walk<'_, S> {
    /// Comes across a commit that the client wants or has.
    async fn meet(&mut self, oid: Oid, theirs: bool) -> Result<()> {
        // What was visited already and turns out to be the client's makes everything that it leads to the client's.
        let mut turned = vec![(oid, theirs)];
        while let Some((oid, theirs)) = turned.pop() {
            let Some(met) = self.met.get_mut(&oid) else {
                let links = read(self.source, self.question, oid).await?;
                self.queue.push(links.date, oid);
                self.open += usize::from(!theirs);
                self.met.insert(oid, Met { links, theirs, queued: true });
                continue;
            };
            if theirs && !met.theirs {
                met.theirs = true;
                if met.queued {
                    self.open -= 1;
                } else {
                    turned.extend(met.links.parents.iter().map(|parent| (*parent, true)));
                }
            }
        }
        Ok(())
    }

    /// Returns the trees of those commits that were met.
    fn trees_of(&self, commits: &[Oid]) -> Vec<Base> {
        let met = commits.iter().filter_map(|oid| self.met.get(oid));
        met.map(|met| Base { tree: met.links.tree, known: met.theirs }).collect()
    }
}
