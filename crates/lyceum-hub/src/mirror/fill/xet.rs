//! Fetching a file by its chunks, so that only those travel that this hub did not get before.
//!
//! A range that is a whole xorb is stored as it is before the file goes on, so that the next version finds it. Others
//! are decoded into the spool only. Nothing that the upstream says is believed: what was decoded is the file only if its
//! digest says so in the end.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use lyceum_core::limits::{MAX_XORB_BYTES, MAX_XORB_CHUNKS};
use lyceum_core::{ByteRange, XetHash};
use lyceum_xet::{CHUNK_HEADER_BYTES, Term, XorbIndex, decode_chunk};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::hints::Hints;
use super::{Fill, Wanted};
use crate::mirror::trouble::{Answered, Trouble, TroubleKind};
use crate::mirror::upstream::{encode_path, range};
use crate::xet::findable_chunks;
use crate::{Error, Hub};

/// Below this size the questions cost more than the answer.
const MIN_BYTES: u64 = 1 << 20;
/// Bytes of the file that are planned at a time.
const SLICE_BYTES: u64 = 1 << 30;
/// Seconds before its end at which a token is not used any more.
const TOKEN_MARGIN_SECONDS: i64 = 60;
/// Bytes decoded at a time.
const DECODE_BYTES: usize = 1 << 20;
/// How many times its size a file may take over the network before it is fetched as a whole.
const MAX_RECEIVED_FACTOR: u64 = 2;

/// A token of the upstream's store.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    cas_url: String,
    access_token: String,
    exp: i64,
}

/// An answer about one path.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PathInfo {
    xet_hash: Option<String>,
}

/// How a range of a file is put together, in the form of either version.
#[derive(Deserialize)]
struct Plan {
    offset_into_first_range: u64,
    terms: Vec<PlanTerm>,
    #[serde(default)]
    xorbs: HashMap<String, Vec<FetchV2>>,
    #[serde(default)]
    fetch_info: HashMap<String, Vec<FetchV1>>,
}

#[derive(Deserialize)]
struct PlanTerm {
    hash: String,
    unpacked_length: u64,
    range: Span<u32>,
}

#[derive(Deserialize)]
struct FetchV2 {
    url: String,
    ranges: Vec<RangeV2>,
}

#[derive(Deserialize)]
struct RangeV2 {
    chunks: Span<u32>,
    bytes: Span<u64>,
}

#[derive(Deserialize)]
struct FetchV1 {
    range: Span<u32>,
    url: String,
    url_range: Span<u64>,
}

#[derive(Deserialize, Clone, Copy)]
struct Span<T> {
    start: T,
    end: T,
}

/// Chunks of a xorb that can be read at an address; the last byte is included.
struct Place {
    chunks: Range<u32>,
    bytes: Span<u64>,
    url: String,
}

/// Chunks of a xorb in memory, as they are stored.
struct Piece {
    xorb: XetHash,
    chunks: Range<u32>,
    data: Bytes,
    /// One of the few that there may be at a time.
    _turn: OwnedSemaphorePermit,
}

/// Where the chunks of a term are.
enum Source {
    Stored(Arc<XorbIndex>),
    Piece(Arc<Piece>),
}

/// One file being fetched.
struct Fetching<'a> {
    hub: &'a Hub,
    fill: &'a Fill,
    wanted: &'a Wanted,
    hints: &'a Hints,
    /// Xorbs that came over the network for this file.
    arrived: HashSet<XetHash>,
    /// The last part of a xorb that is not stored: the next term may need it too.
    piece: Option<Arc<Piece>>,
}

