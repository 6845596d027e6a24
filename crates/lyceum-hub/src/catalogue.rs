//! The search index of this process: opened or made anew when it is first needed, and kept close behind the database.
//!
//! The database notes each change of a repo or an account with a number. Every process follows these numbers into an
//! index of its own, in a task of its own, so that a request that is given up leaves nothing half done. As long as there
//! is no index, because it is being made or its disk is broken, lists are answered by the database alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use lyceum_core::RepoKind;
use lyceum_db::CatalogueChange;
use lyceum_search::{Index, Kind};
use tokio::sync::{Mutex, Semaphore};

use crate::{Error, Hub, Result, derive};

mod entry;
pub(crate) mod find;

/// How often changes are looked for without anybody asking, in milliseconds.
const EVERY_MS: u64 = 1000;
/// How long a search waits for the index to take in what changed before; then it is answered without.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a broken index is left alone: making one anew is work, and anybody may search.
const RETRY_SECONDS: i64 = 30;
/// Changes taken in at once.
const CHANGES: u32 = 512;
/// Repos read at once when the index is made anew; each brings up to some tens of kilobytes.
const PAGE: u32 = 128;
/// A number that was passed over belongs to a transaction that is under way, or was undone; no transaction takes longer.
const MISSING: Duration = Duration::from_secs(150);
/// Most numbers that are waited for.
const MAX_MISSING: i64 = 1024;
/// Changes that the database keeps for processes that are away.
const KEPT: u32 = 200_000;
/// Changed counts of downloads are told, and old changes forgotten, once in so many rounds.
const CHORES_EVERY: u64 = 600;
/// Searches at once; each takes a core for some milliseconds.
const MAX_SEARCHES: usize = 16;

/// The index of this process, and how far it has come.
pub(crate) struct Catalogue {
    folder: Option<PathBuf>,
    following: Mutex<Option<Following>>,
    /// What searches look at; `None` while there is no index.
    index: RwLock<Option<Arc<Index>>>,
    /// Rounds that were begun.
    begun: AtomicU64,
    /// When the index last broke, in milliseconds.
    broken_at: AtomicI64,
    /// Turns to search.
    searches: Arc<Semaphore>,
    /// Repos whose downloads have changed since that was last told.
    downloaded: std::sync::Mutex<HashSet<i64>>,
}

struct Following {
    index: Arc<Index>,
    /// The last change that was taken in.
    seen: i64,
    /// Lower numbers that were not there, and since when they are waited for.
    missing: BTreeMap<i64, Instant>,
}

impl Catalogue {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            following: Mutex::new(None),
            index: RwLock::new(None),
            begun: AtomicU64::new(0),
            broken_at: AtomicI64::new(i64::MIN),
            searches: Arc::new(Semaphore::new(MAX_SEARCHES)),
            downloaded: std::sync::Mutex::default(),
        }
    }

    /// Notes that downloads of repos were counted.
    pub(crate) fn downloaded(&self, repos: impl Iterator<Item = i64>) {
        self.downloaded.lock().unwrap_or_else(PoisonError::into_inner).extend(repos);
    }

    fn index(&self) -> Option<Arc<Index>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, index: Option<Arc<Index>>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }
}

impl Following {
    /// Takes note of numbers, in order.
    fn see(&mut self, changes: &[CatalogueChange]) {
        let now = Instant::now();
        for change in changes {
            let first = (self.seen + 1).max(change.seq - MAX_MISSING);
            self.missing.extend((first..change.seq).map(|number| (number, now)));
            self.seen = change.seq;
        }
        self.missing.retain(|_, since| now.duration_since(*since) < MISSING);
        while self.missing.len() as i64 > MAX_MISSING {
            self.missing.pop_first();
        }
    }

    /// Returns the number from which another process can go on without missing anything.
    fn cursor(&self) -> String {
        self.missing.first_key_value().map_or(self.seen, |(first, _)| first - 1).to_string()
    }
}

