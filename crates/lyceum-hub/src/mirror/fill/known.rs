//! The files on their way: who waits for what, what is in the spool, and what is kept of what broke off.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::Stream;
use lyceum_core::{ByteRange, Sha256, Timestamp};
use lyceum_store::Spool;
use tokio::sync::{Semaphore, watch};

use crate::mirror::trouble::{Answered, Trouble};
use crate::{Error, ErrorKind, Hub, Result};

/// Files fetched at the same time.
pub(crate) const MAX_FILLS: usize = 4;
/// Files that wait for that; who asks for more is sent away.
pub(crate) const MAX_WAITING: usize = 64;
/// Files whose fetching broke off and whose beginning is kept.
const MAX_BROKEN: usize = 16;
/// Parts of xorbs that are held in memory at the same time, each of up to 64 MiB.
const MAX_PIECES: usize = 2;
/// Bytes at the end of a file that clients get when all of it was found right.
const HELD_BACK_BYTES: u64 = 64 * 1024;
/// Bytes that clients get at a time.
const BLOCK_BYTES: u64 = 256 * 1024;
/// When who was sent away may try again, in seconds.
const RETRY_SECONDS: u32 = 30;

/// How long it is remembered that an upstream sent something else than a file, in seconds.
const LIE_SECONDS: i64 = 300;
/// Most files of which that is remembered.
const MAX_LIES: usize = 1024;

/// A file: of which repo, and what it holds.
pub(super) type Key = (i64, Sha256);

/// What is being fetched, and what broke off.
pub(crate) struct Fills {
    known: Mutex<HashMap<Key, Arc<Fill>>>,
    lies: Mutex<HashMap<Key, Lie>>,
    pub(super) places: Semaphore,
    pub(super) pieces: Arc<Semaphore>,
    pub(super) received_bytes: AtomicU64,
    pub(super) reused_bytes: AtomicU64,
}

/// What was sent as a file is not that file.
struct Lie {
    until: Timestamp,
    by_xet: bool,
}

/// One file on its way.
#[derive(Debug)]
pub(crate) struct Fill {
    /// Made when its turn has come.
    spool: OnceLock<Spool>,
    size: u64,
    state: watch::Sender<State>,
    /// Whether something in the spool came by Xet.
    by_xet: AtomicBool,
    pub(super) received_bytes: AtomicU64,
    pub(super) reused_bytes: AtomicU64,
}

#[derive(Debug, Clone)]
pub(super) enum State {
    /// For a place.
    Waiting,
    /// So many bytes are in the spool.
    Running(u64),
    /// It was stored before this began.
    Here,
    /// It is whole, right and recorded.
    Stored,
    Failed(Trouble),
}

impl Default for Fills {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            lies: Mutex::default(),
            places: Semaphore::new(MAX_FILLS),
            pieces: Arc::new(Semaphore::new(MAX_PIECES)),
            received_bytes: AtomicU64::new(0),
            reused_bytes: AtomicU64::new(0),
        }
    }
}

