//! Logical reads: any range of a file, decoded chunk by chunk from the xorbs that hold it.

use crate::read::{Object, READ_AHEAD_BLOCKS, READ_BLOCK_BYTES, check_range, end_at_error};
use crate::{ByteStream, Error, ErrorKind, Result, Store};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_core::{ByteRange, XetHash};
use lyceum_xet::{CHUNK_HEADER_BYTES, Scheme, Term, XorbIndex, decode_chunk};
use std::ops::Range;
use std::sync::Arc;

impl Store {
    /// Streams a range of the file that consists of `terms`.
    ///
    /// Only the chunks that overlap the range are read. The first xorb is opened before this returns, so that a
    /// missing one is an error here and not in the middle of the stream.
    pub async fn read_file(&self, terms: Arc<[Term]>, range: ByteRange) -> Result<ByteStream> {
        check_range(range, terms.iter().map(|term| term.raw_bytes).sum())?;
        let mut reader = FileReader::new(self.clone(), terms, range);
        let first = reader.next_block().await?;
        let rest = stream::try_unfold(reader, |mut reader| async {
            Ok(reader.next_block().await?.map(|block| (block, reader)))
        });
        let blocks = stream::iter(first.map(Ok)).chain(rest);
        Ok(blocks
            .map_ok(Block::decode)
            .try_buffered(READ_AHEAD_BLOCKS)
            .map_ok(|pieces| stream::iter(pieces.into_iter().map(Ok)))
            .try_flatten()
            .scan(false, end_at_error)
            .boxed())
    }
}

/// Walks the terms of a file and collects chunks into blocks.
struct FileReader {
    store: Store,
    terms: Arc<[Term]>,
    term: usize,
    /// The next chunk of the term, counted in its xorb; `None` before the term is entered.
    chunk: Option<u32>,
    /// Where the term starts in the file.
    term_start: u64,
    range: ByteRange,
    xorb: Option<(Arc<XorbIndex>, Object)>,
}

/// Chunks of one xorb that are read and decoded in one go.
struct Block {
    xorb: XetHash,
    object: Object,
    runs: Vec<Run>,
}

/// Neighbouring chunks.
struct Run {
    stored: Range<u64>,
    chunks: Vec<Wanted>,
}

/// One chunk and the part of it that is wanted.
struct Wanted {
    stored_bytes: usize,
    raw_bytes: usize,
    part: Range<usize>,
}

impl FileReader {
    fn new(store: Store, terms: Arc<[Term]>, range: ByteRange) -> Self {
        Self { store, terms, term: 0, chunk: None, term_start: 0, range, xorb: None }
    }

    /// Returns the next block; `None` at the end of the range.
    async fn next_block(&mut self) -> Result<Option<Block>> {
        let mut block: Option<Block> = None;
        let mut budget = Budget { stored_bytes: READ_BLOCK_BYTES, raw_bytes: READ_BLOCK_BYTES };
        while !self.range.is_empty() && self.term_start < self.range.end && !budget.spent() {
            let Some(term) = self.terms.get(self.term).cloned() else {
                break;
            };
            if self.term_start + term.raw_bytes <= self.range.start {
                self.leave(&term);
                continue;
            }
            if block.as_ref().is_some_and(|block| block.xorb != term.xorb) {
                break;
            }
            let (index, object) = self.enter(&term).await?;
            let runs =
                &mut block.get_or_insert_with(|| Block { xorb: term.xorb, object, runs: Vec::new() }).runs;
            let next = collect(&index, &term, self.term_start, self.range, self.chunk, &mut budget, runs);
            self.chunk = Some(next);
            if next == term.chunks.end {
                self.leave(&term);
            }
        }
        Ok(block)
    }

    /// Opens the xorb of a term, unless it is open, and checks the term against it.
    async fn enter(&mut self, term: &Term) -> Result<(Arc<XorbIndex>, Object)> {
        if let Some((index, object)) = self.xorb.as_ref().filter(|(index, _)| index.hash == term.xorb) {
            check_term(index, term)?;
            return Ok((Arc::clone(index), object.clone()));
        }
        let index = self.store.xorb_index(term.xorb).await?;
        let index = index.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("xorb `{}`, a part of the file, is missing", term.xorb))
        })?;
        check_term(&index, term)?;
        let object = self.store.open_xorb(&index).await?;
        self.xorb = Some((Arc::clone(&index), object.clone()));
        Ok((index, object))
    }

    fn leave(&mut self, term: &Term) {
        self.term_start += term.raw_bytes;
        self.term += 1;
        self.chunk = None;
    }
}

/// What a block may still take; its last chunk may exceed it.
struct Budget {
    stored_bytes: u64,
    raw_bytes: u64,
}

impl Budget {
    fn spent(&self) -> bool {
        self.stored_bytes == 0 || self.raw_bytes == 0
    }
}

