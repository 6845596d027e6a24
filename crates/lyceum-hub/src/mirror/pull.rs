//! Repos that are missing here and had from an upstream because somebody asks for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lyceum_core::{RepoId, RepoKind, Timestamp};
use tokio::sync::Semaphore;

use super::sync::Plan;
use super::trouble::TroubleKind;
use super::upstream::Remote;
use crate::{Action, Caller, Error, ErrorKind, Hub, Result};

/// Repos looked for at the same time; more wait.
const MAX_PULLS: usize = 8;
/// How long it is remembered that no upstream has a repo, in seconds.
const MISSING_SECONDS: i64 = 300;
/// Most repos of which that is remembered.
const MAX_MISSING: usize = 10_000;

/// What is being looked for, and what was not found.
pub(crate) struct Pulls {
    places: Semaphore,
    running: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    missing: Mutex<HashMap<String, Timestamp>>,
}

impl Default for Pulls {
    fn default() -> Self {
        Self { places: Semaphore::new(MAX_PULLS), running: Mutex::default(), missing: Mutex::default() }
    }
}

impl Pulls {
    /// Returns the lock of one repo.
    fn lock_of(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut running = guard(&self.running);
        if let Some(lock) = running.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        running.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        running.insert(key.to_owned(), Arc::downgrade(&lock));
        lock
    }

    fn known_missing(&self, key: &str, now: Timestamp) -> bool {
        guard(&self.missing).get(key).is_some_and(|until| *until > now)
    }

    fn remember_missing(&self, key: String, now: Timestamp) {
        let mut missing = guard(&self.missing);
        if missing.len() >= MAX_MISSING {
            missing.retain(|_, until| *until > now);
            if missing.len() >= MAX_MISSING {
                missing.clear();
            }
        }
        missing.insert(key, now.plus_seconds(MISSING_SECONDS));
    }
}

/// Nothing panics while it holds one of the locks.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Mirrors a repo that does not exist here, if the caller may have that done; true if it exists now.
    ///
    /// The caller has found no repo of that name, hidden or not: what exists here is never replaced, and never told of.
    pub(crate) async fn pull(
        &self,
        caller: &Caller,
        kind: RepoKind,
        id: &RepoId,
        action: Action,
    ) -> Result<bool> {
        let mirrors = &self.inner.mirrors;
        if kind == RepoKind::Bucket || !matches!(action, Action::Discover | Action::Read) {
            return Ok(false);
        }
        let mut remotes =
            mirrors.remotes.iter().filter(|remote| remote.pulls_for(caller) && remote.allows(kind, id));
        let remotes: Vec<Arc<Remote>> = remotes.by_ref().cloned().collect();
        let key = format!("{kind}:{}", id.key());
        let now = self.inner.clock.now();
        if remotes.is_empty() || mirrors.pulls.known_missing(&key, now) || !self.free_namespace(id).await? {
            return Ok(false);
        }
        let lock = mirrors.pulls.lock_of(&key);
        let _turn = lock.lock().await;
        // Somebody else may have asked first.
        if self.inner.db.read().await?.repo_by_key(kind, id).await?.is_some() {
            return Ok(true);
        }
        if mirrors.pulls.known_missing(&key, now) {
            return Ok(false);
        }
        let _place = mirrors.pulls.places.acquire().await.expect("the semaphore is never closed");
        // Goes on when the caller leaves: the next one would only begin anew.
        let (hub, wanted) = (self.clone(), id.clone());
        let pulling = tokio::spawn(async move { hub.pull_from(remotes, kind, wanted).await });
        let pulled = pulling.await.map_err(Error::internal)??;
        if !pulled {
            mirrors.pulls.remember_missing(key, now);
        }
        Ok(pulled)
    }

    /// Looks for a repo in one upstream after the other.
    async fn pull_from(&self, remotes: Vec<Arc<Remote>>, kind: RepoKind, id: RepoId) -> Result<bool> {
        for remote in remotes {
            let plan = Plan {
                every_seconds: Some(remote.upstream.refresh_seconds),
                remote,
                kind,
                remote_id: id.clone(),
                revision: None,
                local: id.clone(),
                whole: false,
                pulled: true,
            };
            match self.make_mirror(plan).await {
                Ok(_) => return Ok(true),
                Err(trouble) if trouble.kind == TroubleKind::Missing => {}
                Err(trouble) => {
                    tracing::warn!(%kind, %id, "a repo cannot be had from its upstream: {trouble}");
                    return Err(Error::new(ErrorKind::Unavailable, trouble.message));
                }
            }
        }
        Ok(false)
    }

    /// Reports whether nobody has a namespace, or only mirrors are in it.
    async fn free_namespace(&self, id: &RepoId) -> Result<bool> {
        let mut db = self.inner.db.read().await?;
        match db.account_by_name(id.namespace()).await? {
            None => Ok(true),
            Some(account) => Ok(db.mirror_namespace(account.id).await?),
        }
    }
}