impl Fills {
    /// Returns how many bytes came from upstreams since this process started, and how many did not need to.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.received_bytes.load(Ordering::Relaxed), self.reused_bytes.load(Ordering::Relaxed))
    }

    /// Nothing panics while it holds the lock.
    fn known(&self) -> MutexGuard<'_, HashMap<Key, Arc<Fill>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the fill of a file that does not need to be started, if there is one.
    pub(super) fn running(&self, key: Key) -> Option<Arc<Fill>> {
        self.known().get(&key).filter(|fill| !fill.failed()).cloned()
    }

    /// Returns the fill of a file, and whether it has to be started.
    pub(super) fn enter(&self, key: Key, size: u64) -> Result<(Arc<Fill>, bool)> {
        let mut known = self.known();
        if let Some(fill) = known.get(&key).filter(|fill| !fill.failed()) {
            return Ok((fill.clone(), false));
        }
        let full = |known: &HashMap<Key, Arc<Fill>>| {
            known.values().filter(|fill| !fill.failed()).count() >= MAX_FILLS + MAX_WAITING
        };
        if full(&known) {
            known.retain(|_, fill| !fill.give_up_if_unwanted());
        }
        if full(&known) {
            let message = format!(
                "{} files of other hubs are being fetched or wait for it; please try again later",
                MAX_FILLS + MAX_WAITING
            );
            return Err(Error::new(ErrorKind::Unavailable, message).retry_in(RETRY_SECONDS));
        }
        let fill = Arc::new(Fill::new(known.get(&key).map(|broken| &**broken), size));
        known.insert(key, fill.clone());
        Ok((fill, true))
    }

    /// Ends a fill; with `keep`, what it has is kept for the next one.
    pub(super) fn end(&self, key: Key, fill: &Arc<Fill>, state: State, keep: bool) {
        let mut known = self.known();
        fill.state.send_replace(state);
        if !keep {
            remove(&mut known, key, fill);
            return;
        }
        let broken = known.iter().filter(|(other, fill)| **other != key && fill.failed());
        let broken: Vec<_> = broken.map(|(key, _)| *key).collect();
        // Which one goes does not matter much: it starts anew.
        if broken.len() >= MAX_BROKEN {
            known.remove(&broken[0]);
        }
    }

    /// Forgets what broke off, unless it is gone on with by now.
    pub(super) fn forget(&self, key: Key, broken: &Arc<Fill>) {
        remove(&mut self.known(), key, broken);
    }

    /// Remembers that what was sent was not the file.
    pub(super) fn remember_lie(&self, key: Key, fill: &Fill, now: Timestamp) {
        let mut lies = self.lies();
        if lies.len() >= MAX_LIES {
            lies.retain(|_, lie| lie.until > now);
            if lies.len() >= MAX_LIES {
                lies.clear();
            }
        }
        lies.insert(key, Lie { until: now.plus_seconds(LIE_SECONDS), by_xet: fill.by_xet() });
    }

    /// Reports whether clients may hold the beginning of something that is not the file.
    pub(super) fn lied(&self, key: Key, now: Timestamp) -> bool {
        self.lies().get(&key).is_some_and(|lie| lie.until > now)
    }

    /// Reports whether the last that came by Xet was not the file.
    pub(super) fn distrusts_xet(&self, key: Key, now: Timestamp) -> bool {
        self.lies().get(&key).is_some_and(|lie| lie.by_xet && lie.until > now)
    }

    /// Nothing panics while it holds the lock.
    fn lies(&self) -> MutexGuard<'_, HashMap<Key, Lie>> {
        self.lies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many bytes on the disk those that run may still need: in the spool, and chunked.
    pub(super) fn room(&self) -> u64 {
        let known = self.known();
        let left = known.values().map(|fill| match *fill.state.borrow() {
            State::Running(written) => fill.size.saturating_mul(2).saturating_sub(written),
            _ => 0,
        });
        left.fold(0, u64::saturating_add)
    }
}

fn remove(known: &mut HashMap<Key, Arc<Fill>>, key: Key, fill: &Arc<Fill>) {
    if known.get(&key).is_some_and(|found| Arc::ptr_eq(found, fill)) {
        known.remove(&key);
    }
}

impl Fill {
    /// Makes a fill that goes on with what a former one left.
    fn new(former: Option<&Self>, size: u64) -> Self {
        let spool = former.and_then(|former| former.spool.get().cloned());
        Self {
            spool: spool.map(OnceLock::from).unwrap_or_default(),
            size,
            state: watch::Sender::new(State::Waiting),
            by_xet: AtomicBool::new(former.is_some_and(Self::by_xet)),
            received_bytes: AtomicU64::new(0),
            reused_bytes: AtomicU64::new(0),
        }
    }

    fn failed(&self) -> bool {
        matches!(*self.state.borrow(), State::Failed(_))
    }

    /// Reports whether the file was stored before this began, so that nothing is in the spool.
    pub(super) fn was_here(&self) -> bool {
        matches!(*self.state.borrow(), State::Here)
    }

    /// Gives up what waits for a place while nobody waits for it: only the list and its task know of it.
    fn give_up_if_unwanted(self: &Arc<Self>) -> bool {
        let unwanted = Arc::strong_count(self) == 2;
        let given_up = State::Failed(Trouble::transient("nobody waits for the file any more"));
        unwanted && self.leave_waiting(given_up)
    }

    /// Changes the state of what waits; false if it does not wait any more.
    fn leave_waiting(&self, next: State) -> bool {
        self.state.send_if_modified(|state| {
            let waiting = matches!(state, State::Waiting);
            if waiting {
                *state = next;
            }
            waiting
        })
    }

