//! The Xet store: reconstructions, stored xorbs and shards. Field names are those of `xet-client` 1.8.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;

use lyceum_core::XetHash;
use lyceum_hub::Reconstruction;
use serde::{Deserialize, Serialize, Serializer};

/// A value that is its text on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Answer of `GET /v2/reconstructions/{file}`.
#[derive(Debug, Serialize)]
pub(crate) struct ReconstructionV2 {
    offset_into_first_range: u64,
    terms: Vec<Term>,
    xorbs: BTreeMap<Text<XetHash>, Vec<FetchV2>>,
}

/// Answer of `GET /v1/reconstructions/{file}`.
#[derive(Debug, Serialize)]
pub(crate) struct ReconstructionV1 {
    offset_into_first_range: u64,
    terms: Vec<Term>,
    fetch_info: BTreeMap<Text<XetHash>, Vec<FetchV1>>,
}

/// Answer of the batch query.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ReconstructionBatch {
    files: BTreeMap<Text<XetHash>, Vec<Term>>,
    fetch_info: BTreeMap<Text<XetHash>, Vec<FetchV1>>,
}

/// A run of chunks of one xorb.
#[derive(Debug, Serialize)]
struct Term {
    hash: Text<XetHash>,
    unpacked_length: u64,
    range: Chunks,
}

/// Chunk numbers, end exclusive.
#[derive(Debug, Serialize)]
struct Chunks {
    start: u32,
    end: u32,
}

/// Byte offsets, end inclusive.
#[derive(Debug, Serialize)]
struct InclusiveBytes {
    start: u64,
    end: u64,
}

#[derive(Debug, Serialize)]
struct FetchV2 {
    url: String,
    ranges: Vec<FetchRangeV2>,
}

#[derive(Debug, Serialize)]
struct FetchRangeV2 {
    chunks: Chunks,
    bytes: InclusiveBytes,
}

#[derive(Debug, Serialize)]
struct FetchV1 {
    range: Chunks,
    url: String,
    url_range: InclusiveBytes,
}

impl From<&Range<u32>> for Chunks {
    fn from(chunks: &Range<u32>) -> Self {
        Self { start: chunks.start, end: chunks.end }
    }
}

impl From<&Range<u64>> for InclusiveBytes {
    fn from(bytes: &Range<u64>) -> Self {
        Self { start: bytes.start, end: bytes.end.saturating_sub(1) }
    }
}

impl ReconstructionV2 {
    /// Converts a plan; `url` makes the address of a xorb's data with a grant.
    pub(crate) fn new(plan: Reconstruction, url: impl Fn(XetHash, &str) -> String) -> Self {
        let terms = terms(&plan);
        let mut xorbs = BTreeMap::<_, Vec<_>>::new();
        for fetch in plan.fetches {
            let ranges = fetch
                .ranges
                .iter()
                .map(|range| FetchRangeV2 { chunks: (&range.chunks).into(), bytes: (&range.bytes).into() })
                .collect();
            let entry = FetchV2 { url: url(fetch.xorb, &fetch.grant), ranges };
            xorbs.entry(Text(fetch.xorb)).or_default().push(entry);
        }
        Self { offset_into_first_range: plan.offset_into_first_range, terms, xorbs }
    }
}

impl ReconstructionV1 {
    /// Converts a plan; `url` makes the address of a xorb's data with a grant.
    pub(crate) fn new(plan: &Reconstruction, url: impl Fn(XetHash, &str) -> String) -> Self {
        let mut fetch_info = BTreeMap::new();
        add_fetches(plan, url, &mut fetch_info);
        Self { offset_into_first_range: plan.offset_into_first_range, terms: terms(plan), fetch_info }
    }
}

impl ReconstructionBatch {
    /// Adds a file.
    pub(crate) fn add(
        &mut self,
        file: XetHash,
        plan: &Reconstruction,
        url: impl Fn(XetHash, &str) -> String,
    ) {
        add_fetches(plan, url, &mut self.fetch_info);
        self.files.insert(Text(file), terms(plan));
    }
}

fn terms(plan: &Reconstruction) -> Vec<Term> {
    let terms = plan.terms.iter().map(|term| Term {
        hash: Text(term.hash),
        unpacked_length: term.unpacked_length,
        range: (&term.chunks).into(),
    });
    terms.collect()
}

fn add_fetches(
    plan: &Reconstruction,
    url: impl Fn(XetHash, &str) -> String,
    fetch_info: &mut BTreeMap<Text<XetHash>, Vec<FetchV1>>,
) {
    for fetch in &plan.fetches {
        let url = url(fetch.xorb, &fetch.grant);
        let entries = fetch.ranges.iter().map(|range| FetchV1 {
            range: (&range.chunks).into(),
            url: url.clone(),
            url_range: (&range.bytes).into(),
        });
        fetch_info.entry(Text(fetch.xorb)).or_default().extend(entries);
    }
}

/// Answer of `POST /v1/xorbs/{prefix}/{xorb}`.
#[derive(Debug, Serialize)]
pub(crate) struct StoredXorb {
    /// Whether it is new.
    pub(crate) was_inserted: bool,
}

/// Answer of `POST /v1/shards`.
#[derive(Debug, Serialize)]
pub(crate) struct StoredShard {
    /// 1 if anything in it is new, else 0.
    pub(crate) result: u8,
    /// Its hash.
    pub(crate) shard_hash: Text<XetHash>,
}

/// One line of the answer of `POST /v2/shards`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ShardEvent {
    /// Files are being checked.
    Validating {
        /// Files checked so far.
        verified: usize,
        /// Files in the shard.
        total: usize,
    },
    /// All is checked and being made durable.
    Committing {
        /// `syncing`, the only step that there is here.
        stage: &'static str,
    },
    /// Stored.
    Result,
    /// Not stored.
    Error {
        /// Why.
        message: String,
        /// Whether sending it again may help.
        retryable: bool,
    },
}

/// One file of a batch query.
#[derive(Debug, Deserialize)]
pub(crate) struct FileKey {
    /// Its hash.
    pub(crate) hash: String,
}

#[cfg(test)]
mod tests;