impl Hub {
    /// Keeps the index close behind the database until `stop` resolves.
    pub(crate) async fn run_catalogue(&self, stop: impl Future<Output = ()> + Send) {
        let rounds = async {
            for round in 1_u64.. {
                let _late = self.catch_up().await;
                if round.is_multiple_of(CHORES_EVERY)
                    && let Err(error) = self.tidy_catalogue().await
                {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot tidy the catalogue");
                }
                tokio::time::sleep(Duration::from_millis(EVERY_MS)).await;
            }
        };
        tokio::select! {
            () = stop => {}
            () = rounds => {}
        }
    }

    /// Returns the index with all that changed before the call, or with less if that takes long.
    pub(crate) async fn fresh_index(&self) -> Option<Arc<Index>> {
        let catalogue = &self.inner.catalogue;
        // Who asks while it is being made does not wait for that.
        if catalogue.index().is_none() && catalogue.following.try_lock().is_err() {
            return None;
        }
        let _late = tokio::time::timeout(PATIENCE, self.catch_up()).await;
        catalogue.index()
    }

    /// Takes in what changed, in a task of its own.
    async fn catch_up(&self) {
        let hub = self.clone();
        let task = tokio::spawn(async move {
            let catalogue = &hub.inner.catalogue;
            let before = catalogue.begun.load(Ordering::SeqCst);
            let mut following = catalogue.following.lock().await;
            // Somebody else's round that began after this call has ended now: it saw what this one would.
            if catalogue.begun.load(Ordering::SeqCst) > before {
                return;
            }
            catalogue.begun.fetch_add(1, Ordering::SeqCst);
            let retry_at = catalogue.broken_at.load(Ordering::SeqCst).saturating_add(RETRY_SECONDS * 1000);
            if following.is_none() && hub.inner.clock.now().0 < retry_at {
                return;
            }
            if let Err(error) = hub.follow_changes(&mut following).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the search index is opened anew");
                hub.forget_index(&mut following);
            }
        });
        if let Err(error) = task.await {
            tracing::error!(%error, "the search index could not follow");
        }
    }

    fn forget_index(&self, following: &mut Option<Following>) {
        self.inner.catalogue.show(None);
        self.inner.catalogue.broken_at.store(self.inner.clock.now().0, Ordering::SeqCst);
        *following = None;
    }

    async fn follow_changes(&self, following: &mut Option<Following>) -> Result<()> {
        // Taken out, so that whatever ends this early leaves no index that has not all it says.
        let mut now = match following.take() {
            Some(now) => now,
            None => self.open_index().await?,
        };
        loop {
            let mut db = self.inner.db.read().await?;
            let mut changes = db.catalogue_changes(now.seen, CHANGES).await?;
            let more = changes.len() == CHANGES as usize;
            let missing: Vec<i64> = now.missing.keys().copied().collect();
            let late = db.catalogue_changes_among(&missing).await?;
            drop(db);
            now.missing.retain(|number, _| !late.iter().any(|change| change.seq == *number));
            now.see(&changes);
            changes.extend(late);
            self.take_in(&now, &changes).await?;
            if !more {
                break;
            }
        }
        self.inner.catalogue.show(Some(now.index.clone()));
        *following = Some(now);
        Ok(())
    }

    /// Brings what changed from the database into the index.
    async fn take_in(&self, now: &Following, changes: &[CatalogueChange]) -> Result<()> {
        let repos: BTreeSet<i64> = changes.iter().filter_map(|change| change.repo_id).collect();
        let accounts: BTreeSet<i64> = changes.iter().filter_map(|change| change.account_id).collect();
        if repos.is_empty() && accounts.is_empty() {
            return Ok(());
        }
        let (repos, accounts): (Vec<i64>, Vec<i64>) =
            (repos.into_iter().collect(), accounts.into_iter().collect());
        let mut db = self.inner.db.read().await?;
        let mut entries = Vec::new();
        let (mut left, mut left_accounts) = (HashSet::new(), HashSet::new());
        for row in db.catalogue_repos_among(&repos).await? {
            left.insert(row.repo.id);
            entries.push(entry::of_repo(row));
        }
        for account in db.accounts(&accounts).await? {
            left_accounts.insert(account.id);
            entries.push(entry::of_account(account));
        }
        drop(db);
        let (index, cursor) = (now.index.clone(), now.cursor());
        blocking(move || {
            for id in repos.iter().filter(|id| !left.contains(id)) {
                index.remove(Kind::Repo(RepoKind::Model), *id);
            }
            for id in accounts.iter().filter(|id| !left_accounts.contains(id)) {
                index.remove(Kind::User, *id);
            }
            index.put(&entries)?;
            index.commit(&cursor)
        })
        .await
    }

    /// Opens the index, and makes it anew if the database no longer has the change that it ends with.
    async fn open_index(&self) -> Result<Following> {
        let folder = self.inner.catalogue.folder.clone();
        let (index, cursor) = blocking(move || {
            let index = Index::open(folder.as_deref())?;
            let cursor = index.cursor()?;
            Ok((Arc::new(index), cursor))
        })
        .await?;
        let mut db = self.inner.db.read().await?;
        if let Some(seen) = cursor.and_then(|cursor| cursor.parse().ok())
            && !db.catalogue_changes_among(&[seen]).await?.is_empty()
        {
            return Ok(Following { index, seen, missing: BTreeMap::new() });
        }
        let last = db.last_catalogue_change().await?;
        let mut following = Following { index, seen: (last - MAX_MISSING).max(0), missing: BTreeMap::new() };
        // What is numbered lower than the last and not there yet may come while the repos are read.
        following.see(&db.catalogue_changes(following.seen, MAX_MISSING as u32).await?);
        drop(db);
        self.make_index(&following).await?;
        Ok(following)
    }

    async fn make_index(&self, following: &Following) -> Result<()> {
        let started = Instant::now();
        let put = |entries: Vec<lyceum_search::Entry>| {
            let index = following.index.clone();
            blocking(move || index.put(&entries))
        };
        let index = following.index.clone();
        blocking(move || index.clear()).await?;
        let (mut repos, mut accounts) = (0_u64, 0_u64);
        let mut after = 0;
        loop {
            let page = self.inner.db.read().await?.catalogue_repos(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.repo.id;
            repos += page.len() as u64;
            let undescribed = page.iter().filter(|row| row.info.is_some() && row.text.is_none());
            self.describe_later(undescribed.map(|row| row.repo.id).collect()).await?;
            put(page.into_iter().map(entry::of_repo).collect()).await?;
        }
        after = 0;
        loop {
            let page = self.inner.db.read().await?.catalogue_accounts(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            accounts += page.len() as u64;
            put(page.into_iter().map(entry::of_account).collect()).await?;
        }
        let (index, cursor) = (following.index.clone(), following.cursor());
        blocking(move || index.commit(&cursor)).await?;
        let ms = started.elapsed().as_millis() as u64;
        tracing::info!(repos, accounts, ms, "the search index was made from the database");
        Ok(())
    }

    /// Has repos described whose cards were not kept as text: they were described by an older program.
    async fn describe_later(&self, repos: Vec<i64>) -> Result<()> {
        if repos.is_empty() {
            return Ok(());
        }
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    for repo_id in repos {
                        derive::enqueue(tx, repo_id, now).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Tells all processes whose downloads have changed, and forgets changes that all have seen.
    async fn tidy_catalogue(&self) -> Result<()> {
        let downloaded = &self.inner.catalogue.downloaded;
        let repos = std::mem::take(&mut *downloaded.lock().unwrap_or_else(PoisonError::into_inner));
        let repos: Vec<i64> = repos.into_iter().collect();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    tx.note_catalogue_changes(&repos).await?;
                    tx.forget_catalogue_changes(KEPT).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
    }
}

/// Runs what waits for the disk or takes long away from the tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> lyceum_search::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
    done.map_err(Error::internal)
}
