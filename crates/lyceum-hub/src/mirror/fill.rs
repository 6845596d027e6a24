//! Large files of mirrors, which are fetched when somebody first asks for them.
//!
//! One task fetches a file, however many wait for it, and goes on when they have left. Bytes are appended to a spool in
//! order; clients read it while it grows, and so does [`Store::ingest`](lyceum_store::Store::ingest), which finds out
//! what they really are. Until size and digest are those of the pointer in git, the end of the file is held back: a
//! client that was sent something wrong sees a broken connection, never a whole file, and nothing is stored under that
//! name. What an upstream sent before it died stays in the spool, and the next request goes on from there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lyceum_core::limits::MAX_FILE_BYTES;
use lyceum_core::{ByteRange, Oid, Sha256};
use lyceum_store::ByteStream;
use lyceum_xet::encode_terms;

use super::trouble::{Answered, Trouble, TroubleKind};
use super::upstream::Remote;
use crate::xet::NewFile;
use crate::{Error, ErrorKind, FileHandle, Hub, LfsEntry, Repo, Result};

mod hints;
mod known;
mod plain;
mod xet;

pub(super) use known::Fills;
#[cfg(test)]
pub(super) use known::{MAX_FILLS, MAX_WAITING};

use hints::Hints;
use known::{Fill, Key, State, Task};
use plain::fetch_plain;

/// How long the beginning of what broke off is kept: it takes room on the disk.
const KEEP_BROKEN: Duration = Duration::from_secs(3600);
/// How often in a row an upstream is asked for the rest.
const MAX_TRIES: u32 = 5;
/// The wait before the second time; doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Bytes after which an upstream is taken for alive again.
const PROGRESS_BYTES: u64 = 1 << 20;

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

impl Hub {
    /// Streams a large file of a mirror that is not stored yet, while it is fetched.
    pub(crate) async fn read_fill(
        &self,
        file: &FileHandle,
        lfs: LfsEntry,
        range: ByteRange,
    ) -> Result<ByteStream> {
        let fill = self.fill(file, lfs).await?;
        if range.start < range.end {
            // Until here there is a status to tell what is wrong with.
            fill.beyond(range.start, true).await?;
            if fill.was_here() {
                return self.read_recorded(&file.repo, &lfs.sha256, range).await;
            }
        }
        Ok(Box::pin(fill.stream(range, true)))
    }

    /// Fetches a large file of a mirror and waits until it is stored.
    pub(crate) async fn fill_whole(&self, file: &FileHandle, lfs: LfsEntry) -> Result<()> {
        let fill = self.fill(file, lfs).await?;
        match fill.end().await {
            // The next one asks for the whole.
            Err(trouble) if trouble.kind == TroubleKind::Lie && fill.by_xet() => {
                Ok(self.fill(file, lfs).await?.end().await?)
            }
            ended => Ok(ended?),
        }
    }

