//! Git references and object segments.

use lyceum_core::{Oid, Timestamp};

use crate::error::{Error, Result};
use crate::queries::{MAX_LIST, Queries, Sql};
use crate::value::{Columns, Record, bind};

/// A segment's row is numbered by its repo and its place there: 2^24 changes in a repo's life, 2^39 repos.
const SEQ_BITS: u32 = 24;

/// A reference of a repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// The full name, such as `refs/heads/main`.
    pub name: String,
    /// What it points to; for an annotated tag, the tag object.
    pub target: Oid,
    /// The commit that it leads to.
    pub peeled: Oid,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// Where the bytes of a segment are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SegmentData {
    /// In the row.
    Inline(Vec<u8>),
    /// In the store, under this key.
    Blob(String),
}

/// A segment to be added.
#[derive(Debug, Clone)]
pub struct NewSegment {
    /// Whose objects.
    pub repo_id: i64,
    /// Its number, from [`Queries::take_segment_number`].
    pub seq: i64,
    /// Number of objects.
    pub objects: u64,
    /// Number of bytes of the pack.
    pub bytes: u64,
    /// The encoded index.
    pub idx: Vec<u8>,
    /// The pack.
    pub data: SegmentData,
    /// What made it: `commit`, `push`, `compact` and so on.
    pub source: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is known of a segment, without its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// Its number.
    pub seq: i64,
    /// Number of objects.
    pub objects: u64,
    /// Number of bytes of the pack.
    pub bytes: u64,
    /// Where the bytes are, if not in the row.
    pub blob_key: Option<String>,
    /// What made it.
    pub source: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Record for Ref {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            name: columns.get()?,
            target: columns.get()?,
            peeled: columns.get()?,
            updated_at: columns.get()?,
        })
    }
}

impl Record for SegmentData {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        match (columns.get()?, columns.get()?) {
            (_, Some(data)) => Ok(Self::Inline(data)),
            (Some(key), None) => Ok(Self::Blob(key)),
            (None, None) => Err(Error::damaged("git_segment.data")),
        }
    }
}

impl Record for SegmentRow {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            seq: seq(columns.get()?),
            objects: columns.get()?,
            bytes: columns.get()?,
            blob_key: columns.get()?,
            source: columns.get()?,
            created_at: columns.get()?,
        })
    }
}

/// The row of a segment. Numbers outside the range name rows that cannot exist.
fn row(repo_id: i64, seq: i64) -> i64 {
    (repo_id << SEQ_BITS).saturating_add(seq.clamp(0, (1 << SEQ_BITS) - 1))
}

fn seq(row: i64) -> i64 {
    row & ((1 << SEQ_BITS) - 1)
}

impl Queries {
    /// Adds a segment; false if its number is used or beyond the last.
    pub async fn insert_segment(&mut self, new: &NewSegment) -> Result<bool> {
        if !(1..1 << SEQ_BITS).contains(&new.seq) {
            return Ok(false);
        }
        let (data, blob_key) = match &new.data {
            SegmentData::Inline(data) => (Some(data.as_slice()), None),
            SegmentData::Blob(key) => (None, Some(key.as_str())),
        };
        let inserted = self
            .execute(
                "INSERT INTO git_segment (id, objects, bytes, blob_key, source, created_at, idx, data) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
                bind![
                    row(new.repo_id, new.seq),
                    new.objects,
                    new.bytes,
                    blob_key,
                    new.source,
                    new.created_at,
                    new.idx,
                    data,
                ],
            )
            .await?;
        Ok(inserted == 1)
    }

