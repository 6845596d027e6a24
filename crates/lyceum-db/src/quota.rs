//! How much accounts may store, and how much they do.

use lyceum_core::{Sha256, Timestamp, XetHash};

use crate::error::Result;
use crate::queries::{Queries, Sql, batches};
use crate::value::{Columns, Record, bind};

/// The limits of an account and what is used of them, in bytes.
///
/// Logical bytes are those of large files as their users see them, once per repo; stored bytes are those of the xorbs
/// that hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Most logical bytes.
    pub logical_limit: Option<u64>,
    /// Most stored bytes.
    pub stored_limit: Option<u64>,
    /// Logical bytes in use.
    pub logical_bytes: u64,
    /// Stored bytes in use.
    pub stored_bytes: u64,
    /// When both were last measured rather than added up.
    pub measured_at: Timestamp,
}

/// A large file of an account: its repo and digest, to go on from, its size and its terms.
#[derive(Debug, Clone)]
pub struct OwnedFile {
    /// The repo it is in.
    pub repo_id: i64,
    /// Its digest.
    pub sha256: Sha256,
    /// Its bytes.
    pub size: u64,
    /// What it is made of, encoded.
    pub terms: Vec<u8>,
}

impl Record for Quota {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            logical_limit: columns.get()?,
            stored_limit: columns.get()?,
            logical_bytes: columns.get()?,
            stored_bytes: columns.get()?,
            measured_at: columns.get()?,
        })
    }
}

impl Record for OwnedFile {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            repo_id: columns.get()?,
            sha256: columns.get()?,
            size: columns.get()?,
            terms: columns.get()?,
        })
    }
}

macro_rules! quota_columns {
    () => {
        "logical_limit, stored_limit, logical_bytes, stored_bytes, measured_at"
    };
}

impl Queries {
    /// Returns the quota of an account that has one.
    pub async fn quota(&mut self, account_id: i64) -> Result<Option<Quota>> {
        let sql = concat!("SELECT ", quota_columns!(), " FROM quota WHERE account_id = $1");
        self.optional(sql, bind![account_id]).await
    }

    /// Returns the quotas of those of some accounts that have one, in no order.
    pub async fn quotas(&mut self, account_ids: &[i64]) -> Result<Vec<(i64, Quota)>> {
        let mut quotas = Vec::new();
        for ids in account_ids.chunks(crate::queries::MAX_LIST) {
            let mut sql = Sql::new(concat!(
                "SELECT account_id, ",
                quota_columns!(),
                " FROM quota WHERE account_id IN "
            ));
            sql.list(ids);
            let (sql, arguments) = sql.finish();
            quotas.extend(self.all::<(i64, Quota)>(sql, arguments).await?);
        }
        Ok(quotas)
    }

    /// Sets the limits of an account; without any, nothing is counted for it any more.
    pub async fn set_quota(
        &mut self,
        account_id: i64,
        logical_limit: Option<u64>,
        stored_limit: Option<u64>,
    ) -> Result<()> {
        if logical_limit.is_none() && stored_limit.is_none() {
            self.execute("DELETE FROM quota WHERE account_id = $1", bind![account_id]).await?;
            return Ok(());
        }
        self.execute(
            "INSERT INTO quota (account_id, logical_limit, stored_limit) VALUES ($1, $2, $3) \
             ON CONFLICT (account_id) DO UPDATE SET logical_limit = excluded.logical_limit, \
             stored_limit = excluded.stored_limit",
            bind![account_id, logical_limit, stored_limit],
        )
        .await?;
        Ok(())
    }

    /// Counts bytes for an account, or takes them off, and returns its quota; `None` if it has none.
    pub async fn charge(&mut self, account_id: i64, logical: i64, stored: i64) -> Result<Option<Quota>> {
        let sql = concat!(
            "UPDATE quota SET \
             logical_bytes = CASE WHEN logical_bytes + $2 < 0 THEN 0 ELSE logical_bytes + $2 END, \
             stored_bytes = CASE WHEN stored_bytes + $3 < 0 THEN 0 ELSE stored_bytes + $3 END \
             WHERE account_id = $1 RETURNING ",
            quota_columns!()
        );
        self.optional(sql, bind![account_id, logical, stored]).await
    }

    /// Stores what was measured, if nothing was charged since `before` was read; false if something was.
    pub async fn put_usage(
        &mut self,
        account_id: i64,
        before: &Quota,
        logical: u64,
        stored: u64,
        at: Timestamp,
    ) -> Result<bool> {
        let changed = self
            .execute(
                "UPDATE quota SET logical_bytes = $2, stored_bytes = $3, measured_at = $4 \
                 WHERE account_id = $1 AND logical_bytes = $5 AND stored_bytes = $6",
                bind![account_id, logical, stored, at, before.logical_bytes, before.stored_bytes],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Returns a page of the ids of an account's repos, buckets included or nothing but them, in order.
    pub async fn owned_repos(
        &mut self,
        owner_id: i64,
        buckets: bool,
        after: i64,
        limit: u32,
    ) -> Result<Vec<i64>> {
        let sql = "SELECT id FROM repo WHERE owner_id = $1 AND (kind = 'bucket') = ($2 = 1) AND id > $3 \
                   ORDER BY id LIMIT $4";
        self.all(sql, bind![owner_id, buckets, after, limit]).await
    }

    /// Returns a page of the large files of some repos, in order of repo and digest: those that their owner or a member
    /// brought, and what others brought once it is on a branch.
    pub async fn owned_files(
        &mut self,
        repos: &[i64],
        after: (i64, &Sha256),
        limit: u32,
    ) -> Result<Vec<OwnedFile>> {
        let mut sql = Sql::new("SELECT f.repo_id, f.sha256, f.size, x.terms FROM repo_file f ");
        sql.push(
            "JOIN repo r ON r.id = f.repo_id JOIN xet_file x ON x.hash = f.xet_hash WHERE f.repo_id IN ",
        );
        sql.list(repos);
        sql.push(" AND (f.pusher_id = r.owner_id OR f.ref_name LIKE 'refs/heads/%' OR EXISTS (SELECT 1 ");
        sql.push("FROM membership m WHERE m.org_id = r.owner_id AND m.user_id = f.pusher_id))");
        sql.push(" AND (f.repo_id, f.sha256) > (").bind(after.0).push(", ").bind(after.1);
        sql.push(") ORDER BY f.repo_id, f.sha256 LIMIT ").bind(limit);
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }

    /// Returns a page of what the files of a bucket are made of, in order of path: path, size and terms.
    pub async fn bucket_terms(
        &mut self,
        bucket_id: i64,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, u64, Vec<u8>)>> {
        let sql = "SELECT b.path, b.size, x.terms FROM bucket_file b JOIN xet_file x ON x.hash = b.xet_hash \
                   WHERE b.bucket_id = $1 AND b.path > $2 ORDER BY b.path LIMIT $3";
        self.all(sql, bind![bucket_id, after, limit]).await
    }

    /// Returns the bytes that xorbs take together.
    pub async fn xorb_bytes(&mut self, hashes: &[XetHash]) -> Result<u64> {
        let mut total = 0;
        for batch in batches(hashes) {
            let mut sql =
                Sql::new("SELECT CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT) FROM xorb WHERE hash IN ");
            sql.list(batch);
            let (sql, arguments) = sql.finish();
            total += self.one::<u64>(sql, arguments).await?;
        }
        Ok(total)
    }
}
