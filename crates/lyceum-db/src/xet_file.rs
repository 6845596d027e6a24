//! Files by their Xet hash, and which repo may name them.

use lyceum_core::{Sha256, Timestamp, XetHash};

use crate::error::Result;
use crate::queries::{MAX_LIST, Queries, Sql};
use crate::value::{Columns, Record, bind};

/// How to put a file together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XetFile {
    /// Its hash.
    pub hash: XetHash,
    /// Its bytes.
    pub size: u64,
    /// The encoded terms.
    pub terms: Vec<u8>,
    /// When it first came.
    pub created_at: Timestamp,
}

/// A large file of a repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoFile {
    /// Whose file.
    pub repo_id: i64,
    /// What its pointer in git says.
    pub sha256: Sha256,
    /// Its bytes.
    pub size: u64,
    /// Where its contents are described.
    pub xet_hash: XetHash,
    /// Whether the hub has read the contents and found the SHA-256 right.
    pub verified: bool,
    /// Who said that this content has this digest; whoever else relies on it must verify it first.
    pub pusher_id: i64,
    /// The name it came with, for people to read.
    pub file_name: String,
    /// The reference that it was last committed to; empty before that.
    pub ref_name: String,
    /// When it came.
    pub pushed_at: Timestamp,
}

macro_rules! file_columns {
    () => {
        "f.repo_id, f.sha256, f.size, f.xet_hash, f.verified, f.pusher_id, f.file_name, f.ref_name, f.pushed_at"
    };
}

impl Record for XetFile {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            hash: columns.get()?,
            size: columns.get()?,
            terms: columns.get()?,
            created_at: columns.get()?,
        })
    }
}

impl Record for RepoFile {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            repo_id: columns.get()?,
            sha256: columns.get()?,
            size: columns.get()?,
            xet_hash: columns.get()?,
            verified: columns.get()?,
            pusher_id: columns.get()?,
            file_name: columns.get()?,
            ref_name: columns.get()?,
            pushed_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Records how to put a file together; false if it is recorded already.
    pub async fn insert_xet_file(&mut self, file: &XetFile) -> Result<bool> {
        let insert = "INSERT INTO xet_file (hash, size, terms, created_at) VALUES ($1, $2, $3, $4) \
                      ON CONFLICT (hash) DO NOTHING";
        if self.execute(insert, bind![file.hash, file.size, file.terms, file.created_at]).await? == 1 {
            return Ok(true);
        }
        // Garbage collection may be about to delete it: either this keeps it, or it is gone and comes again.
        let keep = "UPDATE xet_file SET unused_since = NULL WHERE hash = $1 AND unused_since IS NOT NULL";
        if self.execute(keep, bind![file.hash]).await? == 1 {
            return Ok(false);
        }
        Ok(self.execute(insert, bind![file.hash, file.size, file.terms, file.created_at]).await? == 1)
    }

    /// Returns how to put a file together.
    pub async fn xet_file(&mut self, hash: &XetHash) -> Result<Option<XetFile>> {
        self.optional("SELECT hash, size, terms, created_at FROM xet_file WHERE hash = $1", bind![hash]).await
    }

    /// Returns a page of all files in order of hash, after the hash `after`.
    pub async fn all_xet_files(&mut self, after: Option<&XetHash>, limit: u32) -> Result<Vec<XetFile>> {
        self.all(
            "SELECT hash, size, terms, created_at FROM xet_file WHERE hash > $1 ORDER BY hash LIMIT $2",
            bind![after.map_or(&[][..], |hash| hash.as_bytes()), limit],
        )
        .await
    }