/// Adds the wanted chunks of a term from `next` on to `runs`, and returns the first one that was not added.
fn collect(
    index: &XorbIndex,
    term: &Term,
    term_start: u64,
    range: ByteRange,
    next: Option<u32>,
    budget: &mut Budget,
    runs: &mut Vec<Run>,
) -> u32 {
    let term_raw_start = index.raw_start(term.chunks.start);
    // The range, in offsets of the xorb's uncompressed content.
    let wanted_start = range.start.saturating_sub(term_start) + term_raw_start;
    let wanted_end = range.end - term_start + term_raw_start;
    let mut chunk = next.unwrap_or_else(|| {
        let before = index.chunks.partition_point(|chunk| u64::from(chunk.raw_end) <= wanted_start);
        term.chunks.start.max(before as u32)
    });
    while chunk < term.chunks.end && !budget.spent() {
        let raw = index.raw_start(chunk)..index.raw_start(chunk + 1);
        if raw.start >= wanted_end {
            return term.chunks.end;
        }
        let stored = index.stored_range(chunk..chunk + 1);
        // All of these are at most the size of a chunk.
        let part =
            wanted_start.saturating_sub(raw.start) as usize..(raw.end.min(wanted_end) - raw.start) as usize;
        let wanted = Wanted {
            stored_bytes: (stored.end - stored.start) as usize,
            raw_bytes: (raw.end - raw.start) as usize,
            part,
        };
        budget.stored_bytes = budget.stored_bytes.saturating_sub(stored.end - stored.start);
        budget.raw_bytes = budget.raw_bytes.saturating_sub(raw.end - raw.start);
        match runs.last_mut().filter(|run| run.stored.end == stored.start) {
            Some(run) => {
                run.stored.end = stored.end;
                run.chunks.push(wanted);
            }
            None => runs.push(Run { stored, chunks: vec![wanted] }),
        }
        chunk += 1;
    }
    chunk
}

impl Block {
    /// Reads and decodes; uncompressed chunks are slices of what was read.
    async fn decode(self) -> Result<Vec<Bytes>> {
        let Self { xorb, object, runs } = self;
        let ranges = runs.iter().map(|run| run.stored.clone()).collect();
        object.read_with(ranges, move |stored| decode(xorb, &runs, &stored)).await
    }
}

fn decode(xorb: XetHash, runs: &[Run], stored: &[Bytes]) -> Result<Vec<Bytes>> {
    let damaged = || Error::corrupt(format!("a chunk of xorb `{xorb}` is damaged"));
    let chunks = runs.iter().flat_map(|run| &run.chunks);
    let mut decoded = Decoded { room: chunks.map(|chunk| chunk.part.len()).sum(), ..Decoded::default() };
    let mut scratch = Vec::new();
    for (run, stored) in runs.iter().zip(stored) {
        let mut stored = stored.clone();
        for wanted in &run.chunks {
            if stored.len() < wanted.stored_bytes {
                return Err(damaged());
            }
            let chunk = stored.split_to(wanted.stored_bytes);
            let raw = decode_chunk(&chunk, &mut scratch).map_err(|error| damaged().caused_by(error))?;
            if raw.len() != wanted.raw_bytes {
                return Err(damaged());
            }
            if chunk[SCHEME_OFFSET] == Scheme::None as u8 {
                decoded.pass(chunk.slice(CHUNK_HEADER_BYTES..).slice(wanted.part.clone()));
            } else {
                decoded.copy(&raw[wanted.part.clone()]);
            }
        }
    }
    Ok(decoded.finish())
}

/// Where the header of a chunk has its scheme.
const SCHEME_OFFSET: usize = 4;

/// Decoded bytes in order, some of them slices of what was read.
#[derive(Default)]
struct Decoded {
    pieces: Vec<Bytes>,
    copied: BytesMut,
    /// Upper bound of what is still to come.
    room: usize,
}

impl Decoded {
    fn pass(&mut self, slice: Bytes) {
        self.end_copy();
        self.room -= slice.len();
        self.pieces.push(slice);
    }

    fn copy(&mut self, raw: &[u8]) {
        if self.copied.capacity() == 0 {
            self.copied.reserve(self.room);
        }
        self.room -= raw.len();
        self.copied.extend_from_slice(raw);
    }

    fn end_copy(&mut self) {
        if !self.copied.is_empty() {
            self.pieces.push(self.copied.split().freeze());
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.end_copy();
        self.pieces
    }
}

fn check_term(index: &XorbIndex, term: &Term) -> Result<()> {
    if index.contains(&term.chunks) && index.raw_len(term.chunks.clone()) == term.raw_bytes {
        return Ok(());
    }
    Err(Error::corrupt(format!("the file's terms do not fit xorb `{}`", term.xorb)))
}

#[cfg(test)]
mod tests;
