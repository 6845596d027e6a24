//! Plans: which bytes of which xorbs a client needs for a range of a file.

use crate::term::Term;
use crate::xorb::XorbIndex;
use lyceum_core::{ByteRange, XetHash};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

/// How to reconstruct a range of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Bytes to drop from the front of the first term.
    pub offset_into_first_range: u64,
    /// The chunks whose content, one after the other, contains the range.
    pub terms: Vec<PlannedTerm>,
    /// What to read, in the order in which the terms first need each xorb.
    pub fetches: Vec<Fetch>,
}

/// A term, cut down to the chunks that the range touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTerm {
    /// The xorb.
    pub hash: XetHash,
    /// Uncompressed length of the chunks.
    pub unpacked_length: u64,
    /// The chunks.
    pub chunks: Range<u32>,
}

/// What to read of one xorb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The xorb.
    pub xorb: XetHash,
    /// Disjoint ranges in ascending order, no two of them adjacent; each term lies wholly inside one.
    pub ranges: Vec<FetchRange>,
}

/// A run of chunks and where it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRange {
    /// The chunks.
    pub chunks: Range<u32>,
    /// Their bytes in the xorb; the end is exclusive.
    pub bytes: Range<u64>,
}

/// A range that cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The range starts behind the end of the file, which is how clients find the end.
    #[error("the range starts behind the {size} bytes of the file")]
    PastEnd {
        /// Size of the file.
        size: u64,
    },
    /// A xorb of the file is missing.
    #[error("xorb {0} is not stored")]
    MissingXorb(XetHash),
    /// The terms do not fit a xorb.
    #[error("a term does not agree with xorb {0}")]
    Mismatch(XetHash),
}

/// Plans the part of `range` that the file has; time and memory depend on the number of terms only.
///
/// An empty file gives an empty plan for a range that starts at 0.
pub fn plan(
    terms: &[Term],
    index: impl Fn(&XetHash) -> Option<Arc<XorbIndex>>,
    range: ByteRange,
) -> Result<Plan, PlanError> {
    let size = terms.iter().fold(0_u64, |size, term| size.saturating_add(term.raw_bytes));
    if range.start >= size && (size, range.start) != (0, 0) {
        return Err(PlanError::PastEnd { size });
    }
    let mut planner = Planner { index, plan: Plan::default(), xorbs: HashMap::new(), needed: Vec::new() };
    let mut start = 0_u64;
    for term in terms {
        let end = start.saturating_add(term.raw_bytes);
        if range.start < end && start < range.end && !range.is_empty() {
            let wanted = range.start.saturating_sub(start)..range.end.min(end) - start;
            planner.add(term, wanted)?;
        }
        start = end;
    }
    Ok(planner.finish())
}

struct Planner<I> {
    index: I,
    plan: Plan,
    /// For each xorb its position in `needed`.
    xorbs: HashMap<XetHash, usize>,
    needed: Vec<(Arc<XorbIndex>, Vec<Range<u32>>)>,
}

impl<I: Fn(&XetHash) -> Option<Arc<XorbIndex>>> Planner<I> {
    /// Adds the chunks of a term that contain the `wanted` bytes of it.
    fn add(&mut self, term: &Term, wanted: Range<u64>) -> Result<(), PlanError> {
        let position = match self.xorbs.entry(term.xorb) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let index = (self.index)(&term.xorb).ok_or(PlanError::MissingXorb(term.xorb))?;
                self.needed.push((index, Vec::new()));
                *new.insert(self.needed.len() - 1)
            }
        };
        let (index, needed) = &mut self.needed[position];
        if !index.contains(&term.chunks) || index.raw_len(term.chunks.clone()) != term.raw_bytes {
            return Err(PlanError::Mismatch(term.xorb));
        }
        let base = index.raw_start(term.chunks.start);
        let chunks = &index.chunks[term.chunks.start as usize..term.chunks.end as usize];
        let skipped = chunks.partition_point(|chunk| u64::from(chunk.raw_end) - base <= wanted.start);
        let kept =
            chunks[skipped..].partition_point(|chunk| u64::from(chunk.raw_end) - base < wanted.end) + 1;
        let first = term.chunks.start + skipped as u32;
        let chunks = first..first + kept as u32;
        if self.plan.terms.is_empty() {
            self.plan.offset_into_first_range = base + wanted.start - index.raw_start(first);
        }
        let unpacked_length = index.raw_len(chunks.clone());
        needed.push(chunks.clone());
        self.plan.terms.push(PlannedTerm { hash: term.xorb, unpacked_length, chunks });
        Ok(())
    }

    fn finish(mut self) -> Plan {
        for (index, chunks) in self.needed {
            let ranges = merge(chunks).into_iter();
            let fetch = |chunks: Range<u32>| FetchRange { bytes: index.stored_range(chunks.clone()), chunks };
            self.plan.fetches.push(Fetch { xorb: index.hash, ranges: ranges.map(fetch).collect() });
        }
        self.plan
    }
}

/// Sorts ranges and joins those that overlap or touch.
fn merge(mut ranges: Vec<Range<u32>>) -> Vec<Range<u32>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u32>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