    /// Records a large file of a repo; true if the row is now this. A claim replaces only an earlier one of the same user,
    /// what was verified replaces everything.
    pub async fn link_repo_file(&mut self, file: &RepoFile) -> Result<bool> {
        let changed = self
            .execute(
                "INSERT INTO repo_file (repo_id, sha256, size, xet_hash, verified, pusher_id, file_name, ref_name, pushed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (repo_id, sha256) DO UPDATE \
                 SET size = excluded.size, xet_hash = excluded.xet_hash, \
                 verified = CASE WHEN repo_file.xet_hash = excluded.xet_hash AND repo_file.verified = 1 THEN 1 \
                 ELSE excluded.verified END, \
                 pusher_id = excluded.pusher_id, pushed_at = excluded.pushed_at \
                 WHERE excluded.verified = 1 OR (repo_file.verified = 0 AND repo_file.pusher_id = excluded.pusher_id)",
                bind![
                    file.repo_id,
                    file.sha256,
                    file.size,
                    file.xet_hash,
                    file.verified,
                    file.pusher_id,
                    file.file_name,
                    file.ref_name,
                    file.pushed_at,
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Records all large files of one repo for another.
    pub async fn copy_repo_files(&mut self, from: i64, to: i64) -> Result<()> {
        self.execute(
            "INSERT INTO repo_file (repo_id, sha256, size, xet_hash, verified, pusher_id, file_name, ref_name, pushed_at) \
             SELECT $2, f.sha256, f.size, f.xet_hash, f.verified, f.pusher_id, f.file_name, f.ref_name, f.pushed_at FROM repo_file f \
             WHERE f.repo_id = $1 ON CONFLICT (repo_id, sha256) DO NOTHING",
            bind![from, to],
        )
        .await?;
        Ok(())
    }

    /// Returns a large file of a repo by what its pointer says. Every download of one asks this.
    pub async fn repo_file(&mut self, repo_id: i64, sha256: &Sha256) -> Result<Option<RepoFile>> {
        self.optional(
            concat!("SELECT ", file_columns!(), " FROM repo_file f WHERE f.repo_id = $1 AND f.sha256 = $2"),
            bind![repo_id, sha256],
        )
        .await
    }

    /// Returns those large files of a repo that exist, in no order.
    pub async fn repo_files(&mut self, repo_id: i64, sha256s: &[Sha256]) -> Result<Vec<RepoFile>> {
        let mut files = Vec::with_capacity(sha256s.len());
        for part in sha256s.chunks(MAX_LIST) {
            let mut sql =
                Sql::new(concat!("SELECT ", file_columns!(), " FROM repo_file f WHERE f.repo_id = "));
            sql.bind(repo_id).push(" AND f.sha256 IN ").list(part);
            let (sql, arguments) = sql.finish();
            files.extend(self.all::<RepoFile>(sql, arguments).await?);
        }
        Ok(files)
    }

    /// Returns a page of a repo's large files in order of SHA-256, after `after`.
    pub async fn repo_files_page(
        &mut self,
        repo_id: i64,
        after: Option<&Sha256>,
        limit: u32,
    ) -> Result<Vec<RepoFile>> {
        self.all(
            concat!(
                "SELECT ",
                file_columns!(),
                " FROM repo_file f WHERE f.repo_id = $1 AND f.sha256 > $2 ORDER BY f.sha256 LIMIT $3"
            ),
            bind![repo_id, after.map_or(&[][..], |sha256| sha256.as_bytes()), limit],
        )
        .await
    }

    /// Returns the number of a repo's large files and their bytes.
    pub async fn repo_file_totals(&mut self, repo_id: i64) -> Result<(u64, u64)> {
        self.one(
            "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM repo_file WHERE repo_id = $1",
            bind![repo_id],
        )
        .await
    }

    /// Deletes large files of a repo; returns how many there were.
    pub async fn delete_repo_files(&mut self, repo_id: i64, sha256s: &[Sha256]) -> Result<u64> {
        let mut deleted = 0;
        for part in sha256s.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM repo_file WHERE repo_id = ");
            sql.bind(repo_id).push(" AND sha256 IN ").list(part);
            let (sql, arguments) = sql.finish();
            deleted += self.execute(sql, arguments).await?;
        }
        Ok(deleted)
    }

    /// Notes under which name, and where, a large file was committed; false if the repo does not have it. One that is on a
    /// branch stays there, whoever proposes it again.
    pub async fn name_repo_file(
        &mut self,
        repo_id: i64,
        sha256: &Sha256,
        file_name: &str,
        ref_name: &str,
    ) -> Result<bool> {
        // Written in any case: a collection that is about to delete the row must wait, and finds that it is named.
        let sql = "UPDATE repo_file SET \
                   file_name = CASE WHEN $5 = 1 OR ref_name NOT LIKE 'refs/heads/%' THEN $3 ELSE file_name END, \
                   ref_name = CASE WHEN $5 = 1 OR ref_name NOT LIKE 'refs/heads/%' THEN $4 ELSE ref_name END \
                   WHERE repo_id = $1 AND sha256 = $2";
        let on_branch = ref_name.starts_with("refs/heads/");
        Ok(self.execute(sql, bind![repo_id, sha256, file_name, ref_name, on_branch]).await? == 1)
    }

    /// Notes that the SHA-256 of a file was found right; false if it points elsewhere by now.
    pub async fn mark_verified(&mut self, repo_id: i64, sha256: &Sha256, xet_hash: &XetHash) -> Result<bool> {
        let sql = "UPDATE repo_file SET verified = 1 WHERE repo_id = $1 AND sha256 = $2 AND xet_hash = $3";
        Ok(self.execute(sql, bind![repo_id, sha256, xet_hash]).await? == 1)
    }

    /// Records that a shard described a file for a repo.
    pub async fn link_repo_xet_file(&mut self, repo_id: i64, hash: &XetHash, at: Timestamp) -> Result<()> {
        self.execute(
            "INSERT INTO repo_xet_file (repo_id, xet_hash, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (repo_id, xet_hash) DO UPDATE SET created_at = excluded.created_at",
            bind![repo_id, hash, at],
        )
        .await?;
        Ok(())
    }

    /// Deletes the records of shards for those of `hashes` that no large file of the repo is made of.
    pub async fn unlink_repo_xet_files(&mut self, repo_id: i64, hashes: &[XetHash]) -> Result<()> {
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM repo_xet_file WHERE repo_id = ");
            sql.bind(repo_id).push(" AND xet_hash IN ").list(part).push(
                " AND NOT EXISTS (SELECT 1 FROM repo_file f \
                 WHERE f.repo_id = repo_xet_file.repo_id AND f.xet_hash = repo_xet_file.xet_hash)",
            );
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Says whether a repo may read a file by its Xet hash: a shard described it there, or a large file is made of it, or
    /// the repo is a bucket that has it.
    pub async fn repo_has_xet_file(&mut self, repo_id: i64, hash: &XetHash) -> Result<bool> {
        let found: Option<i64> = self
            .optional(
                "SELECT repo_id FROM repo_xet_file WHERE repo_id = $1 AND xet_hash = $2 UNION ALL \
                 SELECT repo_id FROM repo_file WHERE repo_id = $1 AND xet_hash = $2 UNION ALL \
                 SELECT bucket_id FROM bucket_file WHERE bucket_id = $1 AND xet_hash = $2 LIMIT 1",
                bind![repo_id, hash],
            )
            .await?;
        Ok(found.is_some())
    }
}
