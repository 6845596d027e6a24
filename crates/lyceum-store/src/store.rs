//! The store itself: its back end, its settings and what its parts share.

use crate::local::LocalFolder;
use crate::{Error, ErrorKind, Result};
use lyceum_core::XetHash;
use lyceum_xet::{ChunkEntry, XorbIndex};
use object_store::ObjectStore;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Immutable objects by hash or key; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// Settings of a [`Store`].
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Memory for the indexes of recently used xorbs; each chunk takes 40 bytes.
    pub index_cache_bytes: u64,
    /// Most xorbs received at the same time; each takes up to about 1 MiB of memory. A quarter as many files of
    /// other clients may be ingested at the same time, each with up to about 36 MiB.
    pub max_concurrent_uploads: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { index_cache_bytes: 128 * 1024 * 1024, max_concurrent_uploads: 32 }
    }
}

struct Inner {
    objects: Arc<dyn ObjectStore>,
    /// The same as `objects`, if they are in a folder.
    folder: Option<LocalFolder>,
    spool: PathBuf,
    indexes: Cache<XetHash, Arc<XorbIndex>, IndexWeight>,
    uploads: Semaphore,
    ingests: Semaphore,
}

/// How long an upload waits for others to finish before it is turned away; clients wait 60 s and more.
const MAX_UPLOAD_WAIT: Duration = Duration::from_secs(20);
/// An index of average size, for the first estimate of how many will be cached.
const TYPICAL_INDEX_BYTES: u64 = 16 * 1024;

impl Store {
    /// Opens the store in a local folder, which is made if it does not exist.
    ///
    /// What a crash left in `tmp/` is removed.
    pub async fn open_local(root: &Path, options: StoreOptions) -> Result<Self> {
        let root = root.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            LocalFolder::open(&root).map_err(|error| {
                let action = format!("open the store in `{}`", root.display());
                Error::io(&action, error)
            })
        });
        let folder = opened.await.map_err(Error::task)??;
        let spool = folder.temporary().to_owned();
        let objects = Arc::new(folder.clone());
        Ok(Self { inner: Arc::new(Inner::new(objects, Some(folder), spool, &options)) })
    }

    /// Opens a store over any back end, with an existing folder for temporary files.
    ///
    /// The back end must make completed writes visible at once and whole; it should refuse to replace an object.
    pub fn over(objects: Arc<dyn ObjectStore>, spool: &Path, options: &StoreOptions) -> Self {
        Self { inner: Arc::new(Inner::new(objects, None, spool.to_owned(), options)) }
    }

    /// Returns the folder for temporary files; on a local store it is emptied when the store is opened.
    pub fn spool_dir(&self) -> &Path {
        &self.inner.spool
    }

    /// Fails with [`ErrorKind::Full`] if there is no room for a file of `bytes`; a remote store is taken as endless.
    pub async fn check_room(&self, bytes: u64) -> Result<()> {
        let Some(folder) = self.folder().cloned() else {
            return Ok(());
        };
        let checked =
            tokio::task::spawn_blocking(move || folder.check_room(bytes)).await.map_err(Error::task)?;
        checked.map_err(|error| Error::io(&format!("find room for {bytes} bytes"), error))
    }

    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.inner.objects
    }

    pub(crate) fn folder(&self) -> Option<&LocalFolder> {
        self.inner.folder.as_ref()
    }

    pub(crate) fn indexes(&self) -> &Cache<XetHash, Arc<XorbIndex>, IndexWeight> {
        &self.inner.indexes
    }

    /// Waits for a place among the xorb uploads.
    pub(crate) async fn upload_place(&self) -> Result<SemaphorePermit<'_>> {
        place(&self.inner.uploads).await
    }

    /// Waits for a place among the ingests.
    pub(crate) async fn ingest_place(&self) -> Result<SemaphorePermit<'_>> {
        place(&self.inner.ingests).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.inner.objects)
    }
}

impl Inner {
    fn new(
        objects: Arc<dyn ObjectStore>,
        folder: Option<LocalFolder>,
        spool: PathBuf,
        options: &StoreOptions,
    ) -> Self {
        let estimate = usize::try_from(options.index_cache_bytes / TYPICAL_INDEX_BYTES).unwrap_or(usize::MAX);
        Self {
            objects,
            folder,
            spool,
            indexes: Cache::with_weighter(estimate.max(16), options.index_cache_bytes, IndexWeight),
            uploads: Semaphore::new(options.max_concurrent_uploads.max(1)),
            ingests: Semaphore::new((options.max_concurrent_uploads / 4).max(1)),
        }
    }
}

async fn place(semaphore: &Semaphore) -> Result<SemaphorePermit<'_>> {
    match tokio::time::timeout(MAX_UPLOAD_WAIT, semaphore.acquire()).await {
        Ok(permit) => Ok(permit.expect("the semaphores are never closed")),
        Err(_) => Err(Error::new(ErrorKind::Busy, "too many uploads are running; try again later")),
    }
}

/// Weighs an index by its memory.
#[derive(Debug, Clone)]
pub(crate) struct IndexWeight;

impl Weighter<XetHash, Arc<XorbIndex>> for IndexWeight {
    fn weight(&self, _: &XetHash, index: &Arc<XorbIndex>) -> u64 {
        /// The key, the allocations and the cache's own entry.
        const FIXED_BYTES: usize = 192;
        (index.chunks.len() * size_of::<ChunkEntry>() + FIXED_BYTES) as u64
    }
}
