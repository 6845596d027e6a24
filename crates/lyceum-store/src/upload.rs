//! Writing one object: collecting a body into blocks, and blocks into an object that appears only when complete.

use crate::{Error, Result};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, PutMode, PutOptions, PutPayload, UploadPart};

/// Bytes that are handed to a blocking thread at a time: large enough that the hand-over costs little, small enough
/// that two of them per upload do not matter.
pub(crate) const WRITE_BLOCK_BYTES: usize = 1024 * 1024;

/// Takes frames from a body until they make a block; empty at the end of the body.
pub(crate) async fn next_block(
    body: &mut (impl Stream<Item = Result<Bytes>> + Unpin),
    block_bytes: usize,
) -> Result<Vec<Bytes>> {
    let mut frames = Vec::new();
    let mut length = 0;
    while length < block_bytes {
        let Some(frame) = body.next().await else {
            break;
        };
        let frame = frame?;
        if !frame.is_empty() {
            length += frame.len();
            frames.push(frame);
        }
    }
    Ok(frames)
}

/// An object in the making; dropped before [`Self::finish`], it never exists.
pub(crate) struct Upload {
    parts: Box<dyn MultipartUpload>,
    /// The part that is being written while the next is prepared.
    writing: Option<UploadPart>,
}

impl Upload {
    pub(crate) async fn start(objects: &dyn ObjectStore, key: &Path) -> Result<Self> {
        let parts = objects.put_multipart_opts(key, Default::default()).await;
        let parts = parts.map_err(|error| Error::storage("start an upload", error))?;
        Ok(Self { parts, writing: None })
    }

    /// Appends a part, after the one before it has been written.
    pub(crate) async fn write(&mut self, part: impl IntoIterator<Item = Bytes>) -> Result<()> {
        let payload: PutPayload = part.into_iter().collect();
        if payload.content_length() == 0 {
            return Ok(());
        }
        self.flush().await?;
        self.writing = Some(self.parts.put_part(payload));
        Ok(())
    }

    /// Makes the object visible and durable; `false` if it exists already, which discards this one.
    pub(crate) async fn finish(mut self) -> Result<bool> {
        let completed = match self.flush().await {
            Ok(()) => created(self.parts.complete().await.map(drop)),
            Err(error) => Err(error),
        };
        if completed.is_err() {
            self.abort().await;
        }
        completed
    }

    /// Discards what was written. The caller has a better error to report than one of this.
    pub(crate) async fn abort(mut self) {
        self.writing = None;
        if let Err(error) = self.parts.abort().await {
            tracing::debug!(%error, "could not abort an upload; the storage removes it later");
        }
    }

    async fn flush(&mut self) -> Result<()> {
        match self.writing.take() {
            Some(part) => part.await.map_err(|error| Error::storage("write an object", error)),
            None => Ok(()),
        }
    }
}

/// Stores a small object in one step; `false` if it exists already.
pub(crate) async fn put(objects: &dyn ObjectStore, key: &Path, payload: PutPayload) -> Result<bool> {
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    created(objects.put_opts(key, payload, options).await.map(drop))
}

fn created(result: object_store::Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
        Err(error) => Err(Error::storage("write an object", error)),
    }
}