impl Hub {
    /// Fetches the rest of a file by its chunks; fails with something lasting where that cannot be done.
    pub(super) async fn fetch_by_xet(&self, fill: &Fill, wanted: &Wanted, hints: &Hints) -> Answered<()> {
        if wanted.size - fill.fetched() < MIN_BYTES {
            return Err(lasting("it is small"));
        }
        let mut fetching = Fetching { hub: self, fill, wanted, hints, arrived: HashSet::new(), piece: None };
        let file = fetching.file_hash().await?;
        let mut token = fetching.token().await?;
        while fill.fetched() < wanted.size {
            if token.exp - self.inner.clock.now().seconds() < TOKEN_MARGIN_SECONDS {
                token = fetching.token().await?;
            }
            let start = fill.fetched();
            let slice = ByteRange::new(start, wanted.size.min(start + SLICE_BYTES));
            let plan = fetching.plan(&token, file, slice).await?;
            fill.note_xet();
            fetching.follow(plan, slice).await?;
        }
        Ok(())
    }
}

impl Fetching<'_> {
    /// Asks for the Xet hash of the file.
    async fn file_hash(&self) -> Answered<XetHash> {
        let (remote, kind) = (&self.wanted.remote, self.wanted.repo.kind().plural());
        let path = format!("/api/{kind}/{}/paths-info/{}", self.wanted.remote_id, self.wanted.commit);
        let what = format!("file `{}`", self.wanted.path);
        let form = format!("paths={}", encode_path(&self.wanted.path).replace('/', "%2F"));
        let answer = remote.post_form(&path, form, &what).await?;
        let infos: Vec<PathInfo> = remote.json(answer, &what).await?;
        let hash = infos.into_iter().next().and_then(|info| info.xet_hash);
        hash.and_then(|hash| hash.parse().ok()).ok_or_else(|| lasting("it has no Xet hash there"))
    }

    /// Asks for a token of the store.
    async fn token(&self) -> Answered<Token> {
        let (remote, kind) = (&self.wanted.remote, self.wanted.repo.kind().plural());
        let path = format!("/api/{kind}/{}/xet-read-token/{}", self.wanted.remote_id, self.wanted.commit);
        let answer = remote.get(&path, "a Xet token").await?;
        remote.json(answer, "a Xet token").await
    }

    /// Asks how a range of the file is put together.
    async fn plan(&self, token: &Token, file: XetHash, slice: ByteRange) -> Answered<Plan> {
        let remote = &self.wanted.remote;
        let what = "the reconstruction of a file";
        let mut last = lasting("there is no version");
        for version in ["v2", "v1"] {
            let address = format!("{}/{version}/reconstructions/{file}", token.cas_url.trim_end_matches('/'));
            let range = range(slice.start, Some(slice.end));
            match remote.get_address(&address, Some(&token.access_token), Some(range), what).await {
                Ok(answer) => return remote.json(answer, what).await,
                Err(trouble) => last = trouble,
            }
        }
        Err(last)
    }

    /// Puts a range of the file together.
    async fn follow(&mut self, plan: Plan, slice: ByteRange) -> Answered<()> {
        let places = plan.places()?;
        let (mut skip, mut left) = (plan.offset_into_first_range, slice.len());
        for term in &plan.terms {
            if left == 0 {
                break;
            }
            let xorb = parse_hash(&term.hash)?;
            let chunks = term.range.start..term.range.end;
            if chunks.is_empty() || chunks.end as usize > MAX_XORB_CHUNKS || skip >= term.unpacked_length {
                return Err(malformed());
            }
            let taken = left.min(term.unpacked_length - skip);
            match self.source(xorb, &chunks, &places).await? {
                Source::Stored(index) => self.take_stored(&index, &chunks, skip, taken).await?,
                Source::Piece(piece) => self.take_piece(&piece, &chunks, skip, taken).await?,
            }
            left -= taken;
            skip = 0;
        }
        if left > 0 { Err(malformed()) } else { Ok(()) }
    }

    /// Finds the chunks of a term: here, or else in what the upstream sends.
    async fn source(
        &mut self,
        xorb: XetHash,
        chunks: &Range<u32>,
        places: &HashMap<XetHash, Vec<Place>>,
    ) -> Answered<Source> {
        let hub = self.hub;
        if hub.inner.db.read().await?.mirror_xorb(self.wanted.remote.name(), &xorb).await?
            && let Some(index) = hub.inner.store.xorb_index(xorb).await?
            && chunks.end <= index.chunk_count()
        {
            return Ok(Source::Stored(index));
        }
        if let Some(piece) =
            self.piece.as_ref().filter(|piece| piece.xorb == xorb && holds(&piece.chunks, chunks))
        {
            return Ok(Source::Piece(piece.clone()));
        }
        // Given back before more is taken.
        self.piece = None;
        let place =
            places.get(&xorb).and_then(|places| places.iter().find(|place| holds(&place.chunks, chunks)));
        let place = place.ok_or_else(malformed)?;
        let turn = hub.inner.mirrors.fills.pieces.clone().acquire_owned().await;
        let turn = turn.expect("the semaphore is never closed");
        let data = self.receive(place).await?;
        self.arrived.insert(xorb);
        if place.chunks.start == 0
            && let Some(index) = self.keep(xorb, &data).await?
            && chunks.end <= index.chunk_count()
        {
            return Ok(Source::Stored(index));
        }
        let piece = Arc::new(Piece { xorb, chunks: place.chunks.clone(), data, _turn: turn });
        self.piece = Some(piece.clone());
        Ok(Source::Piece(piece))
    }

    /// Reads chunks of a xorb into memory.
    async fn receive(&self, place: &Place) -> Answered<Bytes> {
        let span = place.bytes;
        let most = MAX_XORB_BYTES + (MAX_XORB_CHUNKS * CHUNK_HEADER_BYTES) as u64;
        let length =
            span.end.checked_sub(span.start).map(|length| length + 1).filter(|length| *length <= most);
        let length = length.ok_or_else(malformed)?;
        let received = self.fill.received_bytes.load(Ordering::Relaxed);
        if received + length > self.wanted.size.saturating_mul(MAX_RECEIVED_FACTOR) + most {
            return Err(lasting("its chunks take more than the file itself"));
        }
        let remote = &self.wanted.remote;
        let header = range(span.start, Some(span.end + 1));
        let answer = remote.get_address(&place.url, None, Some(header), "chunks of a file").await;
        // An address that has expired is followed by a new one.
        let answer = answer.map_err(|trouble| Trouble::transient(trouble.message))?;
        let data = answer.read(length as usize).await.map_err(|error| remote.failed(&error))?;
        let data = data.filter(|data| data.len() as u64 == length).ok_or_else(malformed)?;
        self.fill.received_bytes.fetch_add(length, Ordering::Relaxed);
        Ok(data)
    }

    /// Stores a xorb if that is what was received; `None` if it is only the beginning of one.
    async fn keep(&self, xorb: XetHash, data: &Bytes) -> Answered<Option<Arc<XorbIndex>>> {
        let (hub, record) = (self.hub, &self.wanted.repo.record);
        let body = futures_util::stream::iter([Ok::<_, std::io::Error>(data.clone())]);
        let put = match hub.inner.store.put_xorb(xorb, body).await {
            Ok(put) => put,
            Err(error) if error.kind() == lyceum_store::ErrorKind::Invalid => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stored = if put.inserted { put.index.stored_bytes() } else { 0 };
        hub.record_xorbs(record.id, record.owner_id, vec![put.index.clone()], stored).await?;
        let (chunks, upstream) = (findable_chunks(&put.index), self.wanted.remote.name().to_owned());
        let noted = hub.inner.db.write(move |tx| {
            Box::pin(async move {
                tx.insert_chunks(&chunks).await?;
                Ok::<_, Error>(tx.insert_mirror_xorb(&upstream, &xorb).await?)
            })
        });
        noted.await?;
        Ok(Some(put.index))
    }

    async fn take_stored(
        &self,
        index: &XorbIndex,
        chunks: &Range<u32>,
        skip: u64,
        taken: u64,
    ) -> Answered<()> {
        let end = |chunk: u32| chunk.checked_sub(1).map_or(0, |chunk| index.chunks[chunk as usize].raw_end);
        let raw_bytes = u64::from(end(chunks.end) - end(chunks.start));
        if skip + taken > raw_bytes {
            return Err(malformed());
        }
        self.hints.add(index.chunks[chunks.start as usize].hash, index.hash);
        let term = Term { xorb: index.hash, chunks: chunks.clone(), raw_bytes };
        let range = ByteRange::new(skip, skip + taken);
        let mut content = self.hub.inner.store.read_file([term].into(), range).await?;
        while let Some(data) = content.try_next().await? {
            self.fill.append(vec![data]).await?;
        }
        if !self.arrived.contains(&index.hash) {
            self.fill.reused_bytes.fetch_add(taken, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn take_piece(
        &self,
        piece: &Arc<Piece>,
        chunks: &Range<u32>,
        mut skip: u64,
        mut taken: u64,
    ) -> Answered<()> {
        let mut cursor = Cursor { at: 0, chunk: piece.chunks.start, scratch: Vec::new() };
        while taken > 0 {
            let (piece, wanted) = (piece.clone(), chunks.clone());
            let decoding = tokio::task::spawn_blocking(move || {
                let decoded = cursor.decode(&piece.data, &wanted);
                (cursor, decoded)
            });
            let (next, decoded) = decoding.await.map_err(Error::internal)?;
            cursor = next;
            let mut data = Bytes::from(decoded.filter(|decoded| !decoded.is_empty()).ok_or_else(malformed)?);
            let left_out = skip.min(data.len() as u64);
            skip -= left_out;
            let data_left = data.split_off(left_out as usize);
            let kept = taken.min(data_left.len() as u64);
            taken -= kept;
            self.fill.append(vec![data_left.slice(..kept as usize)]).await?;
        }
        Ok(())
    }
}

/// A place in the stored chunks of a piece.
struct Cursor {
    at: usize,
    chunk: u32,
    scratch: Vec<u8>,
}

impl Cursor {
    /// Decodes the next of the wanted chunks, some at a time; `None` if the chunks are malformed or too few.
    fn decode(&mut self, data: &[u8], wanted: &Range<u32>) -> Option<Vec<u8>> {
        let mut decoded = Vec::new();
        while self.chunk < wanted.end && decoded.len() < DECODE_BYTES {
            let header = data.get(self.at..)?.first_chunk::<CHUNK_HEADER_BYTES>()?;
            let payload = u32::from_le_bytes([header[1], header[2], header[3], 0]) as usize;
            let end = self.at + CHUNK_HEADER_BYTES + payload;
            let stored = data.get(self.at..end)?;
            if self.chunk >= wanted.start {
                decoded.extend_from_slice(decode_chunk(stored, &mut self.scratch).ok()?);
            }
            self.at = end;
            self.chunk += 1;
        }
        Some(decoded)
    }
}

impl Plan {
    /// Returns where the chunks of each xorb can be read.
    fn places(&self) -> Answered<HashMap<XetHash, Vec<Place>>> {
        let mut places: HashMap<XetHash, Vec<Place>> = HashMap::new();
        let mut add = |xorb: &str, chunks: Span<u32>, bytes: Span<u64>, url: &str| {
            let place = Place { chunks: chunks.start..chunks.end, bytes, url: url.to_owned() };
            places.entry(parse_hash(xorb)?).or_default().push(place);
            Ok::<_, Trouble>(())
        };
        for (xorb, fetches) in &self.xorbs {
            for fetch in fetches {
                for range in &fetch.ranges {
                    add(xorb, range.chunks, range.bytes, &fetch.url)?;
                }
            }
        }
        for (xorb, fetches) in &self.fetch_info {
            for fetch in fetches {
                add(xorb, fetch.range, fetch.url_range, &fetch.url)?;
            }
        }
        Ok(places)
    }
}

fn holds(place: &Range<u32>, chunks: &Range<u32>) -> bool {
    place.start <= chunks.start && chunks.end <= place.end
}

fn parse_hash(text: &str) -> Answered<XetHash> {
    text.parse().map_err(|_| malformed())
}

fn malformed() -> Trouble {
    lasting("its reconstruction does not fit together")
}

fn lasting(message: &str) -> Trouble {
    Trouble::new(TroubleKind::Lasting, message)
}
