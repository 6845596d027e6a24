//! Memory for what never changes: git objects, the segments they live in, and what follows from a commit.

mod recent;

use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;
use lyceum_core::Oid;
use lyceum_git::Object;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::derive::Facts;
use crate::objects::known::Known;
use crate::{Mergeability, Result, Sibling};
use recent::Recent;

/// Objects above this size are read again each time instead of pushing out everything else.
const MAX_CACHED_OBJECT_BYTES: usize = 512 * 1024;
/// A cache is divided so that its parts do not wait for each other; none holds what is larger than a part.
const PART_BYTES: u64 = 4 * 1024 * 1024;

/// Immutable git data by repo, each kind within its share of one byte budget.
pub(crate) struct GitCache {
    objects: Cache<(i64, Oid), Arc<Object>, Weight>,
    known: Recent,
    data: Cache<(i64, i64), Bytes, Weight>,
    facts: Cache<(i64, Oid), Arc<Facts>, Weight>,
    siblings: Cache<(i64, Oid), Arc<[Sibling]>, Weight>,
    merges: Cache<Tips, Arc<Mergeability>, Weight>,
    counts: Cache<(i64, Oid), usize>,
}

/// Most parts of a cache.
const MAX_PARTS: usize = 64;
/// How large an entry is taken to be until it is known.
const TYPICAL_ENTRY_BYTES: u64 = 1024;
/// Commits of which the length of the history is remembered.
const COUNTS: usize = 4096;

/// A pull request, by repo and number, with the heads of its target and its own.
pub(crate) type Tips = (i64, i64, Oid, Oid);

impl GitCache {
    /// Divides `bytes` between the kinds.
    pub(crate) fn new(bytes: u64) -> Self {
        let known_bytes = usize::try_from(bytes / 4).unwrap_or(usize::MAX);
        Self {
            objects: cache(bytes / 4),
            known: Recent::new(known_bytes),
            data: cache(bytes / 4),
            facts: cache(bytes / 16),
            siblings: cache(bytes / 8),
            merges: cache(bytes / 16),
            counts: Cache::new(COUNTS),
        }
    }

    pub(crate) fn object(&self, repo: i64, oid: Oid) -> Option<Arc<Object>> {
        self.objects.get(&(repo, oid))
    }

    pub(crate) fn keep_object(&self, repo: i64, oid: Oid, object: &Arc<Object>) {
        if object.data.len() <= MAX_CACHED_OBJECT_BYTES {
            self.objects.insert((repo, oid), object.clone());
        }
    }

    /// Returns where the objects of a repo lie, as far as that is known; `read` finds out, for all who ask at once.
    pub(crate) async fn known(
        &self,
        repo: i64,
        read: impl Future<Output = Result<Arc<Known>>>,
    ) -> Result<Arc<Known>> {
        self.known.get(repo, read).await
    }

    pub(crate) fn keep_known(&self, repo: i64, known: &Arc<Known>) {
        self.known.keep(repo, known);
    }

    /// Forgets where the objects of a repo lie, after segments were merged.
    pub(crate) fn forget_known(&self, repo: i64) {
        self.known.forget(repo);
    }

    pub(crate) fn facts(&self, repo: i64, commit: Oid) -> Option<Arc<Facts>> {
        self.facts.get(&(repo, commit))
    }

    pub(crate) fn keep_facts(&self, repo: i64, commit: Oid, facts: &Arc<Facts>) {
        self.facts.insert((repo, commit), facts.clone());
    }

    pub(crate) fn siblings(&self, repo: i64, commit: Oid) -> Option<Arc<[Sibling]>> {
        self.siblings.get(&(repo, commit))
    }

    pub(crate) fn keep_siblings(&self, repo: i64, commit: Oid, siblings: &Arc<[Sibling]>) {
        self.siblings.insert((repo, commit), siblings.clone());
    }

    pub(crate) fn merge(&self, tips: Tips) -> Option<Arc<Mergeability>> {
        self.merges.get(&tips)
    }

    pub(crate) fn keep_merge(&self, tips: Tips, mergeability: Mergeability) {
        self.merges.insert(tips, Arc::new(mergeability));
    }

    /// Returns how many commits lead to a commit; one more than are counted if there are too many.
    pub(crate) fn count(&self, repo: i64, commit: Oid) -> Option<usize> {
        self.counts.get(&(repo, commit))
    }

    pub(crate) fn keep_count(&self, repo: i64, commit: Oid, count: usize) {
        self.counts.insert((repo, commit), count);
    }

    pub(crate) fn data(&self, repo: i64, segment: i64) -> Option<Bytes> {
        self.data.get(&(repo, segment))
    }

    pub(crate) fn keep_data(&self, repo: i64, segment: i64, data: &Bytes) {
        self.data.insert((repo, segment), data.clone());
    }
}

/// Makes a cache of parts that are not too small.
fn cache<Key: Eq + Hash, Value: Clone>(bytes: u64) -> Cache<Key, Value, Weight>
where
    Weight: Weighter<Key, Value>,
{
    let parts = usize::try_from(bytes / PART_BYTES).unwrap_or(usize::MAX).clamp(1, MAX_PARTS);
    // Parts become a power of two, by adding some.
    let parts = if parts.is_power_of_two() { parts } else { parts.next_power_of_two() / 2 };
    let options = OptionsBuilder::new()
        .shards(parts)
        .estimated_items_capacity(usize::try_from(bytes / TYPICAL_ENTRY_BYTES).unwrap_or(usize::MAX))
        .weight_capacity(bytes)
        .build()
        .expect("the two that are needed are given");
    Cache::with_options(options, Weight, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

#[derive(Clone)]
struct Weight;

/// What an entry costs beside its own bytes: key, pointers and bookkeeping.
const ENTRY_BYTES: usize = 128;

impl Weighter<(i64, Oid), Arc<Object>> for Weight {
    fn weight(&self, _: &(i64, Oid), object: &Arc<Object>) -> u64 {
        (object.data.len() + ENTRY_BYTES) as u64
    }
}

impl Weighter<(i64, i64), Bytes> for Weight {
    fn weight(&self, _: &(i64, i64), data: &Bytes) -> u64 {
        (data.len() + ENTRY_BYTES) as u64
    }
}

impl Weighter<(i64, Oid), Arc<Facts>> for Weight {
    fn weight(&self, _: &(i64, Oid), facts: &Arc<Facts>) -> u64 {
        (facts.weight_bytes() + ENTRY_BYTES) as u64
    }
}

impl Weighter<(i64, Oid), Arc<[Sibling]>> for Weight {
    fn weight(&self, _: &(i64, Oid), siblings: &Arc<[Sibling]>) -> u64 {
        let bytes: usize = siblings.iter().map(|sibling| sibling.path.len() + size_of::<Sibling>()).sum();
        (bytes + ENTRY_BYTES) as u64
    }
}

impl Weighter<Tips, Arc<Mergeability>> for Weight {
    fn weight(&self, _: &Tips, mergeability: &Arc<Mergeability>) -> u64 {
        let bytes: usize = match &**mergeability {
            Mergeability::Conflicts(paths) => paths.iter().map(|path| path.len() + size_of::<String>()).sum(),
            Mergeability::Clean | Mergeability::Unknown => 0,
        };
        (bytes + ENTRY_BYTES) as u64
    }
}
