//! Git objects of one repo, read from its segments.

pub(crate) mod known;
mod session;

use std::sync::Arc;

use bytes::Bytes;
use lyceum_core::{ByteRange, Oid};
use lyceum_db::SegmentData;
use lyceum_git::limits::MAX_READ_CHAIN;
use lyceum_git::wire::client::Keeper;
use lyceum_git::{Object, ObjectHeader, Objects, PackSource, Packed, SegmentEntry};

use crate::hub::Inner;
use crate::{Error, Hub, Repo, Result};
use known::{Known, Place};
use session::Session;

/// Indexes fetched by one query.
const INDEX_PAGE: u32 = 256;
/// Bytes of small objects that one run returns.
const MAX_RUN_BYTES: usize = 1024 * 1024;
/// How often a read may meet a merge that takes away its segment.
const MAX_MERGES_MET: usize = 8;

/// The object source of one repo.
#[derive(Clone)]
pub(crate) struct RepoObjects {
    hub: Arc<Inner>,
    repo: i64,
    session: Option<Arc<Session>>,
}

impl Hub {
    /// Returns the objects of an opened repo.
    pub(crate) fn objects(&self, repo: &Repo) -> RepoObjects {
        self.objects_of(repo.record.id)
    }

    pub(crate) fn objects_of(&self, repo_id: i64) -> RepoObjects {
        RepoObjects { hub: self.inner.clone(), repo: repo_id, session: None }
    }
}

impl Objects for RepoObjects {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>, lyceum_git::Error> {
        if let Some(object) = self.hub.git.object(self.repo, oid) {
            return Ok(object);
        }
        let object = self.load(oid).await.map_err(source_error)?;
        let object = Arc::new(object.ok_or_else(|| lyceum_git::Error::not_found(oid))?);
        self.hub.git.keep_object(self.repo, oid, &object);
        Ok(object)
    }
}

impl PackSource for RepoObjects {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader, lyceum_git::Error> {
        let found = self.find(oid).await.map_err(source_error)?;
        let entry = found.ok_or_else(|| lyceum_git::Error::not_found(oid))?.entry;
        Ok(ObjectHeader { kind: entry.kind, size: entry.size })
    }

    async fn packed(&self, oid: Oid) -> Result<Packed, lyceum_git::Error> {
        let packed = self.load_packed(oid).await.map_err(source_error)?;
        packed.ok_or_else(|| lyceum_git::Error::not_found(oid))
    }

    async fn arrange(&self, oids: &mut [Oid]) -> Result<(), lyceum_git::Error> {
        if self.session.is_some() {
            let known = self.known().await.map_err(source_error)?;
            oids.sort_by_cached_key(|oid| {
                known.locate(*oid).map(|place| (place.segment, place.entry.offset))
            });
        }
        Ok(())
    }

    async fn packed_run(&self, oids: &[Oid]) -> Result<Vec<Packed>, lyceum_git::Error> {
        let mut run = vec![self.packed(oids[0]).await?];
        let mut bytes = 0;
        if let Some(session) = &self.session {
            let known = self.known().await.map_err(source_error)?;
            for oid in &oids[1..] {
                let Some(packed) = self.at_hand(session, &known, *oid).map_err(source_error)? else {
                    break;
                };
                bytes += packed.deflated.len();
                run.push(packed);
                if bytes > MAX_RUN_BYTES {
                    break;
                }
            }
        }
        Ok(run)
    }
}

impl Keeper for RepoObjects {
    fn spool_dir(&self) -> &std::path::Path {
        self.hub.store.spool_dir()
    }

    async fn present(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>, lyceum_git::Error> {
        Self::present(self, oids).await.map_err(source_error)
    }
}

impl RepoObjects {
    /// Returns the same for a reader of many objects: what was read last is remembered.
    pub(crate) fn session(mut self) -> Self {
        self.session = Some(Arc::default());
        self
    }

