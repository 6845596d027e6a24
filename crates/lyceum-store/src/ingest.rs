//! Any stream of bytes becomes a file of chunks: cut as clients cut, deduplicated, packed into xorbs and stored.

mod cut;
mod known;
mod pack;

use crate::upload::next_block;
use crate::{Error, ErrorKind, Result, Store};
use bytes::Bytes;
use cut::Cutter;
use futures_util::{Stream, StreamExt as _};
use lyceum_core::{Sha256, XetHash};
use lyceum_xet::{Term, XorbIndex};
use pack::Packer;
use sha2::Digest as _;
use std::error::Error as StdError;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Knows which xorb holds a chunk.
pub trait Dedup: Sync {
    /// Returns a xorb that contains the chunk, if one is known; it need not exist any more.
    ///
    /// It is asked for the first chunk of a file, for chunks that are eligible by their hash, and for the chunk
    /// after a run of known ones; so it sees about one chunk in a thousand of new content.
    fn lookup(&self, chunk: XetHash) -> impl Future<Output = Option<XetHash>> + Send;
}

/// Knows no chunk: content is deduplicated only within the file.
#[derive(Debug, Clone, Copy)]
pub struct NoDedup;

impl Dedup for NoDedup {
    async fn lookup(&self, _: XetHash) -> Option<XetHash> {
        None
    }
}

/// A file whose content is stored.
#[derive(Debug, Clone)]
pub struct Ingested {
    /// Its Xet hash, the same that a client computes.
    pub hash: XetHash,
    /// The digest of its content.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
    /// Where its content is.
    pub terms: Vec<Term>,
    /// The xorbs made of its new content, also if some of them existed already; to be recorded in any case.
    pub xorbs: Vec<Arc<XorbIndex>>,
}

/// Bytes that pass from stage to stage at a time.
const INGEST_BLOCK_BYTES: usize = 512 * 1024;

impl Store {
    /// Stores a file of at most `max` bytes, which must have `expected_size` if that is given; durable on return.
    ///
    /// If it fails, or if the future is dropped, complete xorbs may remain that no file refers to. They are left to
    /// garbage collection: by now another file may refer to them.
    pub async fn ingest<S, E, D>(
        &self,
        body: S,
        expected_size: Option<u64>,
        max: u64,
        dedup: &D,
    ) -> Result<Ingested>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Box<dyn StdError + Send + Sync>>,
        D: Dedup,
    {
        let mut body = Body {
            frames: body.map(|frame| frame.map_err(Error::body)).fuse(),
            received: 0,
            expected_size,
            max,
        };
        body.check_announced()?;
        self.check_room(expected_size.unwrap_or(0)).await?;
        let _place = self.ingest_place().await?;

        // Reading, cutting, digesting and packing run side by side, each on the output of the one before.
        let mut cutter = Cutter::default();
        let mut digest = sha2::Sha256::new();
        let mut packer = Packer::new(self.clone());
        let mut block = body.next_block().await?;
        let mut chunks = Vec::new();
        while !block.is_empty() {
            let frames = block.clone();
            let digesting = async {
                let digesting = spawn_blocking(move || {
                    frames.iter().for_each(|frame| digest.update(frame));
                    digest
                });
                digesting.await.map_err(Error::task)
            };
            let cutting = async {
                let cutting = spawn_blocking(move || {
                    let chunks = cutter.push(&block);
                    (cutter, chunks)
                });
                cutting.await.map_err(Error::task)
            };
            let packing = packer.pack(chunks, dedup);
            let ((), next);
            ((cutter, chunks), digest, (), next) =
                tokio::try_join!(cutting, digesting, packing, body.next_block())?;
            block = next;
        }
        body.check_complete()?;
        chunks.extend(spawn_blocking(move || cutter.finish()).await.map_err(Error::task)?);
        packer.pack(chunks, dedup).await?;
        let packed = packer.finish().await?;
        let sha256 = Sha256(digest.finalize().into());
        Ok(Ingested {
            hash: packed.hash,
            sha256,
            size: body.received,
            terms: packed.terms,
            xorbs: packed.xorbs,
        })
    }
}

/// The incoming bytes and how many there may be.
struct Body<S> {
    frames: S,
    received: u64,
    expected_size: Option<u64>,
    max: u64,
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Body<S> {
    async fn next_block(&mut self) -> Result<Vec<Bytes>> {
        let block = next_block(&mut self.frames, INGEST_BLOCK_BYTES).await?;
        self.received += block.iter().map(|frame| frame.len() as u64).sum::<u64>();
        if self.received > self.max {
            return Err(self.too_large());
        }
        match self.expected_size {
            Some(expected) if self.received > expected => {
                Err(Error::invalid(format!("the body is longer than the announced {expected} bytes")))
            }
            _ => Ok(block),
        }
    }

    fn check_announced(&self) -> Result<()> {
        match self.expected_size {
            Some(expected) if expected > self.max => Err(self.too_large()),
            _ => Ok(()),
        }
    }

    fn check_complete(&self) -> Result<()> {
        match self.expected_size {
            Some(expected) if self.received != expected => {
                let received = self.received;
                Err(Error::invalid(format!(
                    "the body ended after {received} of the announced {expected} bytes"
                )))
            }
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorKind::TooLarge, format!("the file is larger than {} bytes", self.max))
    }
}

#[cfg(test)]
mod tests;
