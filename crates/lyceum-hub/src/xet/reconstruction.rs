//! Planning how a client rebuilds a file, and telling it which chunks it need not send.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use lyceum_core::{ByteRange, XetHash};
use lyceum_xet::{Fetch, Term, XorbIndex, plan};

use super::{DATA, Reconstruction, ReconstructionFetch, XetGrant};
use crate::{Error, ErrorKind, Hub, Result};

/// Ranges under one signature: keeps addresses below 8 KiB.
const MAX_SIGNED_RANGES: usize = 200;
/// Xorbs described in one dedup answer: what was uploaded together is likely to match together.
const MAX_DEDUP_XORBS: u32 = 32;
/// How long a client may use a dedup answer, in seconds.
const DEDUP_SECONDS: i64 = 7 * 24 * 3600;

impl Hub {
    /// Returns the size of a file that the grant's repo has; `NotFound` otherwise.
    pub async fn xet_file_size(&self, grant: &XetGrant, file: XetHash) -> Result<u64> {
        let terms = self.granted_terms(grant, file).await?;
        Ok(terms.iter().map(|term| term.raw_bytes).sum())
    }

    /// Plans the reconstruction of a file, or of a range of it (`None` is the whole file). A range past the end is
    /// [`RangeNotSatisfiable`](crate::ErrorKind::RangeNotSatisfiable).
    pub async fn reconstruction(
        &self,
        grant: &XetGrant,
        file: XetHash,
        range: Option<ByteRange>,
    ) -> Result<Reconstruction> {
        let terms = self.granted_terms(grant, file).await?;
        let size: u64 = terms.iter().map(|term| term.raw_bytes).sum();
        let range = range.unwrap_or(ByteRange::new(0, size));
        let range = ByteRange::new(range.start, range.end.min(size));
        // An empty file has an empty reconstruction; anything else past the end is the client's sign to stop.
        if range.start >= size && size > 0 {
            return Err(Error::new(
                ErrorKind::RangeNotSatisfiable,
                format!("file `{file}` has {size} bytes"),
            ));
        }
        let indexes = self.indexes(&overlapping(&terms, range)).await?;
        let plan = plan(&terms, |xorb| indexes.get(xorb).cloned(), range).map_err(Error::internal)?;
        let expires_at = self.inner.clock.now().plus_seconds(self.inner.options.data_grant_seconds);
        let sign = |fetch: Fetch| {
            let Fetch { xorb, ranges } = fetch;
            let signed = |ranges: &[lyceum_xet::FetchRange]| {
                let bytes: Vec<_> = ranges.iter().map(|range| (range.bytes.start, range.bytes.end)).collect();
                let grant = self.inner.signer.sign(DATA, expires_at, &(xorb.to_string(), bytes));
                ReconstructionFetch { xorb, ranges: ranges.to_vec(), grant }
            };
            ranges.chunks(MAX_SIGNED_RANGES).map(signed).collect::<Vec<_>>()
        };
        Ok(Reconstruction {
            offset_into_first_range: plan.offset_into_first_range,
            terms: plan.terms,
            fetches: plan.fetches.into_iter().flat_map(sign).collect(),
        })
    }

    /// Answers a global dedup query: a keyed shard that names the chunks around `chunk`.
    pub async fn dedup_shard(&self, _: &XetGrant, chunk: XetHash) -> Result<Option<Bytes>> {
        let xorbs = self.inner.db.read().await?.xorbs_around_chunk(&chunk, MAX_DEDUP_XORBS).await?;
        let mut indexes = Vec::new();
        for xorb in xorbs {
            // A xorb that is gone must not be offered: the client would skip its upload.
            indexes.extend(self.inner.store.xorb_index(xorb).await?);
        }
        if indexes.is_empty() {
            return Ok(None);
        }
        let created = self.inner.clock.now().seconds();
        let key = self.inner.entropy.bytes();
        let shard = lyceum_xet::dedup_shard(
            &indexes,
            key,
            created.unsigned_abs(),
            (created + DEDUP_SECONDS).unsigned_abs(),
        );
        Ok(Some(shard.into()))
    }

    /// Returns the terms of a file if the grant's repo has it.
    async fn granted_terms(&self, grant: &XetGrant, file: XetHash) -> Result<Arc<[Term]>> {
        let missing = || Error::new(ErrorKind::NotFound, format!("file `{file}` not found"));
        let granted = self.inner.db.read().await?.repo_has_xet_file(grant.repo_id, &file).await?;
        if !granted {
            return Err(missing());
        }
        self.terms(file).await?.ok_or_else(missing)
    }

    /// Returns the terms of a file; the caller has checked access.
    pub(crate) async fn terms(&self, file: XetHash) -> Result<Option<Arc<[Term]>>> {
        let Some(row) = self.inner.db.read().await?.xet_file(&file).await? else {
            return Ok(None);
        };
        Ok(Some(lyceum_xet::decode_terms(&row.terms).map_err(Error::internal)?.into()))
    }

    async fn indexes(&self, terms: &[&Term]) -> Result<HashMap<XetHash, Arc<XorbIndex>>> {
        let mut indexes = HashMap::new();
        for term in terms {
            if let Entry::Vacant(vacant) = indexes.entry(term.xorb) {
                let index = self.inner.store.xorb_index(term.xorb).await?;
                vacant
                    .insert(index.ok_or_else(|| Error::internal(format!("xorb {} is missing", term.xorb)))?);
            }
        }
        Ok(indexes)
    }
}

/// Returns the terms that hold any byte of `range`, so that only their indexes are read.
fn overlapping(terms: &[Term], range: ByteRange) -> Vec<&Term> {
    let mut start = 0;
    let mut found = Vec::new();
    for term in terms {
        let end = start + term.raw_bytes;
        if start < range.end && end > range.start {
            found.push(term);
        }
        start = end;
    }
    found
}
