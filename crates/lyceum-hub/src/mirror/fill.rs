//! Large files of mirrors, which are fetched when somebody first asks for them.
//!
//! One task fetches a file, however many wait for it, and goes on when they have left. Bytes are appended to a spool in
//! order; clients read it while it grows, and so does [`Store::ingest`](lyceum_store::Store::ingest), which finds out
//! what they really are. Until size and digest are those of the pointer in git, the end of the file is held back: a
//! client that was sent something wrong sees a broken connection, never a whole file, and nothing is stored under that
//! name. What an upstream sent before it died stays in the spool, and the next request goes on from there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use lyceum_core::limits::MAX_FILE_BYTES;
use lyceum_core::{ByteRange, Oid, Sha256};
use lyceum_fetch::Opened;
use lyceum_store::{ByteStream, Spool};
use lyceum_xet::encode_terms;
use tokio::sync::{Semaphore, watch};

use super::trouble::{Answered, Trouble, TroubleKind};
use super::upstream::Remote;
use crate::xet::NewFile;
use crate::{Error, ErrorKind, FileHandle, Hub, LfsEntry, Repo, Result};

mod hints;
mod xet;

use hints::Hints;

/// Files fetched at the same time; more wait.
const MAX_FILLS: usize = 4;
/// Files whose fetching broke off and whose beginning is kept.
const MAX_BROKEN: usize = 16;
/// How long it is kept: it takes room on the disk.
const KEEP_BROKEN: Duration = Duration::from_secs(3600);
/// Parts of xorbs that are held in memory at the same time, each of up to 64 MiB.
const MAX_PIECES: usize = 2;
/// Bytes at the end of a file that clients get when all of it was found right.
const HELD_BACK_BYTES: u64 = 64 * 1024;
/// Bytes that clients get at a time.
const BLOCK_BYTES: u64 = 256 * 1024;
/// Bytes that are written at a time.
const WRITE_BYTES: usize = 512 * 1024;
/// How often in a row an upstream is asked for the rest.
const MAX_TRIES: u32 = 5;
/// The wait before the second time; doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Bytes after which an upstream is taken for alive again.
const PROGRESS_BYTES: u64 = 1 << 20;

/// What is being fetched, and what broke off.
pub(crate) struct Fills {
    known: Mutex<HashMap<(i64, Sha256), Arc<Fill>>>,
    places: Semaphore,
    pieces: Semaphore,
    received_bytes: AtomicU64,
    reused_bytes: AtomicU64,
}

/// One file on its way.
#[derive(Debug)]
pub(crate) struct Fill {
    spool: Spool,
    size: u64,
    state: watch::Sender<State>,
    received_bytes: AtomicU64,
    reused_bytes: AtomicU64,
}

#[derive(Debug, Clone)]
enum State {
    /// So many bytes are in the spool.
    Running(u64),
    /// It is whole, right and recorded.
    Stored,
    Failed(Trouble),
}

/// Where a file is to be had.
struct Wanted {
    repo: Repo,
    remote: Arc<Remote>,
    remote_id: lyceum_core::RepoId,
    commit: Oid,
    path: String,
    sha256: Sha256,
    size: u64,
}

impl Default for Fills {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            places: Semaphore::new(MAX_FILLS),
            pieces: Semaphore::new(MAX_PIECES),
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
    fn known(&self) -> MutexGuard<'_, HashMap<(i64, Sha256), Arc<Fill>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the fill of a file that does not need to be started, if there is one.
    fn running(&self, key: (i64, Sha256)) -> Option<Arc<Fill>> {
        self.known().get(&key).filter(|fill| !fill.failed()).cloned()
    }

    /// Returns the fill of a file, and whether it has to be started.
    fn enter(&self, key: (i64, Sha256), fresh: Spool, size: u64) -> (Arc<Fill>, bool) {
        let mut known = self.known();
        let spool = match known.get(&key) {
            Some(fill) if !fill.failed() => return (fill.clone(), false),
            Some(broken) => broken.spool.clone(),
            None => fresh,
        };
        let fill = Arc::new(Fill::new(spool, size));
        known.insert(key, fill.clone());
        (fill, true)
    }

