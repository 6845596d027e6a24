//! Git objects of one repo, read from its segments.

use std::sync::Arc;

use bytes::Bytes;
use lyceum_core::{ByteRange, Oid};
use lyceum_db::SegmentData;
use lyceum_git::{Object, Objects, SegmentEntry, read_entry};

use crate::hub::Inner;
use crate::{Error, Hub, Repo, Result};

/// Indexes fetched by one query.
const INDEX_PAGE: usize = 256;

/// The object source of one repo.
#[derive(Clone)]
pub(crate) struct RepoObjects {
    hub: Arc<Inner>,
    repo: i64,
}

impl Hub {
    /// Returns the objects of an opened repo.
    pub(crate) fn objects(&self, repo: &Repo) -> RepoObjects {
        self.objects_of(repo.record.id)
    }

    pub(crate) fn objects_of(&self, repo_id: i64) -> RepoObjects {
        RepoObjects { hub: self.inner.clone(), repo: repo_id }
    }
}

impl Objects for RepoObjects {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>, lyceum_git::Error> {
        if let Some(object) = self.hub.git.object(self.repo, oid) {
            return Ok(object);
        }
        let object =
            self.load(oid).await.map_err(|error| lyceum_git::Error::source_error(Box::new(error)))?;
        let object = Arc::new(object.ok_or_else(|| lyceum_git::Error::not_found(oid))?);
        self.hub.git.keep_object(self.repo, oid, &object);
        Ok(object)
    }
}

impl RepoObjects {
    /// Returns the uncompressed size of an object in bytes, without reading it.
    pub(crate) async fn size(&self, oid: Oid) -> Result<u64> {
        if let Some(object) = self.hub.git.object(self.repo, oid) {
            return Ok(object.data.len() as u64);
        }
        let found = self.find(oid).await?;
        let (_, entry) =
            found.ok_or_else(|| Error::internal(format!("object {oid} of repo {} is missing", self.repo)))?;
        Ok(entry.size)
    }

    /// Finds commits by the first digits of their id, at most two.
    pub(crate) async fn commits_by_prefix(&self, prefix: &str) -> Result<Vec<Oid>> {
        self.refresh().await?;
        let mut found = Vec::new();
        for (_, index) in self.hub.git.segments(self.repo).iter() {
            for entry in index.iter().filter(|entry| entry.kind == lyceum_git::ObjectKind::Commit) {
                if entry.oid.to_string().starts_with(prefix) && !found.contains(&entry.oid) {
                    found.push(entry.oid);
                }
                if found.len() == 2 {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    async fn load(&self, oid: Oid) -> Result<Option<Object>> {
        // A background merge may replace the segment between finding and reading it: then look once more.
        for attempt in 0..2 {
            let Some((segment, entry)) = self.find(oid).await? else {
                return Ok(None);
            };
            if let Some(stored) = self.stored(segment, &entry).await? {
                return read_entry(&stored, &entry).map(Some).map_err(Error::internal);
            }
            if attempt == 0 {
                self.hub.git.forget_segments(self.repo);
            }
        }
        Err(Error::internal(format!("segment of object {oid} in repo {} is missing", self.repo)))
    }

    /// Finds the segment that holds an object, asking the database only for segments that are new.
    async fn find(&self, oid: Oid) -> Result<Option<(i64, SegmentEntry)>> {
        let known = self.hub.git.segments(self.repo);
        let look = |segments: &[(i64, Arc<lyceum_git::SegmentIndex>)]| {
            segments.iter().find_map(|(segment, index)| index.find(&oid).map(|entry| (*segment, entry)))
        };
        if let Some(found) = look(&known) {
            return Ok(Some(found));
        }
        self.refresh().await?;
        Ok(look(&self.hub.git.segments(self.repo)))
    }

    /// Learns of the segments that were added since the last look.
    async fn refresh(&self) -> Result<()> {
        let mut db = self.hub.db.read().await?;
        loop {
            let known = self.hub.git.segments(self.repo);
            let newest = known.first().map_or(0, |(segment, _)| *segment);
            let rows = db.segment_indexes_after(self.repo, newest, INDEX_PAGE as u32).await?;
            let last_page = rows.len() < INDEX_PAGE;
            if !rows.is_empty() {
                let mut segments = Vec::with_capacity(known.len() + rows.len());
                for (segment, index) in rows {
                    let index = lyceum_git::SegmentIndex::decode(&index).map_err(Error::internal)?;
                    segments.push((segment, Arc::new(index)));
                }
                segments.sort_by_key(|(segment, _)| std::cmp::Reverse(*segment));
                segments.extend(known.iter().cloned());
                self.hub.git.keep_segments(self.repo, Arc::new(segments));
            }
            if last_page {
                return Ok(());
            }
        }
    }

    /// Reads the stored bytes of one entry; `None` if its segment is gone.
    async fn stored(&self, segment: i64, entry: &SegmentEntry) -> Result<Option<Bytes>> {
        let range = ByteRange::new(entry.offset, entry.offset + entry.stored_bytes);
        if let Some(data) = self.hub.git.data(self.repo, segment) {
            return slice(&data, range).map(Some);
        }
        let row = self.hub.db.read().await?.segment_data(self.repo, segment).await?;
        match row {
            None => Ok(None),
            Some(SegmentData::Inline(data)) => {
                let data = Bytes::from(data);
                self.hub.git.keep_data(self.repo, segment, &data);
                slice(&data, range).map(Some)
            }
            Some(SegmentData::Blob(key)) => {
                let key = lyceum_store::BlobKey::segment(&key)?;
                Ok(Some(self.hub.store.read_blob(&key, Some(range)).await?))
            }
        }
    }
}

fn slice(data: &Bytes, range: ByteRange) -> Result<Bytes> {
    if range.end > data.len() as u64 {
        return Err(Error::internal("segment is shorter than its index says"));
    }
    Ok(data.slice(range.start as usize..range.end as usize))
}
