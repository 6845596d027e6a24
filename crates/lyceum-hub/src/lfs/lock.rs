//! Locks of Git LFS: a file that one user keeps for himself.
//!
//! They bind clients, not the server: git-lfs asks for them before each push and refuses to send changes of files that
//! others have locked. A lock holds on every branch, as the protocol's documentation asks of servers.

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, RepoPath, Timestamp};

use crate::account::append_event;
use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result};

/// Most files of one repo that can be locked at a time: a client reads all of them before each push.
const MAX_LOCKS: u64 = 10_000;

/// A locked file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LfsLock {
    /// How it is addressed.
    pub id: String,
    /// The file.
    pub path: String,
    /// Who locked it.
    pub owner: AccountName,
    /// When.
    pub locked_at: Timestamp,
    /// Whether that is the caller.
    pub ours: bool,
}

/// What became of the wish to lock a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LfsLocking {
    /// It is locked now.
    Made(LfsLock),
    /// It was locked before.
    Taken(LfsLock),
}

/// Which locks to list.
#[derive(Debug, Clone, Default)]
pub struct LfsLockQuery {
    /// Only that of this file.
    pub path: Option<String>,
    /// Only the one that is addressed so.
    pub id: Option<String>,
    /// Where the previous page ended.
    pub cursor: Option<String>,
    /// Most locks on the page.
    pub limit: Option<usize>,
}

/// One page of locks.
#[derive(Debug, Clone)]
pub struct LfsLockPage {
    /// The locks, the oldest first.
    pub locks: Vec<LfsLock>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Locks a file of a repo opened for writing. The file need not exist.
    pub async fn lfs_lock(&self, caller: &Caller, repo: &Repo, path: RepoPath) -> Result<LfsLocking> {
        let (repo_id, user_id) = (writable(repo)?, caller.signed_in()?.user_id);
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    // Deleted meanwhile: the row that the lock would refer to is gone.
                    if tx.repo(repo_id).await?.is_none() {
                        return Err(crate::access::not_found());
                    }
                    let path = path.as_str();
                    if tx.lfs_locks_count(repo_id).await? >= MAX_LOCKS {
                        return Err(Error::new(
                            ErrorKind::Unprocessable,
                            format!("{MAX_LOCKS} files of this repository are locked, which is the most"),
                        ));
                    }
                    let made = tx.insert_lfs_lock(repo_id, path, user_id, now).await?;
                    let lock = tx.lfs_lock_of(repo_id, path).await?;
                    let lock = lock.ok_or_else(|| Error::internal("a lock vanished"))?;
                    if !made {
                        return Ok(LfsLocking::Taken(shown(lock, Some(user_id))));
                    }
                    let detail = serde_json::json!({ "path": path });
                    append_event(tx, Some(repo_id), Some(user_id), "lock-file", &detail, now).await?;
                    Ok(LfsLocking::Made(shown(lock, Some(user_id))))
                })
            })
            .await
    }

    /// Lists the locks of a repo opened for reading.
    pub async fn lfs_locks(&self, caller: &Caller, repo: &Repo, query: LfsLockQuery) -> Result<LfsLockPage> {
        if repo.action < Action::Read {
            return Err(Error::internal("locks were asked for a repo that was not opened for reading"));
        }
        let limit = query.limit.unwrap_or(MAX_PAGE_ENTRIES).clamp(1, MAX_PAGE_ENTRIES);
        let after = match query.cursor.as_deref() {
            None => 0,
            Some(cursor) => cursor.parse().map_err(|_| Error::new(ErrorKind::Invalid, "invalid `cursor`"))?,
        };
        let id = match query.id.as_deref().map(str::parse) {
            None => None,
            Some(Ok(id)) => Some(id),
            // It addresses nothing.
            Some(Err(_)) => return Ok(LfsLockPage { locks: Vec::new(), next: None }),
        };
        let mut db = self.inner.db.read().await?;
        let rows = db.lfs_locks(repo.record.id, query.path.as_deref(), id, after, limit as u32 + 1).await?;
        let next =
            if rows.len() > limit { rows.get(limit - 1).map(|lock| lock.id.to_string()) } else { None };
        let locks = rows.into_iter().take(limit).map(|lock| shown(lock, caller.user_id())).collect();
        Ok(LfsLockPage { locks, next })
    }

    /// Unlocks a file of a repo opened for writing; that of another user only with `force`.
    pub async fn lfs_unlock(&self, caller: &Caller, repo: &Repo, id: &str, force: bool) -> Result<LfsLock> {
        let (repo_id, user_id) = (writable(repo)?, caller.signed_in()?.user_id);
        let now = self.inner.clock.now();
        let missing = || Error::new(ErrorKind::NotFound, "there is no such lock");
        let id: i64 = id.parse().map_err(|_| missing())?;
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let lock = tx.lfs_lock(repo_id, id).await?.ok_or_else(missing)?;
                    if lock.owner_id != user_id && !force {
                        return Err(Error::new(
                            ErrorKind::Forbidden,
                            format!("`{}` is locked by `{}`; `--force` unlocks it", lock.path, lock.owner),
                        ));
                    }
                    if !tx.delete_lfs_lock(repo_id, id).await? {
                        return Err(missing());
                    }
                    let detail = serde_json::json!({ "path": lock.path, "owner": lock.owner.as_str() });
                    append_event(tx, Some(repo_id), Some(user_id), "unlock-file", &detail, now).await?;
                    Ok(shown(lock, Some(user_id)))
                })
            })
            .await
    }
}

/// Returns the id of a repo that was opened for writing.
fn writable(repo: &Repo) -> Result<i64> {
    if repo.action < Action::Write {
        return Err(Error::internal("a lock was asked for a repo that was not opened for writing"));
    }
    Ok(repo.record.id)
}

fn shown(lock: lyceum_db::LfsLock, caller: Option<i64>) -> LfsLock {
    LfsLock {
        id: lock.id.to_string(),
        ours: Some(lock.owner_id) == caller,
        path: lock.path,
        owner: lock.owner,
        locked_at: lock.locked_at,
    }
}
