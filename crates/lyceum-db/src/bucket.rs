//! Buckets: their totals and files. Names, owners and visibility are those of their row in `repo`.

use lyceum_core::{Timestamp, XetHash};

use crate::error::Result;
use crate::queries::{MAX_LIST, Queries, Sql, batches};
use crate::value::{Columns, Record, bind};

pub(crate) mod event;
mod tree;

/// What a bucket holds, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Its repo.
    pub repo_id: i64,
    /// Files in it.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// Number of the last change; 0 before the first.
    pub last_event: u64,
}

/// A file of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketFile {
    /// Where; unique in the bucket.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Where its contents are described.
    pub xet_hash: XetHash,
    /// When its uploader says that it last changed.
    pub mtime: Option<Timestamp>,
    /// When it was put here.
    pub uploaded_at: Timestamp,
}

macro_rules! bucket_file_columns {
    () => {
        "b.path, b.size, b.xet_hash, b.mtime, b.uploaded_at"
    };
}
use bucket_file_columns;

/// Deletes the first rows of one owner, so that no transaction grows with what it owns.
macro_rules! portion {
    ($table:literal, $owner:literal, $key:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $owner,
            " = $1 AND ",
            $key,
            " IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $owner,
            " = $1 ORDER BY ",
            $key,
            " LIMIT $2)"
        )
    };
}

impl Record for Bucket {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            repo_id: columns.get()?,
            files: columns.get()?,
            bytes: columns.get()?,
            last_event: columns.get()?,
        })
    }
}

impl Record for BucketFile {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            path: columns.get()?,
            size: columns.get()?,
            xet_hash: columns.get()?,
            mtime: columns.get()?,
            uploaded_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Makes a repo an empty bucket.
    pub async fn insert_bucket(&mut self, repo_id: i64) -> Result<()> {
        self.execute("INSERT INTO bucket (repo_id) VALUES ($1)", bind![repo_id]).await?;
        Ok(())
    }

    /// Returns the totals of a bucket.
    pub async fn bucket(&mut self, repo_id: i64) -> Result<Option<Bucket>> {
        let sql = "SELECT repo_id, files, bytes, last_event FROM bucket WHERE repo_id = $1";
        self.optional(sql, bind![repo_id]).await
    }

