//! Xorbs: received and validated as one stream, indexed by their footer, read by byte range.

use crate::read::{Object, check_range};
use crate::upload::{Upload, WRITE_BLOCK_BYTES};
use crate::{ByteStream, Error, ErrorKind, Result, Store, key};
use bytes::{Buf as _, Bytes};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use lyceum_core::{ByteRange, XetHash};
use lyceum_xet::{MAX_INDEX_BYTES, XorbError, XorbIndex, XorbValidator};
use std::collections::VecDeque;
use std::error::Error as StdError;
use std::sync::Arc;

/// The outcome of [`Store::put_xorb`].
#[derive(Debug, Clone)]
pub struct PutXorb {
    /// The stored xorb, whose compression may differ from the one that was sent if it existed before.
    pub index: Arc<XorbIndex>,
    /// Whether this upload stored it.
    pub inserted: bool,
}

/// Read at the end of a xorb: enough for the index of one of typical chunks, mostly in a single read.
const INDEX_GUESS_BYTES: u64 = 64 * 1024;

/// Validated without a look at how much that was: compressed to the utmost, it is a few milliseconds of work.
const VALIDATE_BYTES: usize = 64 * 1024;

/// Decompressed bytes after which other tasks get their turn.
const YIELD_BYTES: u64 = 1024 * 1024;

