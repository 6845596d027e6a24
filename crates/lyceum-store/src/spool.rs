//! Files in the making that are read while they are written.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use lyceum_core::ByteRange;
use tokio::task::spawn_blocking;

use crate::{Error, Result, Store};

/// A file without a name, which is gone with the last of its handles. One writer appends, any number of readers read
/// what was appended before.
#[derive(Debug, Clone)]
pub struct Spool {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    written: AtomicU64,
}

/// Numbers the files of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Store {
    /// Makes an empty spool in the folder for temporary files.
    pub async fn spool(&self) -> Result<Spool> {
        let folder = self.spool_dir().to_owned();
        let made = spawn_blocking(move || create(&folder)).await.map_err(Error::task)?;
        let file = made.map_err(|error| Error::io("make a temporary file", error))?;
        Ok(Spool { inner: Arc::new(Inner { file, written: AtomicU64::new(0) }) })
    }
}

impl Spool {
    /// Returns how many bytes were appended.
    pub fn len(&self) -> u64 {
        self.inner.written.load(Ordering::Acquire)
    }

    /// Reports whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends bytes. Only one writer may do so at a time.
    pub async fn append(&self, data: Vec<Bytes>) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        let wrote = spawn_blocking(move || {
            let mut end = inner.written.load(Ordering::Acquire);
            for piece in data {
                inner.file.write_all_at(&piece, end)?;
                end += piece.len() as u64;
            }
            inner.written.store(end, Ordering::Release);
            Ok(())
        });
        let wrote: io::Result<()> = wrote.await.map_err(Error::task)?;
        wrote.map_err(|error| Error::io("write a temporary file", error))
    }

    /// Reads a range, as far as it was appended, into memory.
    pub async fn read(&self, range: ByteRange) -> Result<Bytes> {
        let range = ByteRange::new(range.start.min(self.len()), range.end.min(self.len()));
        let inner = Arc::clone(&self.inner);
        let read = spawn_blocking(move || {
            let mut data = vec![0; usize::try_from(range.len()).map_err(io::Error::other)?];
            inner.file.read_exact_at(&mut data, range.start)?;
            Ok(Bytes::from(data))
        });
        let read: io::Result<Bytes> = read.await.map_err(Error::task)?;
        read.map_err(|error| Error::io("read a temporary file", error))
    }
}

fn create(folder: &Path) -> io::Result<File> {
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("spool-{}-{number}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreOptions;

    #[tokio::test]
    async fn what_was_appended_is_read_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_local(folder.path(), StoreOptions::default()).await.unwrap();
        let spool = store.spool().await.unwrap();
        assert!(spool.is_empty());
        spool.append(vec![Bytes::from("hello, "), Bytes::from("world")]).await.unwrap();
        spool.append(vec![Bytes::from("!")]).await.unwrap();
        let read = async |start, end| spool.read(ByteRange::new(start, end)).await.unwrap();
        assert_eq!(spool.len(), 13);
        assert_eq!(read(7, 12).await, "world");
        assert_eq!(read(12, 99).await, "!");
        assert_eq!(read(20, 30).await, "");
        assert_eq!(std::fs::read_dir(store.spool_dir()).unwrap().count(), 0);
    }
}
