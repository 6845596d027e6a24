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
/// How long it is remembered that an upstream has no such repo, in seconds.
const MISSING_SECONDS: i64 = 300;
/// Most repos of which that is remembered.
const MAX_MISSING: usize = 10_000;

/// What is being looked for, and what was not found.
pub(crate) struct Pulls {
    places: Arc<Semaphore>,
    running: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// By upstream and repo: not every caller has every upstream asked.
    missing: Mutex<HashMap<(String, String), Timestamp>>,
}

impl Default for Pulls {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_PULLS)),
            running: Mutex::default(),
            missing: Mutex::default(),
        }
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

    /// Leaves out the upstreams that are known to have no such repo.
    fn without_missing(&self, remotes: &mut Vec<Arc<Remote>>, key: &str, now: Timestamp) {
        let missing = guard(&self.missing);
        let known = |remote: &Remote| missing.get(&(remote.name().to_owned(), key.to_owned()));
        remotes.retain(|remote| known(remote).is_none_or(|until| *until <= now));
    }

    fn remember_missing(&self, remote: &Remote, key: &str, now: Timestamp) {
        let mut missing = guard(&self.missing);
        if missing.len() >= MAX_MISSING {
            missing.retain(|_, until| *until > now);
            if missing.len() >= MAX_MISSING {
                missing.clear();
            }
        }
        missing.insert((remote.name().to_owned(), key.to_owned()), now.plus_seconds(MISSING_SECONDS));
    }
}

/// Nothing panics while it holds one of the locks.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// Mirrors a repo that does not exist here, if the caller may have that done; true if it exists now.
    ///
    /// The caller has found no repo of that name, or one that is `hidden` from him. Of that upstreams are asked as well,
    /// so that the two do not differ; but what exists here is never replaced.
    pub(crate) async fn pull(
        &self,
        caller: &Caller,
        kind: RepoKind,
        id: &RepoId,
        action: Action,
        hidden: bool,
    ) -> Result<bool> {
        let mirrors = &self.inner.mirrors;
        if kind == RepoKind::Bucket || !matches!(action, Action::Discover | Action::Read) {
            return Ok(false);
        }
        let remotes =
            mirrors.remotes.iter().filter(|remote| remote.pulls_for(caller) && remote.allows(kind, id));
        let mut remotes: Vec<Arc<Remote>> = remotes.cloned().collect();
        if remotes.is_empty() {
            return Ok(false);
        }
        let key = format!("{kind}:{}", id.key());
        let now = self.inner.clock.now();
        mirrors.pulls.without_missing(&mut remotes, &key, now);
        if remotes.is_empty() || !self.free_namespace(id).await? {
            return Ok(false);
        }
        let turn = mirrors.pulls.lock_of(&key).lock_owned().await;
        // Somebody else may have asked first.
        if !hidden && self.inner.db.read().await?.repo_by_key(kind, id).await?.is_some() {
            return Ok(true);
        }
        mirrors.pulls.without_missing(&mut remotes, &key, now);
        let place = mirrors.pulls.places.clone().acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        // Goes on when the caller leaves, and keeps turn and place until it ends: the next one would only begin anew.
        let (hub, wanted) = (self.clone(), id.clone());
        let pulling = tokio::spawn(async move {
            let _held = (turn, place);
            hub.pull_from(remotes, kind, wanted, &key, hidden).await
        });
        pulling.await.map_err(Error::internal)?
    }

    /// Looks for a repo in one upstream after the other.
    async fn pull_from(
        &self,
        remotes: Vec<Arc<Remote>>,
        kind: RepoKind,
        id: RepoId,
        key: &str,
        hidden: bool,
    ) -> Result<bool> {
        for remote in remotes {
            let asked = match hidden {
                true => remote.info(kind, &id).await.map(|_| false),
                false => self.make_mirror(Plan::pulled(remote.clone(), kind, &id)).await.map(|_| true),
            };
            match asked {
                Ok(true) => return Ok(true),
                Err(trouble) if trouble.kind != TroubleKind::Missing => {
                    tracing::warn!(%kind, %id, "a repo cannot be had from its upstream: {trouble}");
                    return Err(Error::new(ErrorKind::Unavailable, trouble.message));
                }
                Ok(false) | Err(_) => {
                    self.inner.mirrors.pulls.remember_missing(&remote, key, self.inner.clock.now());
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
