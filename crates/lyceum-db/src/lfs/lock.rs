//! Files that users keep for themselves.

use lyceum_core::{AccountName, Timestamp};

use crate::error::Result;
use crate::queries::{Queries, Sql};
use crate::value::{Columns, Record, bind};

/// A locked file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LfsLock {
    /// Database id, in the order in which locks were made.
    pub id: i64,
    /// The file.
    pub path: String,
    /// Who locked it.
    pub owner_id: i64,
    /// His name.
    pub owner: AccountName,
    /// When.
    pub locked_at: Timestamp,
}

impl Record for LfsLock {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            path: columns.get()?,
            owner_id: columns.get()?,
            owner: columns.get()?,
            locked_at: columns.get()?,
        })
    }
}

macro_rules! select_lock {
    ($rest:literal) => {
        concat!(
            "SELECT l.id, l.path, l.owner_id, a.name, l.locked_at FROM lfs_lock l \
             JOIN account a ON a.id = l.owner_id WHERE ",
            $rest
        )
    };
}

impl Queries {
    /// Locks a file; false if it is locked.
    pub async fn insert_lfs_lock(
        &mut self,
        repo_id: i64,
        path: &str,
        owner_id: i64,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "INSERT INTO lfs_lock (repo_id, path, owner_id, locked_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (repo_id, path) DO NOTHING";
        Ok(self.execute(sql, bind![repo_id, path, owner_id, at]).await? == 1)
    }

    /// Returns a lock by its id.
    pub async fn lfs_lock(&mut self, repo_id: i64, id: i64) -> Result<Option<LfsLock>> {
        self.optional(select_lock!("l.repo_id = $1 AND l.id = $2"), bind![repo_id, id]).await
    }

    /// Returns the lock of a file.
    pub async fn lfs_lock_of(&mut self, repo_id: i64, path: &str) -> Result<Option<LfsLock>> {
        self.optional(select_lock!("l.repo_id = $1 AND l.path = $2"), bind![repo_id, path]).await
    }

    /// Returns a page of locks in order of id, after the one with the id `after`; `path` and `id` leave only those
    /// that fit.
    pub async fn lfs_locks(
        &mut self,
        repo_id: i64,
        path: Option<&str>,
        id: Option<i64>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<LfsLock>> {
        let mut sql = Sql::new(select_lock!("l.repo_id = "));
        sql.bind(repo_id);
        if let Some(path) = path {
            sql.push(" AND l.path = ").bind(path);
        }
        if let Some(id) = id {
            sql.push(" AND l.id = ").bind(id);
        }
        sql.push(" AND l.id > ").bind(after);
        sql.push(" ORDER BY l.id LIMIT ").bind(limit);
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }

    /// Returns how many files of a repo are locked.
    pub async fn lfs_locks_count(&mut self, repo_id: i64) -> Result<u64> {
        self.one("SELECT COUNT(*) FROM lfs_lock WHERE repo_id = $1", bind![repo_id]).await
    }

    /// Deletes a lock; false if there is none.
    pub async fn delete_lfs_lock(&mut self, repo_id: i64, id: i64) -> Result<bool> {
        let sql = "DELETE FROM lfs_lock WHERE repo_id = $1 AND id = $2";
        Ok(self.execute(sql, bind![repo_id, id]).await? == 1)
    }
}
