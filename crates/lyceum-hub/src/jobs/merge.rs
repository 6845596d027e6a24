//! Segments of a repo become fewer and larger, so that what is read together lies together.

use lyceum_core::Timestamp;
use lyceum_core::limits::MAX_INLINE_SEGMENT_BYTES;
use lyceum_db::{NewSegment, SegmentData, SegmentRow};
use lyceum_git::{SegmentIndex, SegmentWriter};

use crate::{Error, Hub, Result};

pub(crate) const QUEUE: &str = "merge";
/// Segments of a repo are merged whenever it got so many new ones.
const EVERY: i64 = 64;
/// Segments of about the same size are merged once there are so many of them: each byte is moved once per size, however
/// many commits there are.
const MANY: usize = 16;
/// Most segments that are merged into one.
const MAX_PARTS: u32 = 256;
/// Bytes that are merged into one segment, beside the last part.
const MAX_BYTES: u64 = 64 * MIB;
/// Up to how many bytes segments are of the same size. Larger ones stay as they are: each part is held in memory.
const SIZES: [u64; 3] = [MAX_INLINE_SEGMENT_BYTES as u64, MIB, 16 * MIB];
const MIB: u64 = 1024 * 1024;

/// Asks for a repo's small segments to be merged, every so many segments.
pub(crate) async fn enqueue(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    last_segment: i64,
    now: Timestamp,
) -> Result<()> {
    if last_segment % EVERY == 0 {
        tx.enqueue(QUEUE, &format!("{QUEUE}:{repo_id}"), &repo_id.to_string(), now, now).await?;
    }
    Ok(())
}

impl Hub {
    /// Merges segments of a repo until there are few of each size.
    pub(crate) async fn merge_repo(&self, repo_id: i64) -> Result<()> {
        let mut above = 0;
        for up_to in SIZES {
            loop {
                let mut db = self.inner.db.read().await?;
                let rows = db.segments_of_size(repo_id, above, up_to, MAX_PARTS).await?;
                drop(db);
                if rows.len() < MANY || !self.merge_segments(repo_id, &rows).await? {
                    break;
                }
            }
            above = up_to;
        }
        Ok(())
    }

    /// Puts one segment in the place of several, from the first on; `false` if one of them is gone meanwhile: the next
    /// round tries anew.
    async fn merge_segments(&self, repo_id: i64, rows: &[SegmentRow]) -> Result<bool> {
        let mut writer = SegmentWriter::new(self.inner.store.spool_dir());
        let mut numbers = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let Some((index, pack)) = self.whole_segment(repo_id, row.seq).await? else {
                return Ok(false);
            };
            let add = move || writer.add_segment(&index, &pack).map(|()| writer);
            let added = tokio::task::spawn_blocking(add).await.map_err(Error::internal)?;
            writer = added.map_err(Error::internal)?;
            numbers.push(row.seq);
            bytes += row.bytes;
            if bytes > MAX_BYTES {
                break;
            }
        }
        let merged = tokio::task::spawn_blocking(move || writer.finish()).await.map_err(Error::internal)?;
        let segment = self.keep_finished_segment(repo_id, merged.map_err(Error::internal)?, QUEUE).await?;
        let merged = self
            .inner
            .db
            .write(move |tx| Box::pin(async move { replace(tx, repo_id, &numbers, &segment).await }))
            .await?;
        self.inner.git.forget_known(repo_id);
        Ok(merged)
    }

    /// Reads a segment; `None` if it is gone.
    async fn whole_segment(&self, repo_id: i64, seq: i64) -> Result<Option<(SegmentIndex, Vec<u8>)>> {
        let mut db = self.inner.db.read().await?;
        let data = db.segment_data(repo_id, seq).await?;
        let index = db.segment_indexes_after(repo_id, seq - 1, 1).await?.into_iter().next();
        drop(db);
        let (Some(data), Some((_, index))) = (data, index.filter(|(found, _)| *found == seq)) else {
            return Ok(None);
        };
        let index = SegmentIndex::decode(&index).map_err(Error::internal)?;
        let pack = match data {
            SegmentData::Inline(data) => data,
            SegmentData::Blob(key) => {
                let key = lyceum_store::BlobKey::segment(&key)?;
                self.inner.store.read_blob(&key, None).await?.into()
            }
        };
        Ok(Some((index, pack)))
    }
}

async fn replace(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    old: &[i64],
    merged: &NewSegment,
) -> Result<bool> {
    let Some(seq) = tx.take_segment_number(repo_id).await? else {
        return Ok(false);
    };
    let merged = NewSegment { repo_id, seq, ..merged.clone() };
    Ok(tx.replace_segments(repo_id, old, &merged).await?)
}
