use crate::tests::{all, at_once, body, build, content, files, folder, open, read_all, run, sample};
use crate::{ErrorKind, Store};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_core::{ByteRange, XetHash};
use lyceum_xet::hash::chunk_hash;
use proptest::prelude::*;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_put_is_read(
        chunks in proptest::collection::vec((0_u8..3, any::<u64>(), 1_usize..131_072), 1..30),
        frame_bytes in 1_000_usize..400_000,
        client_footer: bool,
        cuts in proptest::collection::vec((0.0..1.0, 0.0..1.0), 5),
    ) {
        let chunks: Vec<_> = chunks.into_iter().map(|(kind, seed, length)| content(kind, seed, length)).collect();
        let (index, data) = build(&chunks);
        let mut sent = data.to_vec();
        if client_footer {
            sent.extend_from_slice(&index.encode());
        }
        let folder = folder();
        run(async {
            let store = open(&folder).await;
            let put = store.put_xorb(index.hash, body(sent, frame_bytes)).await.unwrap();
            assert!(put.inserted);
            assert_eq!(*put.index, index);
            let [stored] = &files(folder.path())[..] else {
                panic!("one file is stored");
            };
            assert!(std::fs::read(stored).unwrap() == [&data[..], &index.encode()].concat());

            // A new store has nothing in its cache.
            let store = open(&folder).await;
            assert_eq!(store.has_xorb(index.hash).await.unwrap(), Some(data.len() as u64));
            assert_eq!(*store.xorb_index(index.hash).await.unwrap().unwrap(), index);
            store.verify_xorb(index.hash).await.unwrap();
            for (a, b) in cuts {
                let at = |share: f64| (share * (data.len() + 1) as f64) as usize;
                let (start, end) = (at(a).min(at(b)), at(a).max(at(b)));
                let range = ByteRange::new(start as u64, end as u64);
                assert!(read_all(store.read_xorb(index.hash, range).await).await.unwrap() == data[start..end]);
            }
        });
    }
}

/// Checks that a body is refused with `kind` and leaves nothing, and that the right one is accepted afterwards.
async fn check_refused(store: &Store, kind: ErrorKind, hash: XetHash, sent: impl Into<Bytes>) {
    let error = store.put_xorb(hash, body(sent.into(), 60_000)).await.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(files(store.spool_dir().parent().unwrap()), Vec::<PathBuf>::new());
    assert_eq!(store.has_xorb(hash).await.unwrap(), None);
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let folder = folder();
    let store = open(&folder).await;
    let (index, data) = sample(20, 1);
    let other = chunk_hash(b"other");
    let invalid = ErrorKind::Invalid;
    check_refused(&store, invalid, other, data.clone()).await;
    check_refused(&store, invalid, index.hash, Bytes::new()).await;
    check_refused(&store, invalid, index.hash, data.slice(..data.len() - 1)).await;
    check_refused(&store, invalid, index.hash, data.slice(..7)).await;
    check_refused(&store, invalid, index.hash, [&data[..], b"trailing bytes"].concat()).await;
    check_refused(&store, invalid, index.hash, content(0, 3, 600_000)).await;
    check_refused(&store, invalid, XetHash([0; 32]), Bytes::new()).await;
    let mut damaged = data.to_vec();
    damaged[300_000] ^= 1;
    check_refused(&store, invalid, index.hash, damaged).await;

    // One chunk too many by size.
    let chunk = content(0, 9, 131_072);
    let (one, stored) = build(std::slice::from_ref(&chunk));
    check_refused(&store, ErrorKind::TooLarge, one.hash, stored.repeat(513)).await;

    let broken = body(data.clone(), 60_000).map(|frame| Ok::<_, std::io::Error>(frame.unwrap())).take(3);
    let broken = broken.chain(stream::iter([Err(std::io::ErrorKind::ConnectionReset.into())]));
    let error = store.put_xorb(index.hash, broken).await.unwrap_err();
    assert_eq!(error.kind(), invalid);

    assert!(store.put_xorb(index.hash, body(data, 60_000)).await.unwrap().inserted);
}

