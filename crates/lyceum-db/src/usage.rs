//! What is stored, in total and by owner, for administrators. Each query reads a table as a whole.

use crate::account::{Account, account_columns};
use crate::error::Result;
use crate::queries::Queries;
use crate::value::{Columns, Record, bind};

/// What the hub holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all files at the heads of repos and in buckets, as their users see them.
    pub logical_bytes: u64,
    /// Bytes of the chunks of large files, each once, before they were compressed.
    pub raw_bytes: u64,
    /// Bytes that those chunks take.
    pub stored_bytes: u64,
    /// Groups of chunks that are stored together.
    pub xorbs: u64,
    /// Bytes of git histories.
    pub git_bytes: u64,
    /// Repos and buckets.
    pub repos: u64,
}

/// What one account holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerUsage {
    /// The user or organisation.
    pub owner: Account,
    /// Repos and buckets.
    pub repos: u64,
    /// Bytes of its files at the heads of repos and in buckets.
    pub logical_bytes: u64,
}

impl Record for OwnerUsage {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { owner: Account::read(columns)?, repos: columns.get()?, logical_bytes: columns.get()? })
    }
}

impl Queries {
    /// Returns what the hub holds.
    pub async fn usage(&mut self) -> Result<Usage> {
        let files: u64 =
            self.one("SELECT CAST(COALESCE(SUM(used_bytes), 0) AS BIGINT) FROM repo_info", bind![]).await?;
        let buckets: u64 =
            self.one("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM bucket", bind![]).await?;
        let sql = "SELECT CAST(COALESCE(SUM(raw_bytes), 0) AS BIGINT), \
                   CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT), COUNT(*) FROM xorb";
        let (raw_bytes, stored_bytes, xorbs) = self.one(sql, bind![]).await?;
        let git_bytes =
            self.one("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM git_segment", bind![]).await?;
        let repos = self.one("SELECT COUNT(*) FROM repo", bind![]).await?;
        Ok(Usage { logical_bytes: files + buckets, raw_bytes, stored_bytes, xorbs, git_bytes, repos })
    }

    /// Returns the accounts that hold most, the largest first.
    pub async fn largest_owners(&mut self, limit: u32) -> Result<Vec<OwnerUsage>> {
        let sql = concat!(
            "SELECT ",
            account_columns!(),
            ", u.repos, u.bytes FROM (SELECT r.owner_id AS owner_id, COUNT(*) AS repos, \
             CAST(COALESCE(SUM(COALESCE(i.used_bytes, 0) + COALESCE(b.bytes, 0)), 0) AS BIGINT) AS bytes \
             FROM repo r LEFT JOIN repo_info i ON i.repo_id = r.id LEFT JOIN bucket b ON b.repo_id = r.id \
             GROUP BY r.owner_id ORDER BY bytes DESC, owner_id LIMIT $1) u \
             JOIN account a ON a.id = u.owner_id ORDER BY u.bytes DESC, a.id"
        );
        self.all(sql, bind![limit]).await
    }
}