    /// Returns an object as it is stored, if that needs no reading.
    fn at_hand(&self, session: &Session, known: &Known, oid: Oid) -> Result<Option<Packed>> {
        let Some(Place { segment, entry }) = known.locate(oid) else {
            return Ok(None);
        };
        let range = entry_range(&entry);
        let stored = match self.hub.git.data(self.repo, segment) {
            Some(data) => Some(slice(&data, range)?),
            None => session.bytes(segment, range),
        };
        stored.map(|stored| Packed::parse(stored, &entry).map_err(Error::internal)).transpose()
    }

    /// Returns the uncompressed size of an object in bytes, without reading it.
    pub(crate) async fn size(&self, oid: Oid) -> Result<u64> {
        if let Some(object) = self.hub.git.object(self.repo, oid) {
            return Ok(object.data.len() as u64);
        }
        let found = self.find(oid).await?;
        let missing = || Error::internal(format!("object {oid} of repo {} is missing", self.repo));
        Ok(found.ok_or_else(missing)?.entry.size)
    }

    /// Looks up which of some objects are there, with at most one look at the database.
    pub(crate) async fn present(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>> {
        let mut known = self.known().await?;
        if oids.iter().any(|oid| known.locate(*oid).is_none()) {
            known = self.newer(&known).await?;
        }
        let header = |place: Place| ObjectHeader { kind: place.entry.kind, size: place.entry.size };
        Ok(oids.iter().map(|oid| known.locate(*oid).map(header)).collect())
    }

    /// Finds commits by the first digits of their id, at most two.
    pub(crate) async fn commits_by_prefix(&self, prefix: &str) -> Result<Vec<Oid>> {
        let known = self.newer(&*self.known().await?).await?;
        let mut found = Vec::new();
        let commits = known.with_prefix(prefix).map(|place| place.entry);
        for entry in commits.filter(|entry| entry.kind == lyceum_git::ObjectKind::Commit) {
            if !found.contains(&entry.oid) {
                found.push(entry.oid);
            }
            if found.len() == 2 {
                break;
            }
        }
        Ok(found)
    }

    /// Reads an object and, of the deltas that make it, those whose base is not in memory.
    async fn load(&self, oid: Oid) -> Result<Option<Object>> {
        let mut chain: Vec<(Oid, Packed)> = Vec::new();
        let mut known: Option<Arc<Object>> = None;
        let mut next = Some(oid);
        while let Some(oid) = next {
            if chain.len() > MAX_READ_CHAIN {
                return Err(Error::internal(format!("too many deltas make an object of repo {}", self.repo)));
            }
            let Some(packed) = self.load_packed(oid).await? else {
                return match chain.first() {
                    None => Ok(None),
                    Some((whole, _)) => {
                        Err(Error::internal(format!("object {oid}, on which {whole} is based, is missing")))
                    }
                };
            };
            next = packed.base;
            chain.push((oid, packed));
            known = next.and_then(|base| self.hub.git.object(self.repo, base));
            if known.is_some() {
                break;
            }
        }
        let mut object = None;
        let mut base = known.map(|known| known.data.clone());
        for (oid, packed) in chain.into_iter().rev() {
            let resolved = packed.resolve(oid, base.as_deref()).map_err(Error::internal)?;
            base = Some(resolved.data.clone());
            object = Some(resolved);
        }
        Ok(object)
    }

    /// Reads an object as it is stored.
    async fn load_packed(&self, oid: Oid) -> Result<Option<Packed>> {
        let mut found = self.find(oid).await?;
        for _ in 0..MAX_MERGES_MET {
            let Some(Place { segment, entry }) = found else {
                return Ok(None);
            };
            if let Some(stored) = self.stored(segment, &entry).await? {
                return Packed::parse(stored, &entry).map(Some).map_err(Error::internal);
            }
            // The segment was merged into another since it was seen: what is known is put aside and read anew.
            found = self.newer(&Known::default()).await?.locate(oid);
        }
        Err(Error::internal(format!("segment of object {oid} in repo {} is missing", self.repo)))
    }

    /// Finds the segment that holds an object, asking the database only for segments that are new.
    async fn find(&self, oid: Oid) -> Result<Option<Place>> {
        let known = self.known().await?;
        if let Some(place) = known.locate(oid) {
            return Ok(Some(place));
        }
        if self.session.as_ref().is_some_and(|session| !session.may_look()) {
            return Ok(None);
        }
        Ok(self.newer(&known).await?.locate(oid))
    }

    /// Returns what is known of the segments, which may not be all that there are by now.
    async fn known(&self) -> Result<Arc<Known>> {
        let session = self.session.as_ref();
        if let Some(known) = session.and_then(|session| session.known()) {
            return Ok(known);
        }
        let all = async { Ok(Arc::new(self.read_newer(Known::default()).await?.0)) };
        let known = self.hub.git.known(self.repo, all).await?;
        if let Some(session) = session {
            session.learn(&known);
        }
        Ok(known)
    }

    /// Returns `known` with the segments that were added since, and remembers them.
    ///
    /// The caller must use what is returned: memory may hold what another reader knew a moment ago.
    async fn newer(&self, known: &Known) -> Result<Arc<Known>> {
        let (newer, added) = self.read_newer(known.clone()).await?;
        let newer = Arc::new(newer);
        if added {
            self.hub.git.keep_known(self.repo, &newer);
        }
        if let Some(session) = &self.session {
            session.learn(&newer);
        }
        Ok(newer)
    }

    /// Adds the segments that came since, and reports whether there are any.
    async fn read_newer(&self, mut known: Known) -> Result<(Known, bool)> {
        let before = known.newest();
        let mut db = self.hub.db.read().await?;
        loop {
            let rows = db.segment_indexes_after(self.repo, known.newest(), INDEX_PAGE).await?;
            let last_page = rows.len() < INDEX_PAGE as usize;
            for (segment, index) in rows {
                known.add(segment, &lyceum_git::SegmentIndex::decode(&index).map_err(Error::internal)?);
            }
            if last_page {
                let added = known.newest() != before;
                return Ok((known, added));
            }
        }
    }

    /// Reads the stored bytes of one entry; `None` if its segment is gone.
    async fn stored(&self, segment: i64, entry: &SegmentEntry) -> Result<Option<Bytes>> {
        let range = entry_range(entry);
        if let Some(data) = self.hub.git.data(self.repo, segment) {
            return slice(&data, range).map(Some);
        }
        if let Some(session) = &self.session {
            if let Some(stored) = session.bytes(segment, range) {
                return Ok(Some(stored));
            }
            if let Some(key) = session.key(segment) {
                return self.read_window(session, segment, &key, range).await;
            }
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
                let Some(session) = &self.session else {
                    return there(self.hub.store.read_blob(&key, Some(range)).await);
                };
                session.keep_key(segment, &key);
                self.read_window(session, segment, &key, range).await
            }
        }
    }

