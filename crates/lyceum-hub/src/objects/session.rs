//! What one reader of many objects of a repo remembers, so that neighbours are read together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lyceum_core::ByteRange;
use lyceum_store::BlobKey;

use super::known::Known;

/// Bytes of a large segment that are read at once, from a multiple of it: histories are walked backwards, too.
const WINDOW_BYTES: u64 = 256 * 1024;
/// A larger object is read on its own: it would push out its neighbours, and is not needed again.
const MAX_NEIGHBOUR_BYTES: u64 = WINDOW_BYTES / 2;
/// How many of these pieces are remembered.
const MAX_WINDOWS: usize = 8;
/// How often one reader looks for new segments.
const MAX_LOOKS: usize = 64;
/// The memory of one reader; `None` of it outlives the request.
#[derive(Default)]
pub(super) struct Session(Mutex<State>);

#[derive(Default)]
struct State {
    known: Option<Arc<Known>>,
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
    pub(super) fn known(&self) -> Option<Arc<Known>> {
        self.lock().known.clone()
    }

    pub(super) fn learn(&self, known: &Arc<Known>) {
        self.lock().known = Some(known.clone());
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

/// Returns what to read of a segment for a range of it, so that its neighbours are remembered. Beyond `end` nothing is
/// needed.
pub(super) fn window(range: ByteRange, end: u64) -> ByteRange {
    if range.len() > MAX_NEIGHBOUR_BYTES {
        return range;
    }
    let from = range.start / WINDOW_BYTES * WINDOW_BYTES;
    // What reaches into the next piece is read together with that.
    let from = if range.end > from + WINDOW_BYTES { range.start } else { from };
    ByteRange::new(from, range.end.next_multiple_of(WINDOW_BYTES).min(end.max(range.end)))
}

#[cfg(test)]
mod tests;
