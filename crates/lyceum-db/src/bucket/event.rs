//! The last changes of a bucket, for those who follow it.

use lyceum_core::{Timestamp, XetHash};

use crate::error::Result;
use crate::queries::{Queries, Sql, batches};
use crate::value::{Columns, Record, bind, words};

words! {
    /// What happened to a file of a bucket.
    BucketChange {
        /// It is new.
        Add = "add",
        /// It was there and has been replaced.
        Update = "update",
        /// It is gone.
        Delete = "delete",
    }
}

/// One change of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketEvent {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// What happened.
    pub change: BucketChange,
    /// To which file.
    pub path: String,
    /// Bytes, unless it was deleted.
    pub size: Option<u64>,
    /// Contents, unless it was deleted.
    pub xet_hash: Option<XetHash>,
    /// When its uploader says that it last changed.
    pub mtime: Option<Timestamp>,
    /// When it happened.
    pub at: Timestamp,
}

impl Record for BucketEvent {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            seq: columns.get()?,
            change: columns.get()?,
            path: columns.get()?,
            size: columns.get()?,
            xet_hash: columns.get()?,
            mtime: columns.get()?,
            at: columns.get()?,
        })
    }
}

impl Queries {
    /// Notes changes of a bucket.
    pub async fn insert_bucket_events(&mut self, repo_id: i64, events: &[BucketEvent]) -> Result<()> {
        for part in batches(events) {
            let mut sql = Sql::new(
                "INSERT INTO bucket_event (bucket_id, seq, op, path, size, xet_hash, mtime, at) VALUES ",
            );
            for (index, event) in part.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" }).bind(repo_id).push(", ").bind(event.seq);
                sql.push(", ").bind(event.change).push(", ").bind(&event.path);
                sql.push(", ").bind(event.size).push(", ").bind(event.xet_hash);
                sql.push(", ").bind(event.mtime).push(", ").bind(event.at).push(")");
            }
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Forgets changes of a bucket up to the number `last`.
    pub async fn forget_bucket_events(&mut self, repo_id: i64, last: u64) -> Result<()> {
        self.execute("DELETE FROM bucket_event WHERE bucket_id = $1 AND seq <= $2", bind![repo_id, last])
            .await?;
        Ok(())
    }

    /// Returns changes of a bucket in order, after the number `after`.
    pub async fn bucket_events(&mut self, repo_id: i64, after: u64, limit: u32) -> Result<Vec<BucketEvent>> {
        self.all(
            "SELECT seq, op, path, size, xet_hash, mtime, at FROM bucket_event WHERE bucket_id = $1 AND seq > $2 \
             ORDER BY seq LIMIT $3",
            bind![repo_id, after, limit],
        )
        .await
    }

    /// Returns the number and the time of the oldest change that is kept.
    pub async fn oldest_bucket_event(&mut self, repo_id: i64) -> Result<Option<(u64, Timestamp)>> {
        let sql = "SELECT seq, at FROM bucket_event WHERE bucket_id = $1 ORDER BY seq LIMIT 1";
        self.optional(sql, bind![repo_id]).await
    }

    /// Returns the number of the first kept change that is not older than `since`.
    pub async fn first_bucket_event(&mut self, repo_id: i64, since: Timestamp) -> Result<Option<u64>> {
        self.optional(
            "SELECT seq FROM bucket_event WHERE bucket_id = $1 AND at >= $2 ORDER BY seq LIMIT 1",
            bind![repo_id, since],
        )
        .await
    }
}