    /// Reads an entry of a large segment together with its neighbours; `None` if the segment is gone.
    async fn read_window(
        &self,
        session: &Session,
        segment: i64,
        key: &lyceum_store::BlobKey,
        range: ByteRange,
    ) -> Result<Option<Bytes>> {
        let end = self.known().await?.end_of(segment);
        let window = session::window(range, end);
        let Some(data) = there(self.hub.store.read_blob(key, Some(window)).await)? else {
            return Ok(None);
        };
        let from = range.start - window.start;
        let stored = slice(&data, ByteRange::new(from, from + range.len()))?;
        if window != range {
            session.keep(segment, window, data);
        }
        Ok(Some(stored))
    }
}

/// What was merged into another segment may be deleted at any time.
fn there(read: Result<Bytes, lyceum_store::Error>) -> Result<Option<Bytes>> {
    match read {
        Ok(data) => Ok(Some(data)),
        Err(error) if error.kind() == lyceum_store::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn entry_range(entry: &SegmentEntry) -> ByteRange {
    ByteRange::new(entry.offset, entry.offset + entry.stored_bytes)
}

fn source_error(error: Error) -> lyceum_git::Error {
    lyceum_git::Error::source_error(Box::new(error))
}

fn slice(data: &Bytes, range: ByteRange) -> Result<Bytes> {
    if range.end > data.len() as u64 {
        return Err(Error::internal("segment is shorter than its index says"));
    }
    Ok(data.slice(range.start as usize..range.end as usize))
}
