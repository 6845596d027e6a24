use futures_util::TryStreamExt as _;
use lyceum_core::ByteRange;

use super::*;
use crate::{ErrorKind, LfsAction, LfsObject, LfsOperation, XetScope};

pub(super) fn body(
    content: &[u8],
) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin + 'static {
    let mut parts: Vec<_> = content.chunks(10_000).map(Bytes::copy_from_slice).collect();
    parts.reverse();
    // Unlike `stream::iter`, this panics when it is polled after its end, as request bodies may.
    Box::pin(futures_util::stream::unfold(parts, async |mut parts| parts.pop().map(|part| (Ok(part), parts))))
}

pub(super) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(step).collect()
}

async fn upload_grant(hub: &TestHub, owned: &Owned, content: &[u8]) -> LfsAction {
    let object = LfsObject { sha256: digest(content), size: content.len() as u64 };
    hub.lfs_batch(&owned.caller, &owned.repo, LfsOperation::Upload, &[object], false)
        .await
        .unwrap()
        .remove(0)
        .action
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_the_same_by_either_road() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let content = noise(3_000_000, 1);
        let LfsAction::Basic { grant } = upload_grant(&hub, &owned, &content).await else {
            panic!("the object is new")
        };
        let wrong = hub.lfs_put(&grant, body(&content[1..])).await.unwrap_err();
        assert!(matches!(wrong.kind(), ErrorKind::Invalid | ErrorKind::Unprocessable), "{wrong}");
        hub.lfs_put(&grant, body(&content)).await.unwrap();
        assert!(matches!(upload_grant(&hub, &owned, &content).await, LfsAction::Nothing));

        let large = Operation::LfsFile {
            path: path("w.safetensors"),
            sha256: digest(&content),
            size: Some(content.len() as u64),
        };
        owned.commit(&hub, vec![large]).await.unwrap();
        let found = hub.file(&owned.repo, &revision("main"), &path("w.safetensors")).await.unwrap();
        assert_eq!(found.etag(), digest(&content).to_string());
        for (start, end) in [(0, 3_000_000), (1, 2), (999_999, 2_000_001), (2_999_999, 3_000_000)] {
            let read = hub.read_file(&found, ByteRange::new(start, end)).await.unwrap();
            let read: Vec<Bytes> = read.try_collect().await.unwrap();
            assert!(read.concat() == content[start as usize..end as usize], "{start}..{end}");
        }

        // The Xet road plans the same bytes, for this repo and for no other.
        let file = found.entry.xet_hash.unwrap();
        let token = hub.xet_token(&owned.caller, &owned.repo, XetScope::Read).await.unwrap();
        let grant = hub.xet_grant(&token.token, XetScope::Read).await.unwrap();
        assert!(hub.xet_grant(&token.token, XetScope::Write).await.is_err());
        let plan = hub.reconstruction(&grant, file, None).await.unwrap();
        assert_eq!(plan.terms.iter().map(|term| term.unpacked_length).sum::<u64>(), 3_000_000);
        let past =
            hub.reconstruction(&grant, file, Some(ByteRange::new(3_000_000, 4_000_000))).await.unwrap_err();
        assert_eq!(past.kind(), ErrorKind::RangeNotSatisfiable);
        let other = hub.repo(&owned.caller, RepoKind::Dataset, "d").await;
        let other = hub.open(&owned.caller, RepoKind::Dataset, &other, Action::Read).await.unwrap();
        let token = hub.xet_token(&owned.caller, &other, XetScope::Read).await.unwrap();
        let stranger = hub.xet_grant(&token.token, XetScope::Read).await.unwrap();
        assert_eq!(hub.reconstruction(&stranger, file, None).await.unwrap_err().kind(), ErrorKind::NotFound);
        let (xorb, ranges) = hub.data_grant(&plan.fetches[0].grant).unwrap();
        assert_eq!((xorb, ranges[0].start), (plan.fetches[0].xorb, plan.fetches[0].ranges[0].bytes.start));
        hub.advance_seconds(2 * 3600);
        assert_eq!(hub.data_grant(&plan.fetches[0].grant).unwrap_err().kind(), ErrorKind::Forbidden);
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_copy_stores_only_what_changed() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    let content = noise(5_000_000, 2);
    let edited = [&content[..2_500_000], b"inserted", &content[2_500_000..]].concat();
    let stored = async || hub.inner.db.read().await.unwrap().xorb_totals().await.unwrap().1;
    for (content, most) in [(&content, 5_100_000), (&edited, 400_000)] {
        let before = stored().await;
        let LfsAction::Basic { grant } = upload_grant(&hub, &owned, content).await else {
            panic!("the object is new")
        };
        hub.lfs_put(&grant, body(content)).await.unwrap();
        let grown = stored().await - before;
        assert!(grown < most, "{grown} bytes were stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_smallest_objects_are_stored_too() {
    let hub = TestHub::new().await;
    let owned = Owned::new(&hub).await;
    for content in [&b""[..], b"x"] {
        let LfsAction::Basic { grant } = upload_grant(&hub, &owned, content).await else {
            panic!("the object is new")
        };
        hub.lfs_put(&grant, body(content)).await.unwrap();
        let large = Operation::LfsFile { path: path("small.bin"), sha256: digest(content), size: None };
        owned.commit(&hub, vec![large]).await.unwrap();
        let found = hub.file(&owned.repo, &revision("main"), &path("small.bin")).await.unwrap();
        assert_eq!(hub.read_start(&found, 10).await.unwrap(), content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_in_parts_are_joined() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let object = LfsObject { sha256: digest(b"x"), size: 3 << 30 };
        let answer = hub
            .lfs_batch(&owned.caller, &owned.repo, LfsOperation::Upload, &[object], true)
            .await
            .unwrap()
            .remove(0);
        let LfsAction::Multipart { grant, chunk_bytes, parts } = answer.action else {
            panic!("3 GiB go in parts")
        };
        assert_eq!(u64::from(parts), (3_u64 << 30).div_ceil(chunk_bytes));
        let short = hub.lfs_put_part(&grant, 1, body(b"short")).await.unwrap_err();
        assert!(short.message().contains("part 1"), "{short}");
        assert!(
            hub.lfs_put_part(&grant, parts + 1, body(b"x"))
                .await
                .unwrap_err()
                .message()
                .contains("does not exist")
        );
        assert!(hub.lfs_complete(&grant, &[]).await.unwrap_err().message().contains("part 1 is missing"));
        hub.advance_seconds(25 * 3600);
        hub.run_due_jobs().await.unwrap();
        assert!(
            hub.inner
                .db
                .read()
                .await
                .unwrap()
                .expired_uploads(hub.clock().now(), 10)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_large_files_leave_the_history() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (doomed, kept) = (noise(1000, 7), noise(1000, 8));
        for content in [&doomed, &kept] {
            let LfsAction::Basic { grant } = upload_grant(&hub, &owned, content).await else {
                panic!("the object is new")
            };
            hub.lfs_put(&grant, body(content)).await.unwrap();
        }
        let large = |at: &str, content: &[u8]| Operation::LfsFile {
            path: path(at),
            sha256: digest(content),
            size: None,
        };
        owned.commit(&hub, vec![large("dir/doomed.bin", &doomed), file("a", "1")]).await.unwrap();
        let last = owned.commit(&hub, vec![large("kept.bin", &kept)]).await.unwrap().oid;
        hub.create_tag(&owned.caller, &owned.repo, &revision("main"), "noted", Some("why")).await.unwrap();
        let listed = hub.lfs_files(&owned.repo, None, 10).await.unwrap().files;
        assert!(
            listed
                .iter()
                .any(|file| file.file_name == "dir/doomed.bin" && file.ref_name == "refs/heads/main"),
            "{listed:?}"
        );

        hub.delete_lfs_files(&owned.caller, &owned.repo, &[digest(&doomed)], true).await.unwrap();
        assert_eq!(owned.paths(&hub, "main").await, [".gitattributes", "a", "kept.bin"]);
        assert_eq!(owned.paths(&hub, "noted").await, [".gitattributes", "a", "kept.bin"]);
        assert_ne!(hub.resolve(&owned.repo, &revision("main")).await.unwrap(), last);
        let page = hub.commits(&owned.repo, &revision("main"), 0, 10).await.unwrap();
        assert_eq!(page.commits.len(), 3);
        assert_eq!(owned.paths(&hub, &page.commits[1].id.to_string()).await, [".gitattributes", "a"]);
        assert_eq!(hub.lfs_files(&owned.repo, None, 10).await.unwrap().files.len(), 1);
        assert!(hub.fsck(true, |_| {}).await.unwrap().findings.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_about_a_digest_misleads_nobody_else() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (bob, _) = hub.user("bob").await;
        let (fake, real) = (noise(1000, 1), noise(1000, 2));
        let LfsAction::Basic { grant } = upload_grant(&hub, &owned, &fake).await else {
            panic!("the object is new")
        };
        hub.lfs_put(&grant, body(&fake)).await.unwrap();
        let stored = hub
            .inner
            .db
            .read()
            .await
            .unwrap()
            .repo_files(owned.repo.record.id, &[digest(&fake)])
            .await
            .unwrap();
        let terms = hub.terms(stored[0].xet_hash).await.unwrap().unwrap();
        let claim = async || {
            let lie = crate::xet::NewFile {
                hash: stored[0].xet_hash,
                size: 1000,
                terms: lyceum_xet::encode_terms(&terms),
                sha256: Some(digest(&real)),
                verified: false,
                first_chunk: None,
            };
            let bob = bob.user_id().unwrap();
            hub.record(owned.repo.record.id, bob, vec![lie], &[], stored[0].xet_hash).await.unwrap();
        };
        let large = || Operation::LfsFile { path: path("w.bin"), sha256: digest(&real), size: None };
        claim().await;
        let refused = owned.commit(&hub, vec![large()]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unprocessable, "{refused}");
        claim().await;
        let LfsAction::Basic { grant } = upload_grant(&hub, &owned, &real).await else {
            panic!("another's claim is no reason to skip an upload")
        };
        hub.lfs_put(&grant, body(&real)).await.unwrap();
        owned.commit(&hub, vec![large()]).await.unwrap();
        claim().await;
        let found = hub.file(&owned.repo, &revision("main"), &path("w.bin")).await.unwrap();
        assert!(
            hub.read_start(&found, 1000).await.unwrap() == real,
            "what was verified is not replaced by a claim"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_large_files_are_gone_by_their_xet_hash_too() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (doomed, kept) = (noise(1000, 7), noise(1000, 8));
        for content in [&doomed, &kept] {
            let LfsAction::Basic { grant } = upload_grant(&hub, &owned, content).await else {
                panic!("the object is new")
            };
            hub.lfs_put(&grant, body(content)).await.unwrap();
        }
        let files = hub.lfs_files(&owned.repo, None, 10).await.unwrap().files;
        let token = hub.xet_token(&owned.caller, &owned.repo, XetScope::Read).await.unwrap();
        let grant = hub.xet_grant(&token.token, XetScope::Read).await.unwrap();
        hub.delete_lfs_files(&owned.caller, &owned.repo, &[digest(&doomed)], false).await.unwrap();
        for file in files {
            let read = hub.reconstruction(&grant, file.xet_hash, None).await.map(drop);
            let expected = if file.sha256 == digest(&kept) { Ok(()) } else { Err(ErrorKind::NotFound) };
            assert_eq!(read.map_err(|error| error.kind()), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_parts_goes_on_or_begins_anew() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let content = noise((16 << 20) + 10, 3);
        let object = LfsObject { sha256: digest(&content), size: content.len() as u64 };
        let begin = async || hub.resume_upload(&owned.caller, &owned.repo, object).await.unwrap();
        let upload = begin().await.expect("it is new");
        assert_eq!((upload.chunk_bytes, upload.parts, upload.stored.len()), (16 << 20, 2, 0));
        hub.lfs_put_part(&upload.grant, 2, body(&content[16 << 20..])).await.unwrap();
        assert_eq!(hub.finish_upload(&upload.grant).await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(begin().await.unwrap().stored, [2], "it goes on");
        hub.lfs_put_part(&upload.grant, 1, body(&content[1..=16 << 20])).await.unwrap();
        assert_eq!(hub.finish_upload(&upload.grant).await.unwrap_err().kind(), ErrorKind::Unprocessable);
        assert_eq!(hub.finish_upload(&upload.grant).await.unwrap_err().kind(), ErrorKind::NotFound);
        let upload = begin().await.unwrap();
        assert!(upload.stored.is_empty(), "what was wrong is dropped");
        hub.lfs_put_part(&upload.grant, 1, body(&content[..16 << 20])).await.unwrap();
        hub.lfs_put_part(&upload.grant, 2, body(&content[16 << 20..])).await.unwrap();
        hub.finish_upload(&upload.grant).await.unwrap();
        assert!(begin().await.is_none(), "it is stored");
    }
}
