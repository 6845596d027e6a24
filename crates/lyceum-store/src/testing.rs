//! A back end that fails on demand, to show that no failure leaves anything half-stored.

use crate::local::LocalFolder;
use crate::{Error as StoreError, Store, StoreOptions};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Decides which operation fails, and counts them; shared with the store that it disturbs.
#[derive(Debug, Default)]
pub struct Faults {
    operations: AtomicU64,
    failing: AtomicU64,
    /// Whether the failing operation takes effect all the same, as when a reply is lost.
    effective: AtomicBool,
    full: AtomicBool,
}

impl Faults {
    /// Opens a store in a local folder that fails as told by the returned value; at first it does not.
    ///
    /// Its objects are read as from a remote store.
    pub async fn open(root: &Path, options: StoreOptions) -> Result<(Store, Arc<Self>), StoreError> {
        let folder = LocalFolder::open(root).map_err(|error| StoreError::io("open the store", error))?;
        let spool = folder.temporary().to_owned();
        let faults = Arc::new(Self::default());
        let objects = Faulty { folder, faults: Arc::clone(&faults) };
        Ok((Store::over(Arc::new(objects), &spool, &options), faults))
    }

    /// Lets the `n`th operation from now fail, counted from one; zero ends this.
    ///
    /// With `effective` it is carried out nevertheless.
    pub fn fail_at(&self, n: u64, effective: bool) {
        self.operations.store(0, Ordering::SeqCst);
        self.failing.store(n, Ordering::SeqCst);
        self.effective.store(effective, Ordering::SeqCst);
    }

    /// Lets every write fail as on a full disk, or ends this.
    pub fn fill_disk(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// Returns the number of operations since the last call of [`Self::fail_at`].
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::SeqCst)
    }

    fn next(&self, writing: bool) -> Fault {
        let number = self.operations.fetch_add(1, Ordering::SeqCst) + 1;
        let failing = number == self.failing.load(Ordering::SeqCst);
        if writing && self.full.load(Ordering::SeqCst) {
            Fault::Before(io::ErrorKind::StorageFull)
        } else if failing && self.effective.load(Ordering::SeqCst) {
            Fault::After
        } else if failing {
            Fault::Before(io::ErrorKind::Other)
        } else {
            Fault::None
        }
    }
}

enum Fault {
    None,
    Before(io::ErrorKind),
    After,
}

impl Fault {
    async fn around<T>(self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        match self {
            Self::None => operation.await,
            Self::Before(kind) => Err(failure(kind)),
            Self::After => operation.await.and_then(|_| Err(failure(io::ErrorKind::Other))),
        }
    }
}

fn failure(kind: io::ErrorKind) -> Error {
    Error::Generic { store: "faulty", source: Box::new(io::Error::new(kind, "injected failure")) }
}

#[derive(Debug)]
struct Faulty {
    folder: LocalFolder,
    faults: Arc<Faults>,
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, key: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.faults.next(true).around(self.folder.put_opts(key, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        key: &Key,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.faults.next(true).around(self.folder.put_multipart_opts(key, options)).await?;
        Ok(Box::new(FaultyUpload { upload, faults: Arc::clone(&self.faults) }))
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> Result<GetResult> {
        let mut found = self.faults.next(false).around(self.folder.get_opts(key, options)).await?;
        found.payload = GetResultPayload::Stream(stream::empty().boxed());
        Ok(found)
    }

    async fn get_ranges(&self, key: &Key, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.faults.next(false).around(self.folder.get_ranges(key, ranges)).await
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        match self.faults.next(false) {
            Fault::None => self.folder.delete_stream(keys),
            _ => stream::once(async { Err(failure(io::ErrorKind::Other)) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.folder.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Key>, offset: &Key) -> BoxStream<'static, Result<ObjectMeta>> {
        self.folder.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.folder.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        self.folder.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Key, to: &Key, options: RenameOptions) -> Result<()> {
        self.folder.rename_opts(from, to, options).await
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.folder)
    }
}

#[derive(Debug)]
struct FaultyUpload {
    upload: Box<dyn MultipartUpload>,
    faults: Arc<Faults>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let fault = self.faults.next(true);
        if let Fault::Before(kind) = fault {
            return async move { Err(failure(kind)) }.boxed();
        }
        let part = self.upload.put_part(data);
        async move { fault.around(part).await }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.faults.next(true).around(self.upload.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.faults.next(false).around(self.upload.abort()).await
    }
}
