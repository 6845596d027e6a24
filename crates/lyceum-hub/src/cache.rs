//! Memory for what never changes: git objects, the segments they live in, and what follows from a commit.

use std::sync::Arc;

use bytes::Bytes;
use lyceum_core::Oid;
use lyceum_git::{Object, SegmentIndex};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::derive::Facts;
use crate::{Mergeability, Sibling};

/// Objects above this size are read again each time instead of pushing out everything else.
const MAX_CACHED_OBJECT_BYTES: usize = 512 * 1024;

/// The segments of a repo that were seen so far, newest first.
pub(crate) type Segments = Arc<[(i64, Arc<SegmentIndex>)]>;

/// Immutable git data by repo, each kind within its share of one byte budget.
pub(crate) struct GitCache {
    objects: Cache<(i64, Oid), Arc<Object>, Weight>,
    segments: Cache<i64, Segments, Weight>,
    data: Cache<(i64, i64), Bytes, Weight>,
    facts: Cache<(i64, Oid), Arc<Facts>, Weight>,
    siblings: Cache<(i64, Oid), Arc<[Sibling]>, Weight>,
    merges: Cache<Tips, Arc<Mergeability>, Weight>,
    counts: Cache<(i64, Oid), usize>,
}

/// Commits of which the length of the history is remembered.
const COUNTS: usize = 4096;

/// A pull request, by repo and number, with the heads of its target and its own.
pub(crate) type Tips = (i64, i64, Oid, Oid);

impl GitCache {
    /// Divides `bytes` between the kinds.
    pub(crate) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / 1024).unwrap_or(usize::MAX);
        Self {
            objects: Cache::with_weighter(items / 4, bytes / 4, Weight),
            segments: Cache::with_weighter(items / 8, bytes / 8, Weight),
            data: Cache::with_weighter(items / 4, bytes / 4, Weight),
            facts: Cache::with_weighter(items / 8, bytes / 8, Weight),
            siblings: Cache::with_weighter(items / 8, bytes / 8, Weight),
            merges: Cache::with_weighter(items / 8, bytes / 8, Weight),
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

    pub(crate) fn segments(&self, repo: i64) -> Segments {
        self.segments.get(&repo).unwrap_or_default()
    }

    pub(crate) fn keep_segments(&self, repo: i64, segments: Segments) {
        self.segments.insert(repo, segments);
    }

    /// Forgets which segments a repo has, after one of them turned out to be merged into another.
    pub(crate) fn forget_segments(&self, repo: i64) {
        self.segments.remove(&repo);
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

#[derive(Clone)]
struct Weight;

/// What an entry costs beside its own bytes: key, pointers and bookkeeping.
const ENTRY_BYTES: usize = 128;

impl Weighter<(i64, Oid), Arc<Object>> for Weight {
    fn weight(&self, _: &(i64, Oid), object: &Arc<Object>) -> u64 {
        (object.data.len() + ENTRY_BYTES) as u64
    }
}

impl Weighter<i64, Segments> for Weight {
    fn weight(&self, _: &i64, segments: &Segments) -> u64 {
        let entries: usize = segments.iter().map(|(_, index)| index.len()).sum();
        // An index entry is an id, a kind, an offset and two sizes.
        (entries * 48 + segments.len() * ENTRY_BYTES) as u64
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