    /// Waits until it is given up.
    pub(super) async fn given_up(&self) {
        // Fails only when this is dropped.
        self.state.subscribe().wait_for(|state| matches!(state, State::Failed(_))).await.ok();
    }

    /// Takes a turn; false if it was given up.
    pub(super) fn start(&self) -> bool {
        self.leave_waiting(State::Running(self.fetched()))
    }

    /// Makes the spool, unless a former fill left one.
    pub(super) async fn make_spool(&self, store: &lyceum_store::Store) -> Answered<()> {
        if self.spool.get().is_none() {
            let fresh = store.spool().await?;
            self.spool.get_or_init(|| fresh);
        }
        Ok(())
    }

    /// Reports whether something in the spool came by Xet.
    pub(super) fn by_xet(&self) -> bool {
        self.by_xet.load(Ordering::Relaxed)
    }

    /// Notes that something in the spool comes by Xet.
    pub(super) fn note_xet(&self) {
        self.by_xet.store(true, Ordering::Relaxed);
    }

    /// Returns how many bytes of the file are in the spool.
    pub(super) fn fetched(&self) -> u64 {
        self.spool.get().map_or(0, Spool::len)
    }

    fn spool(&self) -> &Spool {
        self.spool.get().expect("a file whose bytes are spoken of was begun")
    }

    /// Appends bytes and lets everybody know.
    pub(super) async fn append(&self, data: Vec<Bytes>) -> Answered<()> {
        let length: u64 = data.iter().map(|piece| piece.len() as u64).sum();
        if self.fetched() + length > self.size {
            let message = format!("the upstream sent more than the {} bytes that the file has", self.size);
            return Err(Trouble::lie(message));
        }
        self.spool().append(data).await?;
        self.state.send_replace(State::Running(self.fetched()));
        Ok(())
    }

    /// Waits until there are bytes beyond an offset, and returns where they end; with `held`, as far as clients may see.
    pub(super) async fn beyond(&self, offset: u64, held: bool) -> Answered<u64> {
        let end = |state: &State| match state {
            State::Waiting => 0,
            State::Running(written) if held => (*written).min(self.size.saturating_sub(HELD_BACK_BYTES)),
            State::Running(written) => *written,
            State::Here | State::Stored => self.size,
            State::Failed(_) => u64::MAX,
        };
        let mut state = self.state.subscribe();
        let found = state.wait_for(|state| end(state) > offset).await;
        match &*found.map_err(|_| Trouble::transient(INTERRUPTED))? {
            State::Failed(trouble) => Err(trouble.clone()),
            state => Ok(end(state)),
        }
    }

    /// Waits for the end.
    pub(crate) async fn end(&self) -> Answered<()> {
        let mut state = self.state.subscribe();
        let ended = state.wait_for(|state| !matches!(state, State::Waiting | State::Running(_))).await;
        match &*ended.map_err(|_| Trouble::transient(INTERRUPTED))? {
            State::Failed(trouble) => Err(trouble.clone()),
            _ => Ok(()),
        }
    }

    /// Streams a range as it arrives.
    pub(super) fn stream(
        self: Arc<Self>,
        range: ByteRange,
        held: bool,
    ) -> impl Stream<Item = Result<Bytes, lyceum_store::Error>> + Send {
        futures_util::stream::try_unfold((self, range.start), move |(fill, at)| async move {
            if at >= range.end {
                return Ok(None);
            }
            let end = fill.beyond(at, held).await;
            let end = end.map_err(|trouble| lyceum_store::Error::broken_off(trouble.message))?;
            let end = end.min(range.end).min(at + BLOCK_BYTES);
            let data = fill.spool().read(ByteRange::new(at, end)).await?;
            Ok(Some((data, (fill, end))))
        })
    }
}

/// The task of a fill, which ends it even when it ends without a word itself.
pub(super) struct Task {
    pub(super) hub: Hub,
    pub(super) key: Key,
    pub(super) fill: Arc<Fill>,
}

impl Drop for Task {
    fn drop(&mut self) {
        let unended = matches!(*self.fill.state.borrow(), State::Waiting | State::Running(_));
        if unended {
            let failed = State::Failed(Trouble::transient(INTERRUPTED));
            self.hub.inner.mirrors.fills.end(self.key, &self.fill, failed, false);
        }
    }
}

const INTERRUPTED: &str = "fetching the file was interrupted";
