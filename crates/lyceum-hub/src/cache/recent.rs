//! What is known of the repos that were used last.
//!
//! Other caches protect what is used often from what is used once, and take nothing that is large. Here that would
//! mean to read the indexes of a large or of a second repo anew for each of its objects.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::ENTRY_BYTES;
use crate::Result;
use crate::objects::known::Known;

/// What is known of some repos, of which those used last stay. The last one stays however large it is.
pub(super) struct Recent {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    repos: HashMap<i64, Entry>,
    /// The repos by when they were used.
    order: BTreeMap<u64, i64>,
    bytes: usize,
    clock: u64,
}

struct Entry {
    cell: Cell,
    used: u64,
    bytes: usize,
}

/// Filled once, by the first who asks; the others wait for him.
type Cell = Arc<OnceCell<Arc<Known>>>;

impl Recent {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    pub(super) async fn get(
        &self,
        repo: i64,
        read: impl Future<Output = Result<Arc<Known>>>,
    ) -> Result<Arc<Known>> {
        let cell = self.lock().cell(repo);
        if let Some(known) = cell.get() {
            return Ok(known.clone());
        }
        let known = cell.get_or_try_init(|| read).await?.clone();
        self.lock().weigh(repo, &cell, &known, self.limit);
        Ok(known)
    }

    pub(super) fn keep(&self, repo: i64, known: &Arc<Known>) {
        let mut state = self.lock();
        state.remove(repo);
        let cell: Cell = Arc::new(OnceCell::new_with(Some(known.clone())));
        state.put(repo, cell.clone());
        state.weigh(repo, &cell, known, self.limit);
    }

    pub(super) fn forget(&self, repo: i64) {
        self.lock().remove(repo);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the cell of a repo, which was used now.
    fn cell(&mut self, repo: i64) -> Cell {
        let Some(entry) = self.repos.get_mut(&repo) else {
            let cell = Cell::default();
            self.put(repo, cell.clone());
            return cell;
        };
        self.clock += 1;
        self.order.remove(&entry.used);
        self.order.insert(self.clock, repo);
        entry.used = self.clock;
        entry.cell.clone()
    }

    fn put(&mut self, repo: i64, cell: Cell) {
        self.clock += 1;
        self.order.insert(self.clock, repo);
        self.repos.insert(repo, Entry { cell, used: self.clock, bytes: ENTRY_BYTES });
        self.bytes += ENTRY_BYTES;
    }

    /// Counts what a cell holds by now, and forgets others for it.
    fn weigh(&mut self, repo: i64, cell: &Cell, known: &Known, limit: usize) {
        // Meanwhile the repo may have been forgotten, or have got a new cell.
        let Some(entry) = self.repos.get_mut(&repo).filter(|entry| Arc::ptr_eq(&entry.cell, cell)) else {
            return;
        };
        let bytes = known.weight_bytes() + ENTRY_BYTES;
        self.bytes = self.bytes - entry.bytes + bytes;
        entry.bytes = bytes;
        while self.bytes > limit
            && let Some((_, &oldest)) = self.order.first_key_value()
            && oldest != repo
        {
            self.remove(oldest);
        }
    }

    fn remove(&mut self, repo: i64) {
        if let Some(entry) = self.repos.remove(&repo) {
            self.order.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests;
