//! A folder as an object store whose objects appear whole, once, and only when they would survive a power cut.
//!
//! Reading, listing and deleting are `object_store`'s own. Writing is not, for three reasons, found in its source:
//! a completed upload replaces what is there, although a reader may hold byte offsets into it; an upload whose
//! completion fails leaves its file behind, next to the object, where only a walk of the whole store would find it;
//! and a folder that another writer made a moment ago is taken as durable before it is.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Objects in a folder, with `tmp/` for files in the making.
#[derive(Debug, Clone)]
pub(crate) struct LocalFolder {
    files: LocalFileSystem,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Locked, shared, as long as it is open.
    _users: File,
    root: PathBuf,
    temporary: PathBuf,
    next_file: AtomicU64,
    /// Folders whose entries in their parents are known to be durable.
    durable_folders: Mutex<HashSet<PathBuf>>,
    /// Objects that are linked but whose folder is not synced yet.
    unsynced: Mutex<HashSet<PathBuf>>,
}

/// Forgetting a folder costs one more sync, so the set is simply emptied when it gets this long.
const MAX_DURABLE_FOLDERS: usize = 100_000;

/// Room that stays free, or a hundredth of the disk if that is less.
#[cfg(target_os = "linux")]
const MAX_RESERVE_BYTES: u64 = 1024 * 1024 * 1024;

impl LocalFolder {
    /// Opens or makes the folder, and removes what a crash left in `tmp/`.
    ///
    /// A command may open the folder of a running server; the first to come cleans up, alone.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join("tmp"))?;
        let root = fs::canonicalize(root)?;
        let temporary = root.join("tmp");
        let users = OpenOptions::new().create(true).truncate(false).write(true).open(root.join("lock"))?;
        if users.try_lock().is_ok() {
            remove_entries(&temporary)?;
            // A process may have been killed between linking an object and syncing its folder.
            sync_file_system(&root)?;
        }
        users.lock_shared()?;
        let files = LocalFileSystem::new_with_prefix(&root).map_err(io::Error::other)?;
        let inner = Inner {
            _users: users,
            root,
            temporary,
            next_file: AtomicU64::new(0),
            durable_folders: Mutex::default(),
            unsynced: Mutex::default(),
        };
        Ok(Self { files, inner: Arc::new(inner) })
    }

    /// Returns the folder for temporary files; it is on the same file system as the objects.
    pub(crate) fn temporary(&self) -> &Path {
        &self.inner.temporary
    }

    /// Fails, as a full disk does, if there is no room for `bytes` more and a reserve.
    ///
    /// Blocks. The reserve lets the database, which is often on the same disk, go on while uploads are refused.
    pub(crate) fn check_room(&self, bytes: u64) -> io::Result<()> {
        self.inner.check_room(bytes)
    }

    /// Makes an existing file in `tmp/` the object `key`, without copying it.
    ///
    /// Blocks. The caller must not write to the file any more, but may remove it.
    pub(crate) fn adopt(&self, key: &Key, file: &Path) -> Result<()> {
        let target = self.files.path_to_filesystem(key)?;
        let opened = File::open(file).map_err(|error| generic("open", file, error))?;
        self.inner.publish(&opened, file, &target)
    }
}