    /// Refuses to go on with a large file of a mirror of which something wrong was sent not long ago: clients that do so
    /// do not check what they have in the end.
    pub(crate) fn check_beginning(&self, file: &FileHandle, lfs: LfsEntry, range: ByteRange) -> Result<()> {
        let (key, now) = ((file.repo.record.id, lfs.sha256), self.inner.clock.now());
        if range.start > 0 && self.inner.mirrors.fills.lied(key, now) {
            let path = &file.entry.path;
            let message =
                format!("what was sent of `{path}` a moment ago was not that file; please begin it anew");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(())
    }

    /// Returns the task that fetches a file, which is started if there is none.
    pub(super) async fn fill(&self, file: &FileHandle, lfs: LfsEntry) -> Result<Arc<Fill>> {
        let (repo, fills) = (&file.repo, &self.inner.mirrors.fills);
        let key = (repo.record.id, lfs.sha256);
        if let Some(fill) = fills.running(key) {
            return Ok(fill);
        }
        if lfs.size > MAX_FILE_BYTES {
            let message =
                format!("large file `{}` has {} bytes, which is too large", file.entry.path, lfs.size);
            return Err(Error::new(ErrorKind::TooLarge, message).at_commit(file.commit));
        }
        let (mirror, remote) = self.followed(repo).await?;
        let wanted = Wanted {
            repo: repo.clone(),
            remote,
            remote_id: mirror.remote,
            commit: file.commit,
            path: file.entry.path.clone(),
            sha256: lfs.sha256,
            size: lfs.size,
        };
        let (fill, new) = fills.enter(key, lfs.size)?;
        if new {
            // At once: whoever asked may be gone at the next `await`, and others wait for it already.
            let task = Task { hub: self.clone(), key, fill: fill.clone() };
            tokio::spawn(async move { run(&task, &wanted).await });
        }
        Ok(fill)
    }

    async fn read_recorded(&self, repo: &Repo, sha256: &Sha256, range: ByteRange) -> Result<ByteStream> {
        let file = self.inner.db.read().await?.repo_file(repo.record.id, sha256).await?;
        let missing = || Error::internal(format!("large file {sha256} vanished while it was read"));
        let terms = self.terms(file.ok_or_else(missing)?.xet_hash).await?.ok_or_else(missing)?;
        Ok(self.inner.store.read_file(terms, range).await?)
    }

    /// Fetches a file whose turn it is, unless it was stored meanwhile.
    async fn have(&self, fill: &Arc<Fill>, wanted: &Wanted) -> Answered<State> {
        let record = &wanted.repo.record;
        if self.inner.db.read().await?.repo_file(record.id, &wanted.sha256).await?.is_some() {
            return Ok(State::Here);
        }
        // What would be refused in the end is not fetched.
        self.check_owner_quota(record.owner_id, wanted.size).await?;
        fill.make_spool(&self.inner.store).await?;
        self.inner.store.check_room(self.inner.mirrors.fills.room()).await?;
        self.fetch_and_store(fill, wanted).await?;
        Ok(State::Stored)
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
        let key = (wanted.repo.record.id, wanted.sha256);
        let distrusted = self.inner.mirrors.fills.distrusts_xet(key, self.inner.clock.now());
        let (mut tries, mut by_xet) = (0, !distrusted);
        loop {
            let from = fill.fetched();
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
            if fill.fetched() - from >= PROGRESS_BYTES {
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

/// What the task of a fill does.
async fn run(task: &Task, wanted: &Wanted) {
    let Task { hub, key, fill } = task;
    let fills = &hub.inner.mirrors.fills;
    let _place = tokio::select! {
        place = fills.places.acquire() => place.expect("the semaphore is never closed"),
        () = fill.given_up() => return,
    };
    if !fill.start() {
        return;
    }
    let outcome = hub.have(fill, wanted).await;
    hub.note_fill(fill, wanted, outcome.as_ref().err()).await;
    let trouble = match outcome {
        Ok(ended) => return fills.end(*key, fill, ended, false),
        Err(trouble) => trouble,
    };
    tracing::warn!(
        repo = %wanted.repo.id(),
        path = wanted.path,
        fetched_bytes = fill.fetched(),
        "a file of a mirror cannot be fetched: {trouble}"
    );
    // What is wrong is not gone on with.
    let lie = trouble.kind == TroubleKind::Lie;
    if lie {
        fills.remember_lie(*key, fill, hub.inner.clock.now());
    }
    let keep = !lie && fill.fetched() > 0;
    fills.end(*key, fill, State::Failed(trouble), keep);
    if keep {
        forget_later(hub.clone(), *key, fill);
    }
}

/// Forgets what broke off when nobody has gone on with it for a while.
fn forget_later(hub: Hub, key: Key, broken: &Arc<Fill>) {
    // By itself it keeps nothing on the disk.
    let broken = Arc::downgrade(broken);
    tokio::spawn(async move {
        tokio::time::sleep(KEEP_BROKEN).await;
        if let Some(broken) = broken.upgrade() {
            hub.inner.mirrors.fills.forget(key, &broken);
        }
    });
}
