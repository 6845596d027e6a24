//! Objects under a key instead of a hash: git segments, parts of uploads, attachments.

use crate::read::{Object, check_range};
use crate::upload::{Upload, WRITE_BLOCK_BYTES, next_block, put};
use crate::{BlobKey, ByteStream, Error, ErrorKind, Result, Store};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use lyceum_core::{ByteRange, Timestamp};
use object_store::ObjectStoreExt as _;
use std::error::Error as StdError;
use std::path::{Path, PathBuf};

/// Most bytes of a blob that are read into memory at once; more must be streamed.
pub(crate) const MAX_BLOB_READ_BYTES: u64 = 256 * 1024 * 1024;

/// A blob as it is listed.
#[derive(Debug, Clone)]
pub struct ListedBlob {
    /// Its name.
    pub key: BlobKey,
    /// Its length.
    pub bytes: u64,
    /// When it was stored, by the clock of the store.
    pub modified: Timestamp,
}

impl Store {
    /// Stores a blob durably; one that exists under the key is kept, and `false` returned.
    pub async fn put_blob(&self, key: &BlobKey, bytes: Bytes) -> Result<bool> {
        put(self.objects(), key.path(), bytes.into()).await
    }

    /// Stores a file as a blob, like [`Self::put_blob`].
    ///
    /// A file in [`Self::spool_dir`] is not copied but linked: the caller may remove it, but not change it any more.
    pub async fn put_blob_file(&self, key: &BlobKey, file: &Path) -> Result<bool> {
        if let Some(created) = self.link_blob_file(key, file.to_owned()).await? {
            return Ok(created);
        }
        let source = Object::open_file(file.to_owned()).await?;
        let range = ByteRange::new(0, source.size());
        let (_, created) = self.copy_blob(key, &mut source.stream(range), u64::MAX).await?;
        Ok(created)
    }

    /// Stores a stream of at most `max` bytes as a blob, like [`Self::put_blob`], and returns its length.
    pub async fn put_blob_stream<S, E>(&self, key: &BlobKey, body: S, max: u64) -> Result<u64>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let _place = self.upload_place().await?;
        let mut body = body.map(|frame| frame.map_err(Error::body)).fuse();
        let (bytes, _) = self.copy_blob(key, &mut body, max).await?;
        Ok(bytes)
    }

    /// Returns the length of a blob; `None` if there is none.
    pub async fn blob_bytes(&self, key: &BlobKey) -> Result<Option<u64>> {
        match Object::open(self.objects(), key.path()).await {
            Ok(object) => Ok(Some(object.size())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a blob, or a range of it, into memory.
    pub async fn read_blob(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<Bytes> {
        let (object, range) = self.open_blob(key, range).await?;
        if range.len() > MAX_BLOB_READ_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("blob `{key}` is too large to be read at once"),
            ));
        }
        object.read(range.start..range.end).await
    }

    /// Streams a blob, or a range of it.
    pub async fn stream_blob(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<ByteStream> {
        let (object, range) = self.open_blob(key, range).await?;
        Ok(object.stream(range))
    }

    /// Deletes a blob; `false` if there was none.
    pub async fn delete_blob(&self, key: &BlobKey) -> Result<bool> {
        self.delete(key.path()).await
    }

    /// Lists every blob below a folder such as `uploads`.
    pub fn list_blobs(&self, folder: &str) -> impl Stream<Item = Result<ListedBlob>> + Send + use<> {
        let folder = object_store::path::Path::from(folder);
        let found = self.objects().list(Some(&folder)).map_err(|error| Error::storage("list blobs", error));
        found.try_filter_map(async |meta| {
            let modified = Timestamp(meta.last_modified.timestamp_millis());
            let blob = |key| ListedBlob { key, bytes: meta.size, modified };
            Ok(BlobKey::parse(meta.location.as_ref()).ok().map(blob))
        })
    }

    pub(crate) async fn delete(&self, key: &object_store::path::Path) -> Result<bool> {
        match self.objects().delete(key).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(Error::storage("delete an object", error)),
        }
    }

    /// Returns the length of the stream and whether the blob is new.
    async fn copy_blob(
        &self,
        key: &BlobKey,
        body: &mut (impl Stream<Item = Result<Bytes>> + Unpin),
        max: u64,
    ) -> Result<(u64, bool)> {
        let mut upload = Upload::start(self.objects(), key.path()).await?;
        match fill(&mut upload, body, max).await {
            Ok(bytes) => Ok((bytes, upload.finish().await?)),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Links a file into a local store; `None` if that is not possible and it must be copied.
    async fn link_blob_file(&self, key: &BlobKey, file: PathBuf) -> Result<Option<bool>> {
        let Some(folder) = self.folder().filter(|folder| file.starts_with(folder.temporary())).cloned()
        else {
            return Ok(None);
        };
        let key = key.path().clone();
        let linked =
            tokio::task::spawn_blocking(move || folder.adopt(&key, &file)).await.map_err(Error::task)?;
        match linked {
            Ok(()) => Ok(Some(true)),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Some(false)),
            Err(error) => Err(Error::storage("store a file", error)),
        }
    }

    async fn open_blob(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<(Object, ByteRange)> {
        let object = Object::open(self.objects(), key.path()).await?;
        let range = range.unwrap_or(ByteRange::new(0, object.size()));
        check_range(range, object.size())?;
        Ok((object, range))
    }
}

async fn fill(
    upload: &mut Upload,
    body: &mut (impl Stream<Item = Result<Bytes>> + Unpin),
    max: u64,
) -> Result<u64> {
    let mut received = 0;
    loop {
        let block = next_block(body, WRITE_BLOCK_BYTES).await?;
        if block.is_empty() {
            return Ok(received);
        }
        received += block.iter().map(|frame| frame.len() as u64).sum::<u64>();
        if received > max {
            return Err(Error::new(ErrorKind::TooLarge, format!("the body is larger than {max} bytes")));
        }
        upload.write(block).await?;
    }
}

#[cfg(test)]
mod tests;
