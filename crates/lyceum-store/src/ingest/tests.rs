use super::*;
use crate::tests::{all, body, content, files, folder, open, read_all, run};
use lyceum_xet::Chunker;
use lyceum_xet::hash::{chunk_hash, dedup_eligible, file_hash};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Mutex;

/// The chunks of a file, cut in one go.
fn cut(data: &[u8]) -> Vec<(XetHash, u64)> {
    let mut chunker = Chunker::new();
    let mut rest = data;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let length = chunker.next_boundary(rest).unwrap_or(rest.len());
        chunks.push((chunk_hash(&rest[..length]), length as u64));
        rest = &rest[length..];
    }
    chunks
}

async fn ingest(store: &Store, data: &[u8], dedup: &impl Dedup) -> Ingested {
    let size = data.len() as u64;
    store.ingest(body(data.to_vec(), 70_000), Some(size), size, dedup).await.unwrap()
}

/// Checks that a file is stored under the right names and can be read.
async fn check(store: &Store, data: &[u8], file: &Ingested) {
    assert_eq!(file.hash, file_hash(cut(data)));
    assert_eq!(file.sha256.0, <[u8; 32]>::from(sha2::Sha256::digest(data)));
    assert_eq!(file.size, data.len() as u64);
    let read = read_all(store.read_file(file.terms.clone().into(), all(file.size)).await).await.unwrap();
    assert!(read == data);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_content_in_any_frames_gets_the_clients_hash(
        parts in proptest::collection::vec((0_u8..3, any::<u64>(), 0_usize..400_000), 0..8),
        frame_bytes in 100_usize..900_000,
    ) {
        let data = parts.into_iter().map(|(kind, seed, length)| content(kind, seed, length)).collect::<Vec<_>>().concat();
        let folder = folder();
        run(async {
            let store = open(&folder).await;
            let frames = body(data.clone(), frame_bytes);
            let file = store.ingest(frames, None, data.len() as u64, &NoDedup).await.unwrap();
            check(&store, &data, &file).await;
        });
    }
}

#[test]
fn sizes_around_limits() {
    let folder = folder();
    run(async {
        let store = open(&folder).await;
        let block = INGEST_BLOCK_BYTES;
        for size in [0, 1, 8191, 8192, 131_071, 131_072, 131_073, block - 1, block, block + 1, 2 * block] {
            let data = content(0, 1, size);
            let file = ingest(&store, &data, &NoDedup).await;
            check(&store, &data, &file).await;
            assert_eq!(file.terms.len(), usize::from(size > 0));
        }
        assert_eq!(ingest(&store, b"", &NoDedup).await.hash, XetHash([0; 32]));
    });
}

#[test]
fn a_large_file_fills_several_xorbs_in_order() {
    let folder = folder();
    run(async {
        let store = open(&folder).await;
        let data = content(0, 1, 5 << 19);
        let file = ingest(&store, &data, &NoDedup).await;
        check(&store, &data, &file).await;
        assert_eq!(file.xorbs.len(), 3);
        let named: Vec<_> = file.terms.iter().map(|term| term.xorb).collect();
        assert_eq!(named, file.xorbs.iter().map(|index| index.hash).collect::<Vec<_>>());
        assert_eq!(files(folder.path()).len(), 3);

        // Once more: nothing new is stored, yet the xorbs are named, for a caller that failed to record them.
        let again = ingest(&store, &data, &NoDedup).await;
        assert_eq!(again.terms, file.terms);
        assert_eq!(again.xorbs, file.xorbs);
        assert_eq!(files(folder.path()).len(), 3);
    });
}

#[test]
fn repeated_content_is_stored_once() {
    let folder = folder();
    run(async {
        let store = open(&folder).await;
        let data = content(0, 1, 300_000).repeat(100);
        let file = ingest(&store, &data, &NoDedup).await;
        check(&store, &data, &file).await;
        assert_eq!(file.xorbs.len(), 1);
        assert!(file.xorbs[0].raw_bytes() < 1_000_000);
    });
}

/// Remembers what the hub would: eligible chunks, and the first of each file.
#[derive(Default)]
struct Index {
    xorbs: HashMap<XetHash, XetHash>,
    asked: Mutex<Vec<XetHash>>,
}

impl Index {
    fn add(&mut self, file: &Ingested) {
        for index in &file.xorbs {
            let eligible = index.chunks.iter().map(|chunk| chunk.hash).filter(dedup_eligible);
            self.xorbs.extend(eligible.chain([index.chunks[0].hash]).map(|chunk| (chunk, index.hash)));
        }
    }
}

impl Dedup for Index {
    async fn lookup(&self, chunk: XetHash) -> Option<XetHash> {
        self.asked.lock().unwrap().push(chunk);
        self.xorbs.get(&chunk).copied()
    }
}

#[test]
fn an_edited_copy_stores_the_edit_only() {
    let folder = folder();
    run(async {
        let store = open(&folder).await;
        let data = content(0, 1, 3 << 19);
        let mut index = Index::default();
        index.add(&ingest(&store, &data, &index).await);

        let same = ingest(&store, &data, &index).await;
        check(&store, &data, &same).await;
        // The second xorb is found by the chunk after the run of known ones.
        assert_eq!(same.xorbs, []);
        assert_eq!(same.terms.len(), 2);

        index.asked.lock().unwrap().clear();
        let edited = [&data[..500_000], b"inserted", &data[500_000..]].concat();
        let file = ingest(&store, &edited, &index).await;
        check(&store, &edited, &file).await;
        let new: u64 = file.xorbs.iter().map(|index| index.raw_bytes()).sum();
        assert!(new <= 3 * 131_072, "{new} bytes are new");
        assert!(index.asked.lock().unwrap().len() < 20);
    });
}

#[test]
fn wrong_answers_do_no_harm() {
    let folder = folder();
    run(async {
        let store = open(&folder).await;
        let data = content(0, 1, 3_000_000);
        let other = ingest(&store, &content(0, 2, 100_000), &NoDedup).await;
        let first = cut(&data)[0].0;
        for wrong in [other.terms[0].xorb, XetHash([9; 32])] {
            let index = Index { xorbs: HashMap::from([(first, wrong)]), ..Index::default() };
            let file = ingest(&store, &data, &index).await;
            check(&store, &data, &file).await;
            assert!(file.terms.iter().all(|term| term.xorb != wrong));
        }
    });
}

#[tokio::test]
async fn a_body_of_another_length_is_refused() {
    let folder = folder();
    let store = open(&folder).await;
    let data = content(0, 1, 1_000_000);
    let check = async |expected: Option<u64>, max: u64, kind: ErrorKind| {
        let error = store.ingest(body(data.clone(), 70_000), expected, max, &NoDedup).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(files(folder.path()).is_empty());
    };
    check(Some(999_999), u64::MAX, ErrorKind::Invalid).await;
    check(Some(1_000_001), u64::MAX, ErrorKind::Invalid).await;
    check(Some(0), u64::MAX, ErrorKind::Invalid).await;
    check(None, 999_999, ErrorKind::TooLarge).await;
    check(Some(1_000_000), 999_999, ErrorKind::TooLarge).await;

    let broken = futures_util::stream::iter([Ok(Bytes::from(data.clone())), Err("connection reset")]);
    let error = store.ingest(broken, None, u64::MAX, &NoDedup).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