#[tokio::test]
async fn a_xorb_is_stored_once_and_kept_as_it_is() {
    let folder = folder();
    let store = open(&folder).await;
    let chunks = [content(1, 1, 100_000), content(1, 2, 50_000)];
    let (index, data) = build(&chunks);
    // The same chunks uncompressed are the same xorb in other bytes.
    let mut plain = Vec::new();
    for chunk in &chunks {
        plain.extend_from_slice(&[
            0,
            chunk.len() as u8,
            (chunk.len() >> 8) as u8,
            (chunk.len() >> 16) as u8,
            0,
        ]);
        plain.extend_from_slice(&[chunk.len() as u8, (chunk.len() >> 8) as u8, (chunk.len() >> 16) as u8]);
        plain.extend_from_slice(chunk);
    }
    assert!(store.put_xorb(index.hash, body(data.clone(), 60_000)).await.unwrap().inserted);
    for again in [Bytes::from(plain), data.clone()] {
        let put = store.put_xorb(index.hash, body(again, 60_000)).await.unwrap();
        assert!(!put.inserted);
        assert_eq!(*put.index, index);
    }
    let error = store.put_xorb(index.hash, body(content(0, 1, 1000), 100)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(read_all(store.read_xorb(index.hash, all(data.len() as u64)).await).await.unwrap() == data);
}

#[test]
fn identical_uploads_at_once_store_one() {
    let folder = folder();
    let (index, data) = sample(30, 1);
    let puts = run(async {
        let store = open(&folder).await;
        at_once(8, |number| {
            let (store, data, hash) = (store.clone(), data.clone(), index.hash);
            async move { store.put_xorb(hash, body(data, 10_000 + number * 1000)).await.unwrap() }
        })
        .await
    });
    assert_eq!(puts.iter().filter(|put| put.inserted).count(), 1);
    assert!(puts.iter().all(|put| *put.index == index));
    assert_eq!(files(folder.path()).len(), 1);
}

/// Damages a stored xorb in one way and checks that this is seen, and healed by another upload.
async fn check_damage(damage: impl Fn(&std::fs::File, u64), index_damaged: bool) {
    let folder = folder();
    let (index, data) = sample(20, 1);
    open(&folder).await.put_xorb(index.hash, body(data.clone(), 60_000)).await.unwrap();
    let path = files(folder.path()).remove(0);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    damage(&file, data.len() as u64);

    let store = open(&folder).await;
    assert_eq!(store.verify_xorb(index.hash).await.unwrap_err().kind(), ErrorKind::Corrupt);
    if index_damaged {
        assert_eq!(store.xorb_index(index.hash).await.unwrap_err().kind(), ErrorKind::Corrupt);
        let garbage = store.put_xorb(index.hash, body(content(0, 1, 1000), 100)).await.unwrap_err();
        assert_eq!(garbage.kind(), ErrorKind::Invalid);
        assert!(path.exists(), "only a good upload replaces a damaged xorb");
    } else {
        store.delete_xorb(index.hash).await.unwrap();
    }
    assert!(store.put_xorb(index.hash, body(data, 60_000)).await.unwrap().inserted);
    store.verify_xorb(index.hash).await.unwrap();
    assert_eq!(files(folder.path()), [path]);
}

#[tokio::test]
async fn damage_is_found_and_healed() {
    check_damage(|file, _| file.write_all_at(b"x", 1000).unwrap(), false).await;
    check_damage(|file, data| file.write_all_at(b"x", data - 1).unwrap(), false).await;
    check_damage(|file, data| file.write_all_at(b"x", data).unwrap(), true).await;
    check_damage(|file, data| file.write_all_at(b"xxxx", data + 200).unwrap(), true).await;
    check_damage(|file, _| file.set_len(0).unwrap(), true).await;
    check_damage(|file, _| file.set_len(3).unwrap(), true).await;
    check_damage(|file, data| file.set_len(data).unwrap(), true).await;
    check_damage(
        |mut file, data| {
            file.set_len(data * 3).unwrap();
            file.write_all(b"").unwrap();
        },
        true,
    )
    .await;
}

#[tokio::test]
async fn a_large_index_is_read_in_two_steps() {
    let folder = folder();
    let chunks: Vec<_> = (0..8192_u32).map(|number| number.to_le_bytes().to_vec()).collect();
    let (index, data) = build(&chunks);
    open(&folder).await.put_xorb(index.hash, body(data, 60_000)).await.unwrap();
    let store = open(&folder).await;
    assert_eq!(*store.xorb_index(index.hash).await.unwrap().unwrap(), index);
}

#[tokio::test]
async fn xorbs_are_listed_and_deleted() {
    let folder = folder();
    let store = open(&folder).await;
    assert_eq!(store.list_xorbs().try_collect::<Vec<_>>().await.unwrap(), []);
    let mut expected = Vec::new();
    for seed in 0..3 {
        let (index, data) = sample(2, seed * 100);
        store.put_xorb(index.hash, body(data.clone(), 60_000)).await.unwrap();
        expected.push((index.hash, (data.len() + index.encode().len()) as u64));
    }
    expected.sort();
    let mut listed: Vec<_> = store.list_xorbs().try_collect().await.unwrap();
    listed.sort();
    assert_eq!(listed, expected);

    let (hash, _) = expected[0];
    assert!(store.delete_xorb(hash).await.unwrap());
    assert!(!store.delete_xorb(hash).await.unwrap());
    assert_eq!(store.has_xorb(hash).await.unwrap(), None);
    assert_eq!(store.read_xorb(hash, all(1)).await.err().unwrap().kind(), ErrorKind::NotFound);
    assert_eq!(store.verify_xorb(hash).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_range_ends_at_the_chunks_not_at_the_index() {
    let folder = folder();
    let store = open(&folder).await;
    let (index, data) = sample(3, 1);
    store.put_xorb(index.hash, body(data.clone(), 60_000)).await.unwrap();
    let beyond = all(data.len() as u64 + 1);
    assert_eq!(store.read_xorb(index.hash, beyond).await.err().unwrap().kind(), ErrorKind::Invalid);
}
