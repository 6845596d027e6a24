//! Reading stored objects: whole small ones, and streams of large blocks with one block read ahead.

use crate::{Error, Result};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use lyceum_core::ByteRange;
use object_store::path::Path;
use object_store::{GetOptions, GetResultPayload, ObjectStore};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use buffers::Buffers;

mod buffers;

/// Bytes of a file, in order; after an error it ends.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// Bytes read at a time. A stream holds at most three blocks: one at its consumer, one ready, one being read.
///
/// Small enough that a block is still in the processor's cache when it goes to the socket.
pub(crate) const READ_BLOCK_BYTES: u64 = 256 * 1024;
/// Blocks that are read before the consumer asks for them.
pub(crate) const READ_AHEAD_BLOCKS: usize = 2;

/// An open object.
#[derive(Clone)]
pub(crate) struct Object {
    size: u64,
    source: Source,
    buffers: Arc<Buffers>,
}

#[derive(Clone)]
enum Source {
    /// Read directly: the object store's own stream would read in small pieces.
    File(Arc<File>),
    Remote(Arc<dyn ObjectStore>, Path),
}

impl Object {
    pub(crate) async fn open(objects: &Arc<dyn ObjectStore>, key: &Path) -> Result<Self> {
        // `head` spares a remote store the transfer; a folder answers with the open file all the same.
        let options = GetOptions { head: true, ..GetOptions::default() };
        let found = objects.get_opts(key, options).await;
        let found = found.map_err(|error| Error::storage("open an object", error))?;
        let size = found.meta.size;
        let source = match found.payload {
            GetResultPayload::File(file, _) => Source::File(Arc::new(file)),
            GetResultPayload::Stream(_) => Source::Remote(Arc::clone(objects), key.clone()),
        };
        Ok(Self { size, source, buffers: Arc::default() })
    }

    /// Opens a file that is not an object.
    pub(crate) async fn open_file(path: PathBuf) -> Result<Self> {
        let opened = tokio::task::spawn_blocking(move || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            Ok(Self { size, source: Source::File(Arc::new(file)), buffers: Arc::default() })
        });
        opened.await.map_err(Error::task)?.map_err(|error| Error::io("open a file", error))
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Reads some ranges and passes them to `work` on a blocking thread.
    pub(crate) async fn read_with<T: Send + 'static>(
        self,
        ranges: Vec<Range<u64>>,
        work: impl FnOnce(Vec<Bytes>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let task = match self.source {
            Source::File(file) => tokio::task::spawn_blocking(move || {
                let read = |range| self.buffers.read_at(&file, range);
                let blocks = ranges.into_iter().map(read).collect::<io::Result<_>>();
                work(blocks.map_err(|error| Error::io("read an object", error))?)
            }),
            Source::Remote(objects, key) => {
                let blocks = objects.get_ranges(&key, &ranges).await;
                let blocks = blocks.map_err(|error| Error::storage("read an object", error))?;
                tokio::task::spawn_blocking(move || work(blocks))
            }
        };
        task.await.map_err(Error::task)?
    }

    pub(crate) async fn read(self, range: Range<u64>) -> Result<Bytes> {
        if let Source::File(file) = &self.source
            && let Some(block) = self.buffers.read_cached(file, range.clone())
        {
            return Ok(block);
        }
        let length = range.end - range.start;
        self.read_with(vec![range], move |blocks| {
            let block = blocks.into_iter().next().unwrap_or_default();
            if block.len() as u64 != length {
                return Err(Error::corrupt("an object is shorter than expected"));
            }
            Ok(block)
        })
        .await
    }

    /// Streams a range, which must lie inside the object.
    pub(crate) fn stream(self, range: ByteRange) -> ByteStream {
        let starts = (range.start..range.end).step_by(READ_BLOCK_BYTES as usize);
        let blocks = starts.map(move |start| start..range.end.min(start + READ_BLOCK_BYTES));
        stream::iter(blocks)
            .map(move |block| self.clone().read(block))
            .buffered(READ_AHEAD_BLOCKS)
            .scan(false, end_at_error)
            .boxed()
    }
}

/// Checks that a range lies inside `size` bytes.
pub(crate) fn check_range(range: ByteRange, size: u64) -> Result<()> {
    if range.end > size {
        let ByteRange { start, end } = range;
        return Err(Error::invalid(format!(
            "the range {start}..{end} reaches beyond the {size} bytes of the object"
        )));
    }
    Ok(())
}

/// Passes items on up to the first error.
pub(crate) fn end_at_error<T>(failed: &mut bool, item: Result<T>) -> std::future::Ready<Option<Result<T>>> {
    let ended = std::mem::replace(failed, item.is_err() || *failed);
    std::future::ready((!ended).then_some(item))
}
