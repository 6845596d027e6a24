//! Packing chunks into xorbs: known chunks become references, new ones are compressed and stored.

use super::Dedup;
use super::cut::Chunk;
use super::known::{Known, Place};
use crate::xorb::PutXorb;
use crate::{Error, Result, Store};
use bytes::Bytes;
use lyceum_core::XetHash;
use lyceum_xet::hash::{FileHasher, dedup_eligible};
use lyceum_xet::{Term, XorbBuilder, XorbIndex};
use std::ops::Range;
use std::sync::Arc;
use tokio::task::{JoinHandle, spawn_blocking};

/// Uncompressed bytes of a xorb. While one is stored the next is filled, so memory holds two; a larger one would
/// bring a reader little, since neighbouring chunks are in few xorbs all the same.
const XORB_BYTES: usize = if cfg!(test) { 1024 * 1024 } else { 16 * 1024 * 1024 };
/// From this many terms on a file is packed without references to known chunks, so that a file that alternates
/// between known and new chunks cannot make a list that is expensive to keep and to read.
const MAX_FRAGMENTED_TERMS: usize = 256 * 1024;

/// The result of packing a whole file.
pub(super) struct Packed {
    pub(super) hash: XetHash,
    pub(super) terms: Vec<Term>,
    pub(super) xorbs: Vec<Arc<XorbIndex>>,
}

/// Packs a file, batch by batch.
pub(super) struct Packer {
    store: Store,
    /// `None` only while a blocking thread has it, or if that failed.
    state: Option<State>,
    /// Whether the chunk before the next one was known; at the start, so that the first is asked for.
    after_known: bool,
    writing: Option<JoinHandle<Result<PutXorb>>>,
    xorbs: Vec<Arc<XorbIndex>>,
}

impl Packer {
    pub(super) fn new(store: Store) -> Self {
        Self { store, state: Some(State::default()), after_known: true, writing: None, xorbs: Vec::new() }
    }

    /// Packs the next chunks of the file.
    pub(super) async fn pack(&mut self, chunks: Vec<Chunk>, dedup: &impl Dedup) -> Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        let mut state = self.state.take().ok_or_else(broken)?;
        self.find(&mut state, &chunks, dedup).await;
        let packing = spawn_blocking(move || {
            let full = chunks.iter().filter_map(|chunk| state.push(chunk)).collect::<Vec<_>>();
            (state, full)
        });
        let (state, full) = packing.await.map_err(Error::task)?;
        self.state = Some(state);
        for (index, data) in full {
            self.write(index, data).await?;
        }
        Ok(())
    }

    /// Stores the last xorb and waits until everything is durable.
    pub(super) async fn finish(mut self) -> Result<Packed> {
        let mut state = self.state.take().ok_or_else(broken)?;
        if let Some((index, data)) = state.finish_xorb() {
            self.write(index, data).await?;
        }
        self.written().await?;
        let terms = state.terms();
        Ok(Packed { hash: state.file.finish(), terms, xorbs: self.xorbs })
    }

    /// Asks for chunks that others may have stored, and learns all chunks of the xorbs in the answers.
    async fn find(&mut self, state: &mut State, chunks: &[Chunk], dedup: &impl Dedup) {
        if state.fragmented() {
            return;
        }
        for Chunk { hash, .. } in chunks {
            let mut known = state.known.get(hash).is_some();
            let asked = !known && (self.after_known || dedup_eligible(hash));
            if asked && let Some(index) = self.look_up(*hash, dedup).await {
                state.learn(&index);
                known = state.known.get(hash).is_some();
            }
            self.after_known = known;
        }
    }

    async fn look_up(&self, chunk: XetHash, dedup: &impl Dedup) -> Option<Arc<XorbIndex>> {
        let xorb = dedup.lookup(chunk).await?;
        self.store.xorb_index(xorb).await.unwrap_or_else(|error| {
            tracing::warn!(%xorb, %error, "a xorb with a known chunk cannot be read, so the chunk is stored again");
            None
        })
    }

    /// Starts to store a xorb, once the one before is stored.
    async fn write(&mut self, index: XorbIndex, data: Bytes) -> Result<()> {
        self.written().await?;
        let store = self.store.clone();
        self.writing = Some(tokio::spawn(async move { store.put_built_xorb(index, data).await }));
        Ok(())
    }

    async fn written(&mut self) -> Result<()> {
        if let Some(writing) = self.writing.take() {
            self.xorbs.push(writing.await.map_err(Error::task)??.index);
        }
        Ok(())
    }
}