    /// Forgets what broke off, unless it is gone on with by now.
    fn forget(&self, key: (i64, Sha256), broken: &Arc<Fill>) {
        let mut known = self.known();
        if known.get(&key).is_some_and(|fill| Arc::ptr_eq(fill, broken)) {
            known.remove(&key);
        }
    }

    /// Forgets a fill, or keeps what it has for the next one.
    fn leave(&self, key: (i64, Sha256), keep: bool) {
        let mut known = self.known();
        if !keep {
            known.remove(&key);
            return;
        }
        let broken: Vec<_> = known
            .iter()
            .filter(|(other, fill)| **other != key && fill.failed())
            .map(|(key, _)| *key)
            .collect();
        // Which one goes does not matter much: it starts anew.
        if broken.len() >= MAX_BROKEN {
            known.remove(&broken[0]);
        }
    }
}

impl Fill {
    fn new(spool: Spool, size: u64) -> Self {
        let state = watch::Sender::new(State::Running(spool.len()));
        Self { spool, size, state, received_bytes: AtomicU64::new(0), reused_bytes: AtomicU64::new(0) }
    }

    fn failed(&self) -> bool {
        matches!(*self.state.borrow(), State::Failed(_))
    }

    /// Appends bytes and lets everybody know.
    async fn append(&self, data: Vec<Bytes>) -> Answered<()> {
        let length: u64 = data.iter().map(|piece| piece.len() as u64).sum();
        if self.spool.len() + length > self.size {
            let message = format!("the upstream sent more than the {} bytes that the file has", self.size);
            return Err(Trouble::lie(message));
        }
        self.spool.append(data).await?;
        self.state.send_replace(State::Running(self.spool.len()));
        Ok(())
    }

    /// Waits until there are bytes beyond an offset, and returns where they end; with `held`, as far as clients may see.
    async fn beyond(&self, offset: u64, held: bool) -> Answered<u64> {
        let end = |state: &State| match state {
            State::Running(written) if held => (*written).min(self.size.saturating_sub(HELD_BACK_BYTES)),
            State::Running(written) => *written,
            State::Stored => self.size,
            State::Failed(_) => u64::MAX,
        };
        let mut state = self.state.subscribe();
        let found = state.wait_for(|state| end(state) > offset).await;
        match &*found.map_err(|_| Trouble::transient("fetching the file was interrupted"))? {
            State::Failed(trouble) => Err(trouble.clone()),
            state => Ok(end(state)),
        }
    }

    /// Waits for the end.
    async fn end(&self) -> Answered<()> {
        let mut state = self.state.subscribe();
        let ended = state.wait_for(|state| !matches!(state, State::Running(_))).await;
        match &*ended.map_err(|_| Trouble::transient("fetching the file was interrupted"))? {
            State::Failed(trouble) => Err(trouble.clone()),
            _ => Ok(()),
        }
    }

    /// Streams a range as it arrives.
    fn stream(
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
            let data = fill.spool.read(ByteRange::new(at, end)).await?;
            Ok(Some((data, (fill, end))))
        })
    }
}

/// Ends a fill whose task ends without a word.
struct Ending<'a>(&'a Fill);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.state.send_if_modified(|state| {
            let running = matches!(state, State::Running(_));
            if running {
                *state = State::Failed(Trouble::transient("fetching the file was interrupted"));
            }
            running
        });
    }
}

impl Hub {
    /// Streams a large file of a mirror that is not stored yet, while it is fetched.
    pub(crate) async fn read_fill(
        &self,
        file: &FileHandle,
        lfs: LfsEntry,
        range: ByteRange,
    ) -> Result<ByteStream> {
        let Some(fill) = self.fill(file, lfs).await? else {
            return self.read_recorded(&file.repo, &lfs.sha256, range).await;
        };
        if range.start < range.end {
            // Until here there is a status to tell what is wrong with.
            fill.beyond(range.start, true).await?;
        }
        Ok(Box::pin(fill.stream(range, true)))
    }