impl Store {
    /// Receives a xorb, checks it while it arrives, and stores it with its index; durable on return.
    ///
    /// A footer that the client sent is dropped. A xorb that exists is never replaced, since readers may hold
    /// offsets into it, unless what is stored is damaged; the body is checked all the same.
    pub async fn put_xorb<S, E>(&self, expected: XetHash, body: S) -> Result<PutXorb>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let _place = self.upload_place().await?;
        let mut body = body.map(|frame| frame.map_err(Error::body)).fuse();
        let damaged = match self.load_index(expected).await {
            Ok(Some(index)) => {
                receive(expected, &mut body, None).await?;
                return Ok(PutXorb { index, inserted: false });
            }
            Ok(None) => false,
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                tracing::warn!(xorb = %expected, %error, "a damaged xorb is uploaded again");
                true
            }
            Err(error) => return Err(error),
        };
        let mut upload = Upload::start(self.objects(), &key::xorb(expected)).await?;
        let received = receive(expected, &mut body, Some(&mut upload)).await;
        let index = match received {
            Ok(index) => index,
            Err(error) => {
                upload.abort().await;
                return Err(error);
            }
        };
        if damaged {
            self.delete_xorb(expected).await?;
        }
        self.finish_xorb(upload, index).await
    }

    /// Stores a xorb made by the server.
    pub(crate) async fn put_built_xorb(&self, index: XorbIndex, data: Bytes) -> Result<PutXorb> {
        let mut upload = Upload::start(self.objects(), &key::xorb(index.hash)).await?;
        if let Err(error) = upload.write([data]).await {
            upload.abort().await;
            return Err(error);
        }
        self.finish_xorb(upload, index).await
    }

    /// Returns the number of bytes of a xorb's chunks; `None` if there is no such xorb.
    pub async fn has_xorb(&self, hash: XetHash) -> Result<Option<u64>> {
        Ok(self.xorb_index(hash).await?.map(|index| index.stored_bytes()))
    }

    /// Reports whether a xorb is in the store at this moment, whatever is remembered of it.
    pub async fn finds_xorb(&self, hash: XetHash) -> Result<bool> {
        match Object::open(self.objects(), &key::xorb(hash)).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.indexes().remove(&hash);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the index of a xorb, mostly from memory; `None` if there is no such xorb.
    pub async fn xorb_index(&self, hash: XetHash) -> Result<Option<Arc<XorbIndex>>> {
        let load = async { self.load_index(hash).await.map_err(Some)?.ok_or(None) };
        match self.indexes().get_or_insert_async(&hash, load).await {
            Ok(index) => Ok(Some(index)),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }

    /// Streams a range of the bytes of a xorb's chunks.
    pub async fn read_xorb(&self, hash: XetHash, range: ByteRange) -> Result<ByteStream> {
        let index = self.xorb_index(hash).await?.ok_or_else(|| not_found(hash))?;
        check_range(range, index.stored_bytes())?;
        Ok(self.open_xorb(&index).await?.stream(range))
    }

    /// Reads a whole xorb and checks everything about it.
    pub async fn verify_xorb(&self, hash: XetHash) -> Result<()> {
        let index = self.load_index(hash).await?.ok_or_else(|| not_found(hash))?;
        let mut data = self.open_xorb(&index).await?.stream(ByteRange::new(0, index.stored_bytes()));
        match receive(hash, &mut data, None).await {
            Ok(found) if found == *index => Ok(()),
            Ok(_) => Err(Error::corrupt(format!("the index of xorb `{hash}` does not fit its chunks"))),
            Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::TooLarge) => {
                Err(Error::corrupt(format!("the chunks of xorb `{hash}` are damaged")).caused_by(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Lists every xorb with its size, which includes the index behind its chunks.
    pub fn list_xorbs(&self) -> impl Stream<Item = Result<(XetHash, u64)>> + Send + use<> {
        let folder = object_store::path::Path::from(key::XORBS);
        let found = self.objects().list(Some(&folder)).map_err(|error| Error::storage("list xorbs", error));
        found.try_filter_map(async |meta| Ok(key::hash_of(&meta.location).map(|hash| (hash, meta.size))))
    }

    /// Deletes a xorb; `false` if there was none. The caller has made sure that no file needs it.
    pub async fn delete_xorb(&self, hash: XetHash) -> Result<bool> {
        let deleted = self.delete(&key::xorb(hash)).await;
        self.indexes().remove(&hash);
        deleted
    }

    /// Opens a xorb whose index is known.
    pub(crate) async fn open_xorb(&self, index: &XorbIndex) -> Result<Object> {
        match Object::open(self.objects(), &key::xorb(index.hash)).await {
            Ok(object) if object.size() > index.stored_bytes() => Ok(object),
            Ok(_) => Err(Error::corrupt(format!("xorb `{}` is truncated", index.hash))),
            Err(error) => {
                if error.kind() == ErrorKind::NotFound {
                    self.indexes().remove(&index.hash);
                }
                Err(error)
            }
        }
    }

    /// Adds the index behind the chunks and publishes the xorb.
    async fn finish_xorb(&self, mut upload: Upload, index: XorbIndex) -> Result<PutXorb> {
        if let Err(error) = upload.write([index.encode().into()]).await {
            upload.abort().await;
            return Err(error);
        }
        if upload.finish().await? {
            let index = Arc::new(index);
            self.indexes().insert(index.hash, Arc::clone(&index));
            return Ok(PutXorb { index, inserted: true });
        }
        // Another upload was faster; its chunks are the same but may be compressed in another way.
        let index = self.load_index(index.hash).await?.ok_or_else(|| not_found(index.hash))?;
        Ok(PutXorb { index, inserted: false })
    }

    /// Reads the index of a xorb from storage; fails with `Corrupt` if it does not fit the object.
    async fn load_index(&self, hash: XetHash) -> Result<Option<Arc<XorbIndex>>> {
        let object = match Object::open(self.objects(), &key::xorb(hash)).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let size = object.size();
        let guess = size.saturating_sub(INDEX_GUESS_BYTES)..size;
        let tail = object.clone().read(guess).await?;
        let length = index_bytes(&tail).filter(|length| *length <= size);
        let length = length.ok_or_else(|| damaged(hash))?;
        let encoded = match tail.len().checked_sub(length as usize) {
            Some(start) => tail.slice(start..),
            None => object.read(size - length..size).await?,
        };
        // Decoding hashes the list of chunks: 0.1 ms for a thousand of them.
        let decoded = tokio::task::spawn_blocking(move || XorbIndex::decode(&encoded)).await;
        let index = decoded.map_err(Error::task)?.map_err(|error| damaged(hash).caused_by(error))?;
        if index.hash != hash || index.stored_bytes() + length != size {
            return Err(damaged(hash));
        }
        Ok(Some(Arc::new(index)))
    }
}

/// Validates a body and passes the bytes of its chunks on; what follows them is not passed on.
async fn receive(
    expected: XetHash,
    body: &mut (impl Stream<Item = Result<Bytes>> + Unpin),
    mut upload: Option<&mut Upload>,
) -> Result<XorbIndex> {
    let mut validator = XorbValidator::new();
    let (mut passed, mut hashed) = (0, 0);
    // Received but not passed on yet; at the end, a footer.
    let mut waiting = VecDeque::new();
    while let Some(frame) = body.next().await.transpose()? {
        // Here and not on another thread: while the processor still has the bytes at hand, hashing is cheap.
        for piece in frame.chunks(VALIDATE_BYTES) {
            validator.push(piece).map_err(refused)?;
            if validator.raw_bytes() - hashed >= YIELD_BYTES {
                hashed = validator.raw_bytes();
                tokio::task::yield_now().await;
            }
        }
        if let Some(upload) = &mut upload {
            waiting.push_back(frame);
            let ready = validator.data_bytes() - passed;
            if ready >= WRITE_BLOCK_BYTES as u64 {
                passed += ready;
                upload.write(take(&mut waiting, ready)).await?;
            }
        }
    }
    if let Some(upload) = upload {
        upload.write(take(&mut waiting, validator.data_bytes() - passed)).await?;
    }
    let finished = tokio::task::spawn_blocking(move || validator.finish(expected)).await;
    finished.map_err(Error::task)?.map_err(refused)
}

/// Takes the first `length` bytes of the frames.
fn take(frames: &mut VecDeque<Bytes>, mut length: u64) -> Vec<Bytes> {
    let mut taken = Vec::new();
    while length > 0 {
        let Some(frame) = frames.front_mut() else {
            break;
        };
        if frame.len() as u64 <= length {
            length -= frame.len() as u64;
            taken.extend(frames.pop_front());
        } else {
            // `length` is below the frame's length, which is a `usize`.
            taken.push(frame.split_to(length as usize));
            length = 0;
        }
    }
    taken
}

/// Returns the length of the index at the end of a xorb.
fn index_bytes(tail: &Bytes) -> Option<u64> {
    let mut last = tail.last_chunk::<4>()?.as_slice();
    let length = u64::from(last.get_u32_le()) + 4;
    (length <= MAX_INDEX_BYTES as u64).then_some(length)
}

fn refused(error: XorbError) -> Error {
    let kind = match error {
        XorbError::TooLarge | XorbError::TooManyChunks => ErrorKind::TooLarge,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, format!("the xorb is refused: {error}"))
}

fn not_found(hash: XetHash) -> Error {
    Error::new(ErrorKind::NotFound, format!("xorb `{hash}` not found"))
}

fn damaged(hash: XetHash) -> Error {
    Error::corrupt(format!("the index of xorb `{hash}` is damaged"))
}

#[cfg(test)]
mod tests;
