//! Where the chunks of a file on its way are, so that ingest stores none of them twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lyceum_core::XetHash;
use lyceum_store::Dedup;

use crate::hub::Inner;
use crate::lfs::KnownChunks;

/// Most hints that are kept; beyond, chunks may be stored twice.
const MAX_HINTS: usize = 64 * 1024;

/// The first chunk of each run that is in a known xorb, besides those that any file would find.
pub(super) struct Hints {
    known: KnownChunks,
    runs: Mutex<HashMap<XetHash, XetHash>>,
}

impl Hints {
    pub(super) fn new(hub: Arc<Inner>) -> Self {
        Self { known: KnownChunks(hub), runs: Mutex::default() }
    }

    /// Notes that a run of chunks starts with `chunk`, and in which xorb it is.
    pub(super) fn add(&self, chunk: XetHash, xorb: XetHash) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() < MAX_HINTS {
            runs.insert(chunk, xorb);
        }
    }
}

impl Dedup for Hints {
    async fn lookup(&self, chunk: XetHash) -> Option<XetHash> {
        let found = self.runs.lock().unwrap_or_else(PoisonError::into_inner).remove(&chunk);
        match found {
            Some(xorb) => Some(xorb),
            None => self.known.lookup(chunk).await,
        }
    }
}
