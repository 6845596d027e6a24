use crate::tests::{all, body, build, content, files, folder, open, read_all, run, sample};
use crate::{ErrorKind, Store};
use lyceum_core::{ByteRange, XetHash};
use lyceum_xet::{Term, XorbIndex};
use proptest::prelude::*;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

fn term(index: &XorbIndex, chunks: Range<u32>) -> Term {
    Term { xorb: index.hash, raw_bytes: index.raw_len(chunks.clone()), chunks }
}

async fn read(store: &Store, terms: &[Term], range: ByteRange) -> crate::Result<Vec<u8>> {
    read_all(store.read_file(terms.into(), range).await).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_range_of_any_terms_is_read(
        xorbs in proptest::collection::vec(
            proptest::collection::vec((0_u8..3, any::<u64>(), 1_usize..131_072), 1..12),
            1..4,
        ),
        picks in proptest::collection::vec((any::<prop::sample::Index>(), 0.0..1.0, 0.0..1.0), 0..12),
        cuts in proptest::collection::vec((0.0..1.0, 0.0..1.0), 6),
    ) {
        let folder = folder();
        run(async {
            let store = open(&folder).await;
            let mut stored = Vec::new();
            for chunks in xorbs {
                let chunks: Vec<_> = chunks.into_iter().map(|(kind, seed, length)| content(kind, seed, length)).collect();
                let (index, data) = build(&chunks);
                store.put_xorb(index.hash, body(data, 100_000)).await.unwrap();
                stored.push((index, chunks));
            }
            let (mut terms, mut expected) = (Vec::new(), Vec::new());
            for (xorb, a, b) in picks {
                let (index, chunks) = xorb.get(&stored);
                let at = |share: f64| (share * chunks.len() as f64) as u32;
                let picked = at(a).min(at(b))..at(a).max(at(b)) + 1;
                expected.extend(chunks[picked.start as usize..picked.end as usize].concat());
                terms.push(term(index, picked));
            }
            assert!(read(&store, &terms, all(expected.len() as u64)).await.unwrap() == expected);
            for (a, b) in cuts {
                let at = |share: f64| (share * (expected.len() + 1) as f64) as usize;
                let (start, end) = (at(a).min(at(b)), at(a).max(at(b)));
                let range = ByteRange::new(start as u64, end as u64);
                assert!(read(&store, &terms, range).await.unwrap() == expected[start..end]);
            }
        });
    }
}

#[tokio::test]
async fn ranges_at_the_edges_of_chunks_and_blocks_are_exact() {
    let folder = folder();
    let store = open(&folder).await;
    let chunks: Vec<_> = (0..20).map(|seed| content((seed % 3) as u8, seed, 65_536)).collect();
    let (index, data) = build(&chunks);
    store.put_xorb(index.hash, body(data, 100_000)).await.unwrap();
    let terms = [term(&index, 3..20), term(&index, 0..5)];
    let expected = [chunks[3..20].concat(), chunks[0..5].concat()].concat();
    let size = expected.len() as u64;
    let edges = [
        0,
        1,
        65_535,
        65_536,
        65_537,
        524_288,
        17 * 65_536 - 1,
        17 * 65_536,
        17 * 65_536 + 1,
        size - 1,
        size,
    ];
    for start in edges {
        for end in edges.into_iter().filter(|end| *end >= start) {
            let read = read(&store, &terms, ByteRange::new(start, end)).await.unwrap();
            assert!(read == expected[start as usize..end as usize], "{start}..{end}");
        }
    }
}

#[tokio::test]
async fn only_touched_chunks_are_read() {
    let folder = folder();
    let (index, data) = sample(12, 1);
    open(&folder).await.put_xorb(index.hash, body(data, 100_000)).await.unwrap();
    let damaged = index.stored_range(5..6);
    let file = std::fs::File::options().write(true).open(&files(folder.path())[0]).unwrap();
    file.write_all_at(b"damaged header", damaged.start).unwrap();

    let store = open(&folder).await;
    let terms = [term(&index, 0..12)];
    let raw = index.raw_start(5)..index.raw_start(6);
    for range in [ByteRange::new(0, raw.start), ByteRange::new(raw.end, index.raw_bytes())] {
        assert_eq!(read(&store, &terms, range).await.unwrap().len() as u64, range.len());
    }
    for range in [ByteRange::new(raw.start, raw.start + 1), all(index.raw_bytes())] {
        assert_eq!(read(&store, &terms, range).await.unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[tokio::test]
async fn wrong_terms_are_refused_before_the_stream_starts() {
    let folder = folder();
    let store = open(&folder).await;
    let (index, data) = sample(12, 1);
    store.put_xorb(index.hash, body(data, 100_000)).await.unwrap();
    let good = term(&index, 0..12);
    let check = async |term: Term, kind: ErrorKind| {
        let range = all(term.raw_bytes.max(1));
        assert_eq!(store.read_file([term].into(), range).await.err().map(|error| error.kind()), Some(kind));
    };
    check(Term { xorb: XetHash([1; 32]), ..good.clone() }, ErrorKind::NotFound).await;
    check(Term { chunks: 0..13, ..good.clone() }, ErrorKind::Corrupt).await;
    check(Term { chunks: 5..5, ..good.clone() }, ErrorKind::Corrupt).await;
    check(Term { raw_bytes: good.raw_bytes - 1, ..good.clone() }, ErrorKind::Corrupt).await;
    check(Term { raw_bytes: 0, ..good.clone() }, ErrorKind::Invalid).await;
    let beyond = store.read_file([good.clone()].into(), all(good.raw_bytes + 1)).await;
    assert_eq!(beyond.err().unwrap().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn memory_stays_bounded_for_content_that_inflates() {
    use futures_util::StreamExt as _;
    let folder = folder();
    let store = open(&folder).await;
    let chunks: Vec<_> = (0..200_u8).map(|fill| vec![fill; 131_072]).collect();
    let (index, data) = build(&chunks);
    assert!(data.len() < 400_000, "many chunks fit in one block of stored bytes");
    store.put_xorb(index.hash, body(data, 100_000)).await.unwrap();
    let mut stream = store.read_file([term(&index, 0..200)].into(), all(index.raw_bytes())).await.unwrap();
    while let Some(piece) = stream.next().await {
        assert!(piece.unwrap().len() <= 512 * 1024 + 131_072);
    }
}