    /// Fetches a large file of a mirror and waits until it is stored.
    pub(crate) async fn fill_whole(&self, file: &FileHandle, lfs: LfsEntry) -> Result<()> {
        match self.fill(file, lfs).await? {
            Some(fill) => Ok(fill.end().await?),
            None => Ok(()),
        }
    }

    /// Returns the task that fetches a file, which is started if there is none; `None` if the file was stored meanwhile.
    async fn fill(&self, file: &FileHandle, lfs: LfsEntry) -> Result<Option<Arc<Fill>>> {
        let (repo, fills) = (&file.repo, &self.inner.mirrors.fills);
        let key = (repo.record.id, lfs.sha256);
        if let Some(fill) = fills.running(key) {
            return Ok(Some(fill));
        }
        if lfs.size > MAX_FILE_BYTES {
            let message =
                format!("large file `{}` has {} bytes, which is too large", file.entry.path, lfs.size);
            return Err(Error::new(ErrorKind::TooLarge, message).at_commit(file.commit));
        }
        let (mirror, remote) = self.followed(repo).await?;
        // In the spool, and chunked.
        self.inner.store.check_room(lfs.size.saturating_mul(2)).await?;
        let fresh = self.inner.store.spool().await?;
        let wanted = Wanted {
            repo: repo.clone(),
            remote,
            remote_id: mirror.remote,
            commit: file.commit,
            path: file.entry.path.clone(),
            sha256: lfs.sha256,
            size: lfs.size,
        };
        // Asked after the look at what runs: a fill records its file before it ends.
        let (fill, new) = fills.enter(key, fresh, lfs.size);
        if !new {
            return Ok(Some(fill));
        }
        let recorded = self.inner.db.read().await;
        let recorded = match recorded {
            Ok(mut db) => db.repo_file(key.0, &key.1).await,
            Err(error) => Err(error),
        };
        match recorded {
            Ok(None) => {}
            Ok(Some(_)) => {
                // For whoever came in between: this spool is empty.
                fill.state.send_replace(State::Failed(Trouble::transient("the file was stored meanwhile")));
                fills.leave(key, false);
                return Ok(None);
            }
            Err(error) => {
                let trouble = Trouble::from(error);
                fill.state.send_replace(State::Failed(trouble.clone()));
                return Err(trouble.into());
            }
        }
        let (hub, task) = (self.clone(), fill.clone());
        tokio::spawn(async move { hub.run_fill(&task, wanted).await });
        Ok(Some(fill))
    }

    async fn read_recorded(&self, repo: &Repo, sha256: &Sha256, range: ByteRange) -> Result<ByteStream> {
        let file = self.inner.db.read().await?.repo_file(repo.record.id, sha256).await?;
        let missing = || Error::internal(format!("large file {sha256} vanished while it was read"));
        let terms = self.terms(file.ok_or_else(missing)?.xet_hash).await?.ok_or_else(missing)?;
        Ok(self.inner.store.read_file(terms, range).await?)
    }