    /// Returns the totals of those that are buckets, in no order.
    pub async fn buckets(&mut self, repo_ids: &[i64]) -> Result<Vec<Bucket>> {
        let mut buckets = Vec::with_capacity(repo_ids.len());
        for part in repo_ids.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT repo_id, files, bytes, last_event FROM bucket WHERE repo_id IN ");
            sql.list(part);
            let (sql, arguments) = sql.finish();
            buckets.extend(self.all::<Bucket>(sql, arguments).await?);
        }
        Ok(buckets)
    }

    /// Counts files and bytes anew, for checks.
    pub async fn count_bucket(&mut self, repo_id: i64) -> Result<(u64, u64)> {
        self.one(
            "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM bucket_file WHERE bucket_id = $1",
            bind![repo_id],
        )
        .await
    }

    /// Changes the totals of a bucket and counts `events` more changes; `None` if it is gone.
    pub async fn change_bucket(
        &mut self,
        repo_id: i64,
        files: i64,
        bytes: i64,
        events: u64,
    ) -> Result<Option<Bucket>> {
        self.optional(
            "UPDATE bucket SET files = files + $2, bytes = bytes + $3, last_event = last_event + $4 WHERE repo_id = $1 \
             RETURNING repo_id, files, bytes, last_event",
            bind![repo_id, files, bytes, events],
        )
        .await
    }

    /// Returns a file of a bucket.
    pub async fn bucket_file(&mut self, repo_id: i64, path: &str) -> Result<Option<BucketFile>> {
        self.optional(
            concat!(
                "SELECT ",
                bucket_file_columns!(),
                " FROM bucket_file b WHERE b.bucket_id = $1 AND b.path = $2"
            ),
            bind![repo_id, path],
        )
        .await
    }

    /// Returns those files of a bucket that exist, in no order.
    pub async fn bucket_files(&mut self, repo_id: i64, paths: &[String]) -> Result<Vec<BucketFile>> {
        let mut files = Vec::with_capacity(paths.len());
        for part in paths.chunks(MAX_LIST) {
            let mut sql = Sql::new(concat!(
                "SELECT ",
                bucket_file_columns!(),
                " FROM bucket_file b WHERE b.bucket_id = "
            ));
            sql.bind(repo_id).push(" AND b.path IN ").list(part);
            let (sql, arguments) = sql.finish();
            files.extend(self.all::<BucketFile>(sql, arguments).await?);
        }
        Ok(files)
    }

    /// Puts files into a bucket, in the place of those that have their paths; each path at most once.
    pub async fn put_bucket_files(&mut self, repo_id: i64, files: &[BucketFile]) -> Result<()> {
        for part in batches(files) {
            let mut sql = Sql::new(
                "INSERT INTO bucket_file (bucket_id, path, size, xet_hash, mtime, uploaded_at) VALUES ",
            );
            for (index, file) in part.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" }).bind(repo_id).push(", ").bind(&file.path);
                sql.push(", ").bind(file.size).push(", ").bind(file.xet_hash);
                sql.push(", ").bind(file.mtime).push(", ").bind(file.uploaded_at).push(")");
            }
            sql.push(
                " ON CONFLICT (bucket_id, path) DO UPDATE SET size = excluded.size, xet_hash = excluded.xet_hash, \
                 mtime = excluded.mtime, uploaded_at = excluded.uploaded_at",
            );
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Takes files out of a bucket.
    pub async fn delete_bucket_files(&mut self, repo_id: i64, paths: &[String]) -> Result<()> {
        for part in paths.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM bucket_file WHERE bucket_id = ");
            sql.bind(repo_id).push(" AND path IN ").list(part);
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Deletes up to `limit` files and as many events of a bucket that is gone; false if there were none.
    pub async fn purge_bucket(&mut self, repo_id: i64, limit: u32) -> Result<bool> {
        let files = self.execute(portion!("bucket_file", "bucket_id", "path"), bind![repo_id, limit]).await?;
        let events =
            self.execute(portion!("bucket_event", "bucket_id", "seq"), bind![repo_id, limit]).await?;
        Ok(files + events > 0)
    }

    /// Forgets up to `limit` files that shards described for a bucket, and as many digests; false if there were none.
    pub async fn purge_bucket_uploads(&mut self, repo_id: i64, limit: u32) -> Result<bool> {
        let files =
            self.execute(portion!("repo_xet_file", "repo_id", "xet_hash"), bind![repo_id, limit]).await?;
        let digests = self.execute(portion!("repo_file", "repo_id", "sha256"), bind![repo_id, limit]).await?;
        Ok(files + digests > 0)
    }

    /// Returns those of `hashes` that a repo may read, with their sizes, in no order: see
    /// [`repo_has_xet_file`](Self::repo_has_xet_file).
    pub async fn readable_xet_files(
        &mut self,
        repo_id: i64,
        hashes: &[XetHash],
    ) -> Result<Vec<(XetHash, u64)>> {
        let mut files = Vec::with_capacity(hashes.len());
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT x.hash, x.size FROM xet_file x WHERE x.hash IN ");
            sql.list(part).push(" AND (EXISTS (SELECT 1 FROM repo_xet_file l WHERE l.repo_id = ");
            sql.bind(repo_id).push(" AND l.xet_hash = x.hash)");
            sql.push(" OR EXISTS (SELECT 1 FROM repo_file f WHERE f.xet_hash = x.hash AND f.repo_id = ");
            sql.bind(repo_id).push(")");
            sql.push(" OR EXISTS (SELECT 1 FROM bucket_file b WHERE b.xet_hash = x.hash AND b.bucket_id = ");
            sql.bind(repo_id).push("))");
            let (sql, arguments) = sql.finish();
            files.extend(self.all::<(XetHash, u64)>(sql, arguments).await?);
        }
        Ok(files)
    }

    /// Takes back the right of a bucket to read files that none of its paths names and that no shard described since
    /// `before`: an upload that is under way has yet to name its files.
    pub async fn unlink_bucket_xet_files(
        &mut self,
        repo_id: i64,
        hashes: &[XetHash],
        before: Timestamp,
    ) -> Result<()> {
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM repo_xet_file WHERE repo_id = ");
            sql.bind(repo_id).push(" AND created_at < ").bind(before).push(" AND xet_hash IN ").list(part);
            sql.push(
                " AND NOT EXISTS (SELECT 1 FROM bucket_file b WHERE b.xet_hash = repo_xet_file.xet_hash",
            );
            sql.push(" AND b.bucket_id = ").bind(repo_id).push(")");
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
            // Some clients tell digests, for which nobody asks in a bucket.
            let mut sql = Sql::new("DELETE FROM repo_file WHERE repo_id = ");
            sql.bind(repo_id).push(" AND pushed_at < ").bind(before).push(" AND xet_hash IN ").list(part);
            sql.push(" AND NOT EXISTS (SELECT 1 FROM bucket_file b WHERE b.xet_hash = repo_file.xet_hash");
            sql.push(" AND b.bucket_id = ").bind(repo_id).push(")");
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }
}
