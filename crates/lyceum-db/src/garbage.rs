//! What nothing names any more: claims that no commit took up, files, xorbs.
//!
//! Nothing is counted. A file goes when two rounds, some time apart, found that nothing names it: whatever was being
//! written during the first is seen by the second. A xorb is marked before its bytes go, and whoever is about to rely
//! on it writes its row ([`Queries::hold_xorbs`], [`Queries::insert_xorb`]), so that only one of the two succeeds. That
//! no two collections do this at once is their caller's to see to.

use lyceum_core::{Sha256, Timestamp, XetHash};

use crate::error::Result;
use crate::queries::{MAX_LIST, Queries, Sql};
use crate::value::bind;

impl Queries {
    /// Returns repos with large files that came before `before` and that no commit named, after the repo `after`.
    pub async fn repos_with_unnamed_files(
        &mut self,
        before: Timestamp,
        after: i64,
        limit: u32,
    ) -> Result<Vec<i64>> {
        self.all(
            "SELECT DISTINCT repo_id FROM repo_file WHERE ref_name = '' AND repo_id > $1 AND pushed_at < $2 \
             ORDER BY repo_id LIMIT $3",
            bind![after, before, limit],
        )
        .await
    }

    /// Returns the digests of a repo's large files that came before `before` and that no commit named, and who pushed
    /// them.
    pub async fn unnamed_files(
        &mut self,
        repo_id: i64,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Sha256, i64)>> {
        self.all(
            "SELECT sha256, pusher_id FROM repo_file WHERE ref_name = '' AND repo_id = $1 AND pushed_at < $2 LIMIT $3",
            bind![repo_id, before, limit],
        )
        .await
    }

    /// Notes where large files are named that were not known to be.
    pub async fn name_unnamed_files(
        &mut self,
        repo_id: i64,
        sha256s: &[Sha256],
        ref_name: &str,
    ) -> Result<()> {
        for part in sha256s.chunks(MAX_LIST) {
            let mut sql = Sql::new("UPDATE repo_file SET ref_name = ");
            sql.bind(ref_name).push(" WHERE ref_name = '' AND repo_id = ").bind(repo_id);
            sql.push(" AND sha256 IN ").list(part);
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Deletes those large files of a repo that came before `before` and that no commit named; returns how many.
    pub async fn delete_unnamed_files(
        &mut self,
        repo_id: i64,
        sha256s: &[Sha256],
        before: Timestamp,
    ) -> Result<u64> {
        let mut deleted = 0;
        for part in sha256s.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM repo_file WHERE ref_name = '' AND repo_id = ");
            sql.bind(repo_id).push(" AND pushed_at < ").bind(before).push(" AND sha256 IN ").list(part);
            let (sql, arguments) = sql.finish();
            deleted += self.execute(sql, arguments).await?;
        }
        Ok(deleted)
    }

    /// Deletes at most `limit` records of shards that are older than `before`; returns how many. Commits and buckets
    /// have named what is needed.
    pub async fn delete_old_repo_xet_files(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        self.execute(
            "DELETE FROM repo_xet_file WHERE (repo_id, xet_hash) IN \
             (SELECT repo_id, xet_hash FROM repo_xet_file WHERE created_at < $1 LIMIT $2)",
            bind![before, limit],
        )
        .await
    }

    /// Returns those files of `hashes` that nothing names, and those that were noted as such.
    pub async fn unused_files(&mut self, hashes: &[XetHash]) -> Result<(Vec<XetHash>, Vec<XetHash>)> {
        let (mut unnamed, mut noted) = (Vec::new(), Vec::new());
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT hash, CASE WHEN ");
            sql.push(NAMED).push(" THEN 1 ELSE 0 END, CASE WHEN unused_since IS NULL THEN 0 ELSE 1 END");
            sql.push(" FROM xet_file WHERE hash IN ").list(part);
            let (sql, arguments) = sql.finish();
            for (hash, named, was_noted) in self.all::<(XetHash, bool, bool)>(sql, arguments).await? {
                if !named {
                    unnamed.push(hash);
                }
                if was_noted {
                    noted.push(hash);
                }
            }
        }
        Ok((unnamed, noted))
    }

    /// Of `hashes`, notes those files that nothing names, and forgets that of the others.
    pub async fn note_unused_files(&mut self, hashes: &[XetHash], at: Timestamp) -> Result<()> {
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("UPDATE xet_file SET unused_since = CASE WHEN ");
            sql.push(NAMED)
                .push(" THEN NULL ELSE COALESCE(unused_since, ")
                .bind(at)
                .push(") END WHERE hash IN ");
            sql.list(part).push(" AND (unused_since IS NULL) <> (").push(NAMED).push(")");
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Forgets those files of `hashes` that nothing named before `before`, nor does now; returns how many.
    pub async fn delete_unused_files(&mut self, hashes: &[XetHash], before: Timestamp) -> Result<u64> {
        let mut deleted = 0;
        for part in hashes.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM xet_file WHERE unused_since < ");
            sql.bind(before).push(" AND hash IN ").list(part).push(" AND NOT (").push(NAMED).push(")");
            let (sql, arguments) = sql.finish();
            deleted += self.execute(sql, arguments).await?;
        }
        Ok(deleted)
    }

    /// Marks a xorb whose bytes are to be deleted, unless it was seen since `before`; true also if it is marked.
    pub async fn mark_xorb(&mut self, hash: &XetHash, chunks: &[XetHash], before: Timestamp) -> Result<bool> {
        let sql = "UPDATE xorb SET deleting = 1 WHERE hash = $1 AND (seen_at < $2 OR deleting = 1)";
        if self.execute(sql, bind![hash, before]).await? == 0 {
            return Ok(false);
        }
        for part in chunks.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM xet_chunk WHERE xorb = ");
            sql.bind(hash).push(" AND chunk IN ").list(part);
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(true)
    }

    /// Forgets a marked xorb, now that its bytes are gone.
    pub async fn delete_marked_xorb(&mut self, hash: &XetHash) -> Result<()> {
        self.execute("DELETE FROM xorb WHERE hash = $1 AND deleting = 1", bind![hash]).await?;
        Ok(())
    }

    /// Forgets a xorb that was recorded although its bytes are not there.
    pub async fn delete_missing_xorb(&mut self, hash: &XetHash, seen_at: Timestamp) -> Result<()> {
        self.execute("DELETE FROM xorb WHERE hash = $1 AND seen_at = $2", bind![hash, seen_at]).await?;
        Ok(())
    }

    /// Returns those of `keys` that are the bytes of no segment.
    pub async fn unused_segment_keys(&mut self, keys: &[String]) -> Result<Vec<String>> {
        let mut unused = keys.to_vec();
        for part in keys.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT blob_key FROM git_segment WHERE blob_key IN ");
            sql.list(part);
            let (sql, arguments) = sql.finish();
            let used: Vec<String> = self.all(sql, arguments).await?;
            unused.retain(|key| !used.contains(key));
        }
        Ok(unused)
    }
}

/// Whether a repo or bucket names a file.
const NAMED: &str = "EXISTS (SELECT 1 FROM repo_file f WHERE f.xet_hash = xet_file.hash) \
                     OR EXISTS (SELECT 1 FROM repo_xet_file l WHERE l.xet_hash = xet_file.hash) \
                     OR EXISTS (SELECT 1 FROM bucket_file b WHERE b.xet_hash = xet_file.hash)";