    /// Returns a page of a repo's segment numbers and indexes, newest first, before the number `before`.
    pub async fn segment_indexes(
        &mut self,
        repo_id: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<(i64, Vec<u8>)>> {
        let end = before.map_or(row(repo_id + 1, 0), |before| row(repo_id, before));
        let found: Vec<(i64, Vec<u8>)> = self
            .all(
                "SELECT id, idx FROM git_segment WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                bind![row(repo_id, 0), end, limit],
            )
            .await?;
        Ok(found.into_iter().map(|(id, idx)| (seq(id), idx)).collect())
    }

    /// Returns the segments of a repo that came after the number `after`, oldest first, as numbers and indexes.
    ///
    /// A reader that keeps indexes asks this for what is new.
    pub async fn segment_indexes_after(
        &mut self,
        repo_id: i64,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Vec<u8>)>> {
        let found: Vec<(i64, Vec<u8>)> = self
            .all(
                "SELECT id, idx FROM git_segment WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3",
                bind![row(repo_id, after), row(repo_id + 1, 0), limit],
            )
            .await?;
        Ok(found.into_iter().map(|(id, idx)| (seq(id), idx)).collect())
    }

    /// Returns the numbers of all segments of a repo, oldest first; reads no contents.
    pub async fn segment_numbers(&mut self, repo_id: i64) -> Result<Vec<i64>> {
        let rows: Vec<i64> = self
            .all(
                "SELECT id FROM git_segment WHERE id >= $1 AND id < $2 ORDER BY id",
                bind![row(repo_id, 0), row(repo_id + 1, 0)],
            )
            .await?;
        Ok(rows.into_iter().map(seq).collect())
    }

    /// Returns a page of a repo's segments, oldest first, after the number `after`.
    pub async fn segments(&mut self, repo_id: i64, after: i64, limit: u32) -> Result<Vec<SegmentRow>> {
        self.all(
            "SELECT id, objects, bytes, blob_key, source, created_at FROM git_segment \
             WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3",
            bind![row(repo_id, after), row(repo_id + 1, 0), limit],
        )
        .await
    }

    /// Returns the oldest segments of a repo that have more than `above` bytes and at most `up_to`.
    pub async fn segments_of_size(
        &mut self,
        repo_id: i64,
        above: u64,
        up_to: u64,
        limit: u32,
    ) -> Result<Vec<SegmentRow>> {
        self.all(
            "SELECT id, objects, bytes, blob_key, source, created_at FROM git_segment \
             WHERE id >= $1 AND id < $2 AND bytes > $3 AND bytes <= $4 ORDER BY id LIMIT $5",
            bind![row(repo_id, 0), row(repo_id + 1, 0), above, up_to, limit],
        )
        .await
    }

    /// Returns where the bytes of a segment are.
    pub async fn segment_data(&mut self, repo_id: i64, seq: i64) -> Result<Option<SegmentData>> {
        let sql = "SELECT blob_key, data FROM git_segment WHERE id = $1";
        self.optional(sql, bind![row(repo_id, seq)]).await
    }

    /// Returns the number of a repo's segments and the bytes in them.
    pub async fn segment_count(&mut self, repo_id: i64) -> Result<(u64, u64)> {
        self.one(
            "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM git_segment WHERE id >= $1 AND id < $2",
            bind![row(repo_id, 0), row(repo_id + 1, 0)],
        )
        .await
    }

    /// Puts one segment in the place of several; false, and nothing changed, unless all of `old` are there.
    pub async fn replace_segments(&mut self, repo_id: i64, old: &[i64], new: &NewSegment) -> Result<bool> {
        let mut rows: Vec<i64> = old.iter().map(|seq| row(repo_id, *seq)).collect();
        rows.sort_unstable();
        rows.dedup();
        let mut found = 0;
        for part in rows.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT id FROM git_segment WHERE id IN ");
            sql.list(part).push(" ORDER BY id").push(self.dialect().for_update());
            let (sql, arguments) = sql.finish();
            found += self.all::<i64>(sql, arguments).await?.len();
        }
        if found != rows.len() {
            return Ok(false);
        }
        for part in rows.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM git_segment WHERE id IN ");
            sql.list(part);
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        self.insert_segment(new).await
    }

    /// Returns the keys of a repo's segments that are in the store.
    pub async fn segment_blob_keys(&mut self, repo_id: i64) -> Result<Vec<String>> {
        self.all(
            "SELECT blob_key FROM git_segment WHERE id >= $1 AND id < $2 AND blob_key IS NOT NULL ORDER BY id",
            bind![row(repo_id, 0), row(repo_id + 1, 0)],
        )
        .await
    }

