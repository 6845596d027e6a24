//! Plans are checked by carrying them out.

use super::*;
use crate::hash::{chunk_hash, xorb_hash};
use crate::testing::lookup;
use crate::xorb::ChunkEntry;
use proptest::prelude::*;

/// A xorb whose chunks have these lengths, stored with a header of 8 bytes each.
fn xorb(name: u8, lengths: &[u32]) -> Arc<XorbIndex> {
    let (mut stored_end, mut raw_end) = (0, 0);
    let mut chunks = Vec::new();
    for (position, length) in lengths.iter().enumerate() {
        (stored_end, raw_end) = (stored_end + length + 8, raw_end + length);
        chunks.push(ChunkEntry { hash: chunk_hash(&[name, position as u8]), stored_end, raw_end });
    }
    let hashes: Vec<_> =
        chunks.iter().zip(lengths).map(|(chunk, length)| (chunk.hash, u64::from(*length))).collect();
    Arc::new(XorbIndex { hash: xorb_hash(&hashes), chunks })
}

fn term(xorb: &XorbIndex, chunks: Range<u32>) -> Term {
    Term { xorb: xorb.hash, raw_bytes: xorb.raw_len(chunks.clone()), chunks }
}

/// The bytes of terms, each byte as its xorb and the offset in it.
fn content<'a>(
    terms: impl IntoIterator<Item = (&'a XetHash, &'a Range<u32>)>,
    xorbs: &[Arc<XorbIndex>],
) -> Vec<(XetHash, u64)> {
    let find = lookup(xorbs);
    let bytes = |(hash, chunks): (&XetHash, &Range<u32>)| {
        let index = find(hash).unwrap();
        let hash = *hash;
        (index.raw_start(chunks.start)..index.raw_start(chunks.end)).map(move |offset| (hash, offset))
    };
    terms.into_iter().flat_map(bytes).collect()
}

proptest! {
    #[test]
    fn a_plan_gives_exactly_the_range(
        lengths in prop::collection::vec(prop::collection::vec(1_u32..40, 1..12), 1..4),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..10),
        start: prop::sample::Index,
        length in 1_u64..600,
    ) {
        let xorbs: Vec<_> = lengths.iter().zip(0..).map(|(lengths, name)| xorb(name, lengths)).collect();
        let pick = |(which, one, other): &(prop::sample::Index, prop::sample::Index, prop::sample::Index)| {
            let xorb = &xorbs[which.index(xorbs.len())];
            let (one, other) = (one.index(xorb.chunks.len()) as u32, other.index(xorb.chunks.len()) as u32);
            term(xorb, one.min(other)..one.max(other) + 1)
        };
        let terms: Vec<Term> = picks.iter().map(pick).collect();
        let whole = content(terms.iter().map(|term| (&term.xorb, &term.chunks)), &xorbs);
        let start = start.index(whole.len()) as u64;
        let range = ByteRange::new(start, start + length);
        let end = range.end.min(whole.len() as u64);

        let plan = plan(&terms, lookup(&xorbs), range).unwrap();
        let planned = content(plan.terms.iter().map(|term| (&term.hash, &term.chunks)), &xorbs);
        let from = plan.offset_into_first_range as usize;
        let got = &planned[from..from + (end - start) as usize];
        prop_assert_eq!(got, &whole[start as usize..end as usize]);

        // No chunk more than the range touches.
        let first = lookup(&xorbs)(&plan.terms[0].hash).unwrap();
        prop_assert!((from as u64) < first.raw_len(plan.terms[0].chunks.start..plan.terms[0].chunks.start + 1));
        let last = plan.terms.last().unwrap();
        let last_chunk = lookup(&xorbs)(&last.hash).unwrap().raw_len(last.chunks.end - 1..last.chunks.end);
        prop_assert!((planned.len() as u64 - from as u64 - (end - start)) < last_chunk);

        for term in &plan.terms {
            let index = lookup(&xorbs)(&term.hash).unwrap();
            prop_assert_eq!(term.unpacked_length, index.raw_len(term.chunks.clone()));
            let fetch = plan.fetches.iter().filter(|fetch| fetch.xorb == term.hash).collect::<Vec<_>>();
            prop_assert_eq!(fetch.len(), 1);
            let inside = |range: &&FetchRange| range.chunks.start <= term.chunks.start && term.chunks.end <= range.chunks.end;
            prop_assert_eq!(fetch[0].ranges.iter().filter(inside).count(), 1);
        }
        for fetch in &plan.fetches {
            let index = lookup(&xorbs)(&fetch.xorb).unwrap();
            for range in &fetch.ranges {
                prop_assert_eq!(&range.bytes, &index.stored_range(range.chunks.clone()));
            }
            for pair in fetch.ranges.windows(2) {
                prop_assert!(pair[0].chunks.end < pair[1].chunks.start);
            }
        }
    }
}

#[test]
fn the_end_of_a_file_is_told_by_an_error() {
    let xorb = xorb(0, &[10, 10]);
    let terms = [term(&xorb, 0..2)];
    let check =
        |terms: &[Term], start, end| plan(terms, lookup(&[Arc::clone(&xorb)]), ByteRange::new(start, end));
    assert_eq!(check(&terms, 20, 30), Err(PlanError::PastEnd { size: 20 }));
    assert_eq!(check(&terms, 19, u64::MAX).unwrap().offset_into_first_range, 9);
    assert_eq!(check(&terms, 5, 5), Ok(Plan::default()));
    assert_eq!(check(&[], 0, u64::MAX), Ok(Plan::default()));
    assert_eq!(check(&[], 1, 2), Err(PlanError::PastEnd { size: 0 }));
}

#[test]
fn terms_that_do_not_fit_their_xorb_are_refused() {
    let xorb = xorb(0, &[10, 10]);
    let check = |term: Term, expected| {
        let planned = plan(&[term], lookup(&[Arc::clone(&xorb)]), ByteRange::new(0, u64::MAX));
        assert_eq!(planned, Err(expected));
    };
    let good = term(&xorb, 0..2);
    check(Term { xorb: chunk_hash(b"other"), ..good.clone() }, PlanError::MissingXorb(chunk_hash(b"other")));
    check(Term { chunks: 0..3, ..good.clone() }, PlanError::Mismatch(xorb.hash));
    check(Term { chunks: 1..1, ..good.clone() }, PlanError::Mismatch(xorb.hash));
    check(Term { raw_bytes: 21, ..good }, PlanError::Mismatch(xorb.hash));
}

#[test]
fn adjacent_and_overlapping_ranges_are_fetched_once() {
    let xorb = xorb(0, &[10; 10]);
    let terms = [term(&xorb, 5..7), term(&xorb, 0..2), term(&xorb, 2..3), term(&xorb, 6..8)];
    let plan = plan(&terms, lookup(&[Arc::clone(&xorb)]), ByteRange::new(0, u64::MAX)).unwrap();
    let ranges: Vec<_> = plan.fetches[0].ranges.iter().map(|range| range.chunks.clone()).collect();
    assert_eq!(ranges, [0..3, 5..8]);
    assert_eq!(plan.fetches[0].ranges[1].bytes, 90..144);
}