/// What the blocking threads work on.
struct State {
    known: Known,
    builder: XorbBuilder,
    file: FileHasher,
    /// The xorbs that the runs refer to; without a hash the one that is being filled.
    sources: Vec<Option<XetHash>>,
    /// The position of that one.
    filling: u32,
    runs: Vec<Run>,
}

/// A term whose xorb may not be finished.
struct Run {
    xorb: u32,
    chunks: Range<u32>,
    raw_bytes: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            known: Known::default(),
            builder: XorbBuilder::new(XORB_BYTES),
            file: FileHasher::new(),
            sources: vec![None],
            filling: 0,
            runs: Vec::new(),
        }
    }
}

impl State {
    /// Takes the next chunk of the file; returns a xorb if that is full now.
    fn push(&mut self, chunk: &Chunk) -> Option<(XorbIndex, Bytes)> {
        let raw_bytes = chunk.data.len() as u64;
        self.file.push(chunk.hash, raw_bytes);
        if let Some(place) = self.known.get(&chunk.hash).filter(|_| !self.fragmented()) {
            self.refer(place, raw_bytes);
            return None;
        }
        let position = self.builder.push(&chunk.data, chunk.hash);
        let place = Place { xorb: self.filling, chunk: position };
        self.known.insert(chunk.hash, place);
        self.refer(place, raw_bytes);
        if self.builder.full() { self.finish_xorb() } else { None }
    }

    /// Ends the xorb that is being filled, if it has chunks.
    fn finish_xorb(&mut self) -> Option<(XorbIndex, Bytes)> {
        if self.builder.is_empty() {
            return None;
        }
        let (index, data) = self.builder.finish();
        self.sources[self.filling as usize] = Some(index.hash);
        self.filling = self.add_source(None);
        Some((index, data))
    }

    /// Makes the chunks of a stored xorb known.
    fn learn(&mut self, index: &XorbIndex) {
        let xorb = self.add_source(Some(index.hash));
        for (chunk, entry) in (0..).zip(&index.chunks) {
            self.known.insert(entry.hash, Place { xorb, chunk });
        }
    }

    fn fragmented(&self) -> bool {
        self.runs.len() >= MAX_FRAGMENTED_TERMS
    }

    fn refer(&mut self, place: Place, raw_bytes: u64) {
        match self.runs.last_mut().filter(|run| run.xorb == place.xorb && run.chunks.end == place.chunk) {
            Some(run) => {
                run.chunks.end += 1;
                run.raw_bytes += raw_bytes;
            }
            None => {
                let chunks = place.chunk..place.chunk + 1;
                self.runs.push(Run { xorb: place.xorb, chunks, raw_bytes });
            }
        }
    }

    fn add_source(&mut self, hash: Option<XetHash>) -> u32 {
        self.sources.push(hash);
        u32::try_from(self.sources.len() - 1).expect("a file has far fewer than 2^32 chunks")
    }

    fn terms(&self) -> Vec<Term> {
        let term = |run: &Run| Term {
            xorb: self.sources[run.xorb as usize].expect("the last xorb has been finished"),
            chunks: run.chunks.clone(),
            raw_bytes: run.raw_bytes,
        };
        self.runs.iter().map(term).collect()
    }
}

fn broken() -> Error {
    Error::new(crate::ErrorKind::Unavailable, "packing the file failed before")
}
