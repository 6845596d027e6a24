//! What one reader of many objects of a repo remembers, so that neighbours are read together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lyceum_core::{ByteRange, Oid};
use lyceum_git::SegmentEntry;
use lyceum_store::BlobKey;

use crate::cache::Segments;

/// Bytes of a large segment that are read at once.
const WINDOW_BYTES: u64 = 256 * 1024;
/// How many of these pieces are remembered.
const MAX_WINDOWS: usize = 8;
/// How often one reader looks for new segments.
const MAX_LOOKS: usize = 64;
/// From this many segments on, what the small ones hold is put into one table.
const MANY_SEGMENTS: usize = 5;
/// A segment with more objects is searched on its own.
const SMALL_SEGMENT_OBJECTS: usize = 4096;

/// The memory of one reader; `None` of it outlives the request.
#[derive(Default)]
pub(super) struct Session(Mutex<State>);

#[derive(Default)]
struct State {
    known: Arc<Known>,
    /// How often new segments were looked for because an object was not found.
    looked: usize,
    windows: VecDeque<Window>,
    keys: HashMap<i64, BlobKey>,
}

/// A piece of a segment.
struct Window {
    segment: i64,
    start: u64,
    data: Bytes,
}

impl Session {
    pub(super) fn known(&self) -> Arc<Known> {
        self.lock().known.clone()
    }

    pub(super) fn learn(&self, segments: Segments) {
        let known = Arc::new(Known::new(segments));
        self.lock().known = known;
    }

    /// Reports whether new segments may be looked for. A client may ask for many objects that are not there, and what
    /// was pushed since it began does not matter to it.
    pub(super) fn may_look(&self) -> bool {
        let mut state = self.lock();
        state.looked += 1;
        state.looked <= MAX_LOOKS
    }

    pub(super) fn key(&self, segment: i64) -> Option<BlobKey> {
        self.lock().keys.get(&segment).cloned()
    }

    pub(super) fn keep_key(&self, segment: i64, key: &BlobKey) {
        self.lock().keys.insert(segment, key.clone());
    }

    /// Returns bytes of a segment, if they are remembered.
    pub(super) fn bytes(&self, segment: i64, range: ByteRange) -> Option<Bytes> {
        let state = self.lock();
        let holds = |window: &&Window| {
            window.segment == segment
                && window.start <= range.start
                && range.end <= window.start + window.data.len() as u64
        };
        let window = state.windows.iter().find(holds)?;
        let start = (range.start - window.start) as usize;
        Some(window.data.slice(start..start + range.len() as usize))
    }

    /// Returns what to read, so that a range of a segment and what follows it is remembered.
    pub(super) fn window(&self, segment: i64, range: ByteRange) -> ByteRange {
        // A segment ends with its checksum, which no entry names: beyond the last entry nothing is needed.
        let end = self.known().end_of(segment).max(range.end);
        ByteRange::new(range.start, range.end.max(range.start + WINDOW_BYTES).min(end))
    }

    pub(super) fn keep(&self, segment: i64, range: ByteRange, data: Bytes) {
        let mut state = self.lock();
        if state.windows.len() == MAX_WINDOWS {
            state.windows.pop_front();
        }
        state.windows.push_back(Window { segment, start: range.start, data });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The segments of a repo, made quick to search.
pub(super) struct Known {
    pub(super) segments: Segments,
    /// Of small segments, what the oldest with an object says.
    small: HashMap<Oid, (i64, SegmentEntry)>,
    /// The others, oldest first, as indexes into `segments`.
    large: Vec<usize>,
    /// Where the entries of each segment end.
    ends: HashMap<i64, u64>,
}

impl Default for Known {
    fn default() -> Self {
        Self::new(Segments::default())
    }
}

impl Known {
    fn new(segments: Segments) -> Self {
        let mut small = HashMap::new();
        let mut large = Vec::new();
        let mut ends = HashMap::new();
        let table = segments.len() >= MANY_SEGMENTS;
        for (at, (segment, index)) in segments.iter().enumerate().rev() {
            let end = index.iter().map(|entry| entry.offset + entry.stored_bytes).max();
            ends.insert(*segment, end.unwrap_or(0));
            if table && index.len() <= SMALL_SEGMENT_OBJECTS {
                for entry in index.iter() {
                    small.entry(entry.oid).or_insert((*segment, *entry));
                }
            } else {
                large.push(at);
            }
        }
        Self { segments, small, large, ends }
    }

    /// Finds an object in the oldest segment that has it.
    pub(super) fn locate(&self, oid: Oid) -> Option<(i64, SegmentEntry)> {
        let small = self.small.get(&oid).copied();
        let mut large = self.large.iter().map(|at| &self.segments[*at]);
        let large = large.find_map(|(segment, index)| index.find(&oid).map(|entry| (*segment, entry)));
        match (small, large) {
            (Some(small), Some(large)) => Some(if small.0 < large.0 { small } else { large }),
            (found, None) | (None, found) => found,
        }
    }

    fn end_of(&self, segment: i64) -> u64 {
        self.ends.get(&segment).copied().unwrap_or(0)
    }
}