    async fn run_fill(&self, fill: &Arc<Fill>, wanted: Wanted) {
        let _ending = Ending(fill);
        let fills = &self.inner.mirrors.fills;
        let _place = fills.places.acquire().await.expect("the semaphore is never closed");
        let outcome = self.fetch_and_store(fill, &wanted).await;
        let key = (wanted.repo.record.id, wanted.sha256);
        self.note_fill(fill, &wanted, outcome.as_ref().err()).await;
        match outcome {
            Ok(()) => {
                fill.state.send_replace(State::Stored);
                fills.leave(key, false);
            }
            Err(trouble) => {
                tracing::warn!(
                    repo = %wanted.repo.id(),
                    path = wanted.path,
                    fetched_bytes = fill.spool.len(),
                    "a file of a mirror cannot be fetched: {trouble}"
                );
                // What is wrong is not gone on with.
                let keep = trouble.kind != TroubleKind::Lie;
                fill.state.send_replace(State::Failed(trouble));
                fills.leave(key, keep);
                if keep {
                    let (hub, broken) = (self.clone(), fill.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(KEEP_BROKEN).await;
                        hub.inner.mirrors.fills.forget(key, &broken);
                    });
                }
            }
        }
    }

    /// Counts what a fill moved, and remembers what will not pass by itself.
    async fn note_fill(&self, fill: &Fill, wanted: &Wanted, trouble: Option<&Trouble>) {
        let received = fill.received_bytes.load(Ordering::Relaxed);
        let reused = fill.reused_bytes.load(Ordering::Relaxed);
        let fills = &self.inner.mirrors.fills;
        fills.received_bytes.fetch_add(received, Ordering::Relaxed);
        fills.reused_bytes.fetch_add(reused, Ordering::Relaxed);
        let lasting = trouble.filter(|trouble| trouble.kind != TroubleKind::Transient);
        let message = lasting.map(|trouble| format!("file `{}`: {trouble}", wanted.path));
        let (repo_id, now) = (wanted.repo.record.id, self.inner.clock.now());
        let noted = self.inner.db.write(move |tx| {
            Box::pin(async move {
                tx.add_mirror_bytes(repo_id, received, reused).await?;
                if let Some(message) = message {
                    tx.mark_mirror_failed(repo_id, &message, now).await?;
                }
                Ok::<_, Error>(())
            })
        });
        if let Err(error) = noted.await {
            tracing::error!(error = &error as &dyn std::error::Error, "cannot note what a mirror fetched");
        }
    }

    async fn fetch_and_store(&self, fill: &Arc<Fill>, wanted: &Wanted) -> Answered<()> {
        let hints = Hints::new(self.inner.clone());
        let body = Box::pin(fill.clone().stream(ByteRange::new(0, wanted.size), false));
        let storing = async {
            let ingested = self.inner.store.ingest(body, Some(wanted.size), MAX_FILE_BYTES, &hints).await;
            ingested.map_err(Trouble::from)
        };
        let (ingested, ()) = tokio::try_join!(storing, self.fetch(fill, wanted, &hints))?;
        let (repo_id, owner_id) = (wanted.repo.record.id, wanted.repo.record.owner_id);
        // Whatever they turn out to be, they are there.
        let stored = ingested.xorbs.iter().map(|index| index.stored_bytes()).sum();
        self.record_xorbs(repo_id, owner_id, ingested.xorbs.clone(), stored).await?;
        if ingested.sha256 != wanted.sha256 {
            let message = format!(
                "the upstream sent content with the sha256 `{}` instead of `{}`",
                ingested.sha256, wanted.sha256
            );
            return Err(Trouble::lie(message));
        }
        let file = NewFile {
            hash: ingested.hash,
            size: ingested.size,
            terms: encode_terms(&ingested.terms),
            sha256: Some(ingested.sha256),
            verified: true,
            first_chunk: self.first_chunk(&ingested.terms).await?,
        };
        self.record(repo_id, owner_id, vec![file], &ingested.xorbs, ingested.hash).await?;
        let (sha256, path, branch) =
            (wanted.sha256, wanted.path.clone(), crate::reference::default_branch(&wanted.repo.record));
        let named = self.inner.db.write(move |tx| {
            Box::pin(
                async move { Ok::<_, Error>(tx.name_repo_file(repo_id, &sha256, &path, &branch).await?) },
            )
        });
        named.await?;
        if [".safetensors", ".gguf"].iter().any(|ending| wanted.path.ends_with(ending)) {
            // What the weights say of themselves can be read only now.
            self.describe_again(&wanted.repo).await?;
        }
        Ok(())
    }

    /// Brings a file into the spool, from where that ends.
    async fn fetch(&self, fill: &Fill, wanted: &Wanted, hints: &Hints) -> Answered<()> {
        let (mut tries, mut by_xet) = (0, true);
        loop {
            let from = fill.spool.len();
            if from == wanted.size {
                return Ok(());
            }
            let fetched = if by_xet {
                self.fetch_by_xet(fill, wanted, hints).await
            } else {
                fetch_plain(fill, wanted).await
            };
            let Err(trouble) = fetched else {
                continue;
            };
            if by_xet && trouble.kind != TroubleKind::Transient {
                tracing::debug!(path = wanted.path, "fetching a file as a whole: {trouble}");
                by_xet = false;
                continue;
            }
            if trouble.kind != TroubleKind::Transient {
                return Err(trouble);
            }
            if fill.spool.len() - from >= PROGRESS_BYTES {
                tries = 0;
            }
            tries += 1;
            if tries == MAX_TRIES {
                return Err(trouble);
            }
            by_xet = by_xet && tries == 1;
            tracing::debug!(path = wanted.path, tries, "trying again to fetch a file: {trouble}");
            tokio::time::sleep(FIRST_WAIT * (1 << (tries - 1))).await;
        }
    }
}