    pub(crate) async fn delete_segments(&mut self, repo_id: i64) -> Result<()> {
        let sql = "DELETE FROM git_segment WHERE id >= $1 AND id < $2";
        self.execute(sql, bind![row(repo_id, 0), row(repo_id + 1, 0)]).await?;
        Ok(())
    }

    /// Returns a reference.
    pub async fn ref_get(&mut self, repo_id: i64, name: &str) -> Result<Option<Ref>> {
        let sql = "SELECT name, target, peeled, updated_at FROM git_ref WHERE repo_id = $1 AND name = $2";
        self.optional(sql, bind![repo_id, name]).await
    }

    /// Returns all references of a repo in order of name.
    pub async fn refs(&mut self, repo_id: i64) -> Result<Vec<Ref>> {
        let sql = "SELECT name, target, peeled, updated_at FROM git_ref WHERE repo_id = $1 ORDER BY name";
        self.all(sql, bind![repo_id]).await
    }

    /// Returns all references of a repo but those of pull requests, in order of name.
    pub async fn refs_without_pulls(&mut self, repo_id: i64) -> Result<Vec<Ref>> {
        // `0` is the character after `/`. Two ranges of the key, so that what lies between is not read.
        let sql = "SELECT name, target, peeled, updated_at FROM git_ref WHERE repo_id = $1 AND name < 'refs/pr/' \
                   UNION ALL SELECT name, target, peeled, updated_at FROM git_ref WHERE repo_id = $1 \
                   AND name >= 'refs/pr0' ORDER BY name";
        self.all(sql, bind![repo_id]).await
    }

    /// Returns the references of a repo whose names are not before `from` and before `to`, in order of name.
    pub async fn refs_between(&mut self, repo_id: i64, from: &str, to: &str) -> Result<Vec<Ref>> {
        let sql = "SELECT name, target, peeled, updated_at FROM git_ref \
                   WHERE repo_id = $1 AND name >= $2 AND name < $3 ORDER BY name";
        self.all(sql, bind![repo_id, from, to]).await
    }

    /// Returns a reference that cannot exist beside `name`, because one is a folder of the other.
    pub async fn ref_conflict(&mut self, repo_id: i64, name: &str) -> Result<Option<String>> {
        let mut sql = Sql::new("SELECT name FROM git_ref WHERE repo_id = ");
        // `0` is the character after `/`.
        sql.bind(repo_id).push(" AND (name >= ").bind(format!("{name}/").as_str());
        sql.push(" AND name < ").bind(format!("{name}0").as_str());
        let folders: Vec<&str> = name.match_indices('/').map(|(end, _)| &name[..end]).collect();
        if !folders.is_empty() {
            sql.push(" OR name IN ").list(&folders);
        }
        sql.push(") ORDER BY name LIMIT 1");
        let (sql, arguments) = sql.finish();
        self.optional(sql, arguments).await
    }

    /// Moves a reference if it still points to `old`; true if it did.
    ///
    /// `old` `None`: it must not exist. `new` is the target and the commit it leads to; `None` deletes it.
    pub async fn cas_ref(
        &mut self,
        repo_id: i64,
        name: &str,
        old: Option<Oid>,
        new: Option<(Oid, Oid)>,
        at: Timestamp,
    ) -> Result<bool> {
        let changed = match (old, new) {
            (Some(old), Some((target, peeled))) => {
                let sql = "UPDATE git_ref SET target = $4, peeled = $5, updated_at = $6 \
                           WHERE repo_id = $1 AND name = $2 AND target = $3";
                self.execute(sql, bind![repo_id, name, old, target, peeled, at]).await?
            }
            (Some(old), None) => {
                let sql = "DELETE FROM git_ref WHERE repo_id = $1 AND name = $2 AND target = $3";
                self.execute(sql, bind![repo_id, name, old]).await?
            }
            (None, Some((target, peeled))) => {
                let sql = "INSERT INTO git_ref (repo_id, name, target, peeled, updated_at) \
                           VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repo_id, name) DO NOTHING";
                self.execute(sql, bind![repo_id, name, target, peeled, at]).await?
            }
            (None, None) => return Ok(self.ref_get(repo_id, name).await?.is_none()),
        };
        Ok(changed == 1)
    }
}