impl Inner {
    #[cfg(target_os = "linux")]
    fn check_room(&self, bytes: u64) -> io::Result<()> {
        let disk = rustix::fs::statvfs(&self.root)?;
        let reserve = MAX_RESERVE_BYTES.min(disk.f_blocks.saturating_mul(disk.f_frsize) / 100);
        if disk.f_bavail.saturating_mul(disk.f_frsize) < bytes.saturating_add(reserve) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Elsewhere a full disk is noticed when it is full.
    #[cfg(not(target_os = "linux"))]
    fn check_room(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    /// Makes an empty file in `tmp/`, for at least this many bytes.
    fn stage(self: &Arc<Self>, target: PathBuf, bytes: usize) -> Result<Staged> {
        self.check_room(bytes as u64).map_err(|error| generic("find room for", &target, error))?;
        loop {
            let number = self.next_file.fetch_add(1, Ordering::Relaxed);
            let path = self.temporary.join(format!("object-{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    return Ok(Staged { folder: Arc::clone(self), file, path: Removed(path), target });
                }
                // Another process has the folder open too.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(generic("create", &path, error)),
            }
        }
    }

    /// Gives a complete file its final name, durably, unless that name is taken.
    fn publish(&self, file: &File, path: &Path, target: &Path) -> Result<()> {
        file.sync_all().map_err(|error| generic("sync", path, error))?;
        let folder = target.parent().unwrap_or(&self.root);
        self.ensure_folder(folder).map_err(|error| generic("create the folder of", target, error))?;
        // Whoever sees the object from here on must be able to rely on it, so it syncs the folder itself.
        lock(&self.unsynced).insert(target.to_owned());
        let linked = fs::hard_link(path, target);
        if linked.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::AlreadyExists) {
            lock(&self.unsynced).remove(target);
            return linked.map_err(|error| generic("link", target, error));
        }
        if let Err(error) = sync_folder(folder) {
            // What cannot be made durable must not be seen; if even this fails, its readers try again to sync.
            if linked.is_ok() && fs::remove_file(target).is_ok() {
                lock(&self.unsynced).remove(target);
            }
            return Err(generic("sync the folder of", target, error));
        }
        lock(&self.unsynced).remove(target);
        linked.map_err(|error| Error::AlreadyExists {
            path: target.display().to_string(),
            source: error.into(),
        })
    }

    /// Syncs the folder of an object that may have been linked a moment ago.
    fn settle(&self, target: &Path) -> Result<()> {
        let folder = target.parent().unwrap_or(&self.root);
        sync_folder(folder).map_err(|error| generic("sync the folder of", target, error))
    }

    /// Makes a folder and its parents, durably.
    fn ensure_folder(&self, folder: &Path) -> io::Result<()> {
        if folder == self.root || lock(&self.durable_folders).contains(folder) {
            return Ok(());
        }
        let Some(parent) = folder.parent() else {
            return Ok(());
        };
        self.ensure_folder(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        sync_folder(parent)?;
        let mut durable = lock(&self.durable_folders);
        if durable.len() >= MAX_DURABLE_FOLDERS {
            durable.clear();
        }
        durable.insert(folder.to_owned());
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for LocalFolder {
    /// Writes an object in one step; the only mode is to create it.
    async fn put_opts(&self, key: &Key, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if options.mode != PutMode::Create {
            return Err(Error::NotSupported { source: "objects are immutable".into() });
        }
        let target = self.files.path_to_filesystem(key)?;
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let mut staged = inner.stage(target, payload.content_length())?;
            staged.write(&payload)?;
            staged.publish()
        })
        .await?;
        Ok(put_result())
    }

    /// Starts an upload; completing it fails with `AlreadyExists` if the object exists by then.
    async fn put_multipart_opts(
        &self,
        key: &Key,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let target = self.files.path_to_filesystem(key)?;
        let inner = Arc::clone(&self.inner);
        let staged = blocking(move || inner.stage(target, 0)).await?;
        Ok(Box::new(LocalUpload { staged: Arc::new(Mutex::new(Some(staged))) }))
    }

    async fn get_opts(&self, key: &Key, options: GetOptions) -> Result<GetResult> {
        let target = self.files.path_to_filesystem(key)?;
        if lock(&self.inner.unsynced).contains(&target) {
            let inner = Arc::clone(&self.inner);
            blocking(move || inner.settle(&target)).await?;
        }
        self.files.get_opts(key, options).await
    }

    async fn get_ranges(&self, key: &Key, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(key, ranges).await
    }

    fn delete_stream(&self, keys: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        self.files.delete_stream(keys)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Key>, offset: &Key) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Key, _: &Key, _: CopyOptions) -> Result<()> {
        Err(Error::NotSupported { source: "objects are named by their content".into() })
    }

    async fn rename_opts(&self, _: &Key, _: &Key, _: RenameOptions) -> Result<()> {
        Err(Error::NotSupported { source: "objects are named by their content".into() })
    }
}

impl fmt::Display for LocalFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "folder `{}`", self.inner.root.display())
    }
}

/// A file in `tmp/` on its way to becoming an object; dropped without `publish`, it is gone.
#[derive(Debug)]
struct Staged {
    folder: Arc<Inner>,
    file: File,
    path: Removed,
    target: PathBuf,
}

impl Staged {
    fn write(&mut self, payload: &PutPayload) -> Result<()> {
        let mut slices: Vec<IoSlice<'_>> = payload.iter().map(|bytes| IoSlice::new(bytes)).collect();
        write_all_vectored(&mut self.file, &mut slices).map_err(|error| generic("write", &self.path.0, error))
    }

    fn publish(self) -> Result<()> {
        self.folder.publish(&self.file, &self.path.0, &self.target)
    }
}

/// Writes many pieces with few calls.
fn write_all_vectored(file: &mut File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A file that is removed with this value.
#[derive(Debug)]
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "could not remove a temporary file");
        }
    }
}

#[derive(Debug)]
struct LocalUpload {
    /// `None` after a part failed, and after the end.
    staged: Arc<Mutex<Option<Staged>>>,
}

impl LocalUpload {
    fn take(&self) -> Option<Staged> {
        lock(&self.staged).take()
    }
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    /// Appends the part at once, not when the future is polled; the caller awaits each before the next.
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let staged = Arc::clone(&self.staged);
        let written = tokio::task::spawn_blocking(move || {
            let mut staged = lock(&staged);
            let result = staged.as_mut().ok_or_else(ended).and_then(|staged| staged.write(&data));
            // After a short write the next part would land in the wrong place.
            if result.is_err() {
                staged.take();
            }
            result
        });
        async move { written.await? }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self.take().ok_or_else(ended)?;
        blocking(move || staged.publish()).await?;
        Ok(put_result())
    }

    async fn abort(&mut self) -> Result<()> {
        let staged = self.take();
        blocking(move || {
            drop(staged);
            Ok(())
        })
        .await
    }
}

impl Drop for LocalUpload {
    fn drop(&mut self) {
        // Truncating a large file takes a while on some file systems.
        if let (Some(staged), Ok(runtime)) = (self.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(staged));
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// Nothing panics while holding one of these locks in a way that would leave its content wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn put_result() -> PutResult {
    PutResult { e_tag: None, version: None, extensions: Default::default() }
}

fn ended() -> Error {
    generic_source("the upload has ended".into())
}

fn generic(action: &str, path: &Path, error: io::Error) -> Error {
    let message = format!("could not {action} `{}`", path.display());
    generic_source(Box::new(FileError { message, source: error }))
}

fn generic_source(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Generic { store: "folder", source }
}

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct FileError {
    message: String,
    source: io::Error,
}

fn remove_entries(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be synced here; the file system's journal must do.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn sync_file_system(root: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(root)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
