//! Xorbs, and the chunks that later uploads are deduplicated against.

use std::collections::{BTreeMap, BTreeSet};

use lyceum_core::{Timestamp, XetHash};

use crate::error::Result;
use crate::queries::{MAX_LIST, Queries, Sql, batches};
use crate::value::{Columns, Record, bind};

/// A xorb that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XorbRow {
    /// Its hash.
    pub hash: XetHash,
    /// Bytes in the store.
    pub stored_bytes: u64,
    /// Bytes of its chunks, decompressed.
    pub raw_bytes: u64,
    /// Number of chunks.
    pub chunks: u64,
    /// When it first came.
    pub created_at: Timestamp,
    /// When it was last uploaded or referred to; garbage collection leaves recent ones alone.
    pub seen_at: Timestamp,
}

impl Record for XorbRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            hash: columns.get()?,
            stored_bytes: columns.get()?,
            raw_bytes: columns.get()?,
            chunks: columns.get()?,
            created_at: columns.get()?,
            seen_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Records a xorb, or that one was seen again; false if its bytes are being deleted.
    pub async fn insert_xorb(&mut self, xorb: &XorbRow) -> Result<bool> {
        let recorded = self
            .execute(
                "INSERT INTO xorb (hash, stored_bytes, raw_bytes, chunks, created_at, seen_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (hash) DO UPDATE SET seen_at = excluded.seen_at \
                 WHERE xorb.deleting = 0",
                bind![
                    xorb.hash,
                    xorb.stored_bytes,
                    xorb.raw_bytes,
                    xorb.chunks,
                    xorb.created_at,
                    xorb.seen_at
                ],
            )
            .await?;
        Ok(recorded == 1)
    }

    /// Returns a xorb.
    pub async fn xorb(&mut self, hash: &XetHash) -> Result<Option<XorbRow>> {
        self.optional(
            "SELECT hash, stored_bytes, raw_bytes, chunks, created_at, seen_at FROM xorb WHERE hash = $1",
            bind![hash],
        )
        .await
    }

    /// Notes which xorbs were uploaded together; the first batch that names a xorb counts.
    pub async fn set_xorb_batch(&mut self, hashes: &[XetHash], batch: &XetHash, at: Timestamp) -> Result<()> {
        let mut hashes = hashes.to_vec();
        hashes.sort_unstable();
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("UPDATE xorb SET batch = COALESCE(batch, ");
            sql.bind(batch).push("), seen_at = ").bind(at).push(" WHERE hash IN ").list(part);
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Returns the xorb that holds a chunk and, up to `limit` in all, those that were uploaded together with it.
    pub async fn xorbs_around_chunk(&mut self, chunk: &XetHash, limit: u32) -> Result<Vec<XetHash>> {
        let Some(xorb) = self.xorb_of_chunk(chunk).await? else {
            return Ok(Vec::new());
        };
        let mut xorbs: Vec<XetHash> = self
            .all(
                "SELECT hash FROM xorb WHERE batch = (SELECT batch FROM xorb WHERE hash = $1) AND hash <> $1 LIMIT $2",
                bind![xorb, limit.saturating_sub(1)],
            )
            .await?;
        xorbs.insert(0, xorb);
        Ok(xorbs)
    }

    /// Returns those of `hashes` that are recorded, in no order.
    pub async fn xorbs_known(&mut self, hashes: &[XetHash]) -> Result<Vec<XetHash>> {
        let mut known = Vec::with_capacity(hashes.len());
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT hash FROM xorb WHERE hash IN ");
            sql.list(part);
            let (sql, arguments) = sql.finish();
            known.extend(self.all::<XetHash>(sql, arguments).await?);
        }
        Ok(known)
    }

    /// Keeps xorbs that a file is about to refer to from being deleted; false if one of them is missing.
    ///
    /// Those that were seen after `recent` are safe as they are, which spares most files the writes.
    pub async fn hold_xorbs(&mut self, hashes: &[XetHash], at: Timestamp, recent: Timestamp) -> Result<bool> {
        // One order for all writers, so that they cannot wait for each other in a circle.
        let hashes: Vec<XetHash> = hashes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = 0;
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("UPDATE xorb SET seen_at = ");
            sql.bind(at)
                .push(" WHERE deleting = 0 AND seen_at < ")
                .bind(recent)
                .push(" AND hash IN ")
                .list(part);
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
            let mut sql = Sql::new("SELECT COUNT(*) FROM xorb WHERE deleting = 0 AND hash IN ");
            sql.list(part);
            let (sql, arguments) = sql.finish();
            found += self.one::<u64>(sql, arguments).await?;
        }
        Ok(found == hashes.len() as u64)
    }

    /// Returns a page of all xorbs in order of hash, after the hash `after`.
    pub async fn all_xorbs(&mut self, after: Option<&XetHash>, limit: u32) -> Result<Vec<XorbRow>> {
        self.all(
            "SELECT hash, stored_bytes, raw_bytes, chunks, created_at, seen_at FROM xorb WHERE hash > $1 \
             ORDER BY hash LIMIT $2",
            bind![after.map_or(&[][..], |hash| hash.as_bytes()), limit],
        )
        .await
    }

    /// Returns the number of xorbs, their bytes in the store and the bytes of their chunks.
    pub async fn xorb_totals(&mut self) -> Result<(u64, u64, u64)> {
        self.one(
            "SELECT COUNT(*), CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT), \
             CAST(COALESCE(SUM(raw_bytes), 0) AS BIGINT) FROM xorb",
            bind![],
        )
        .await
    }

    /// Records which xorb holds each chunk; of several, the last one counts.
    pub async fn insert_chunks(&mut self, chunks: &[(XetHash, XetHash)]) -> Result<()> {
        // PostgreSQL takes each key once per statement; sorted, writers cannot wait for each other in a circle.
        let chunks: Vec<(XetHash, XetHash)> =
            chunks.iter().copied().collect::<BTreeMap<_, _>>().into_iter().collect();
        for part in batches(&chunks) {
            let mut sql = Sql::new("INSERT INTO xet_chunk (chunk, xorb) VALUES ");
            for (index, (chunk, xorb)) in part.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" }).bind(chunk).push(", ").bind(xorb).push(")");
            }
            sql.push(" ON CONFLICT (chunk) DO UPDATE SET xorb = excluded.xorb");
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Returns a xorb that holds a chunk.
    pub async fn xorb_of_chunk(&mut self, chunk: &XetHash) -> Result<Option<XetHash>> {
        self.optional("SELECT xorb FROM xet_chunk WHERE chunk = $1", bind![chunk]).await
    }
}