/// Fetches the rest of a file by an ordinary request.
async fn fetch_plain(fill: &Fill, wanted: &Wanted) -> Answered<()> {
    let (remote, from) = (&wanted.remote, fill.spool.len());
    let mut answer =
        remote.file(wanted.repo.kind(), &wanted.remote_id, wanted.commit, &wanted.path, from).await?;
    let mut skip = check_start(&answer, wanted, from)?;
    loop {
        let data = next_block(&mut answer, WRITE_BYTES).await.map_err(|error| remote.failed(&error))?;
        if data.is_empty() {
            break;
        }
        let length: u64 = data.iter().map(|piece| piece.len() as u64).sum();
        fill.received_bytes.fetch_add(length, Ordering::Relaxed);
        fill.append(without_start(data, &mut skip)).await?;
    }
    if fill.spool.len() < wanted.size {
        let message = format!(
            "upstream `{}` ended after {} of {} bytes",
            wanted.remote.name(),
            fill.spool.len(),
            wanted.size
        );
        // An answer that says where it ends and ends there is not one that broke off.
        return Err(Trouble::lie(message));
    }
    Ok(())
}

/// Checks where an answer starts, and returns how many bytes of it are in the spool already.
fn check_start(answer: &Opened, wanted: &Wanted, from: u64) -> Answered<u64> {
    let text = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
    if answer.status == StatusCode::PARTIAL_CONTENT {
        let expected = format!("bytes {from}-{}/{}", wanted.size - 1, wanted.size);
        return match text(CONTENT_RANGE) {
            Some(range) if range == expected => Ok(0),
            range => {
                let message =
                    wanted.remote.says(&format!("`{}` instead of `{expected}`", range.unwrap_or("")));
                Err(Trouble::lie(message))
            }
        };
    }
    match text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length != wanted.size => {
            let message = format!("{length} bytes for a file that has {} by its pointer", wanted.size);
            Err(Trouble::lie(wanted.remote.says(&message)))
        }
        _ => Ok(from),
    }
}

/// Takes what has come, but not more than a block; empty at the end.
async fn next_block(answer: &mut Opened, most: usize) -> Result<Vec<Bytes>, lyceum_fetch::Error> {
    let mut data = Vec::new();
    let Some(first) = answer.next().await? else {
        return Ok(data);
    };
    let mut length = first.len();
    data.push(first);
    while length < most {
        // Whoever waits for bytes that are here should not wait for more.
        match answer.next().now_or_never() {
            Some(Ok(Some(more))) => {
                length += more.len();
                data.push(more);
            }
            // An error comes again.
            _ => break,
        }
    }
    Ok(data)
}

/// Leaves out the first `skip` bytes.
fn without_start(data: Vec<Bytes>, skip: &mut u64) -> Vec<Bytes> {
    let mut kept = Vec::with_capacity(data.len());
    for piece in data {
        let left_out = (*skip).min(piece.len() as u64);
        *skip -= left_out;
        // At most the length of the piece.
        let piece = piece.slice(left_out as usize..);
        if !piece.is_empty() {
            kept.push(piece);
        }
    }
    kept
}
