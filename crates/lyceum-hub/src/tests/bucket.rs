//! Buckets.

use futures_util::future::join_all;
use futures_util::stream;
use lyceum_core::{ByteRange, RepoId, XetHash};

use super::*;
use crate::{
    BucketChange, BucketEntry, BucketFeed, BucketFile, BucketOperation, BucketResume, ErrorKind, Gated,
    LfsAction, LfsObject, LfsOperation, RepoChange, Visibility,
};

/// A bucket of a user's, and a model of his whose large files can be copied into it.
struct Filled {
    owned: Owned,
    bucket: Repo,
    contents: Vec<XetHash>,
}

impl Filled {
    async fn new(hub: &TestHub) -> Self {
        let owned = Owned::new(hub).await;
        let mut contents = Vec::new();
        for number in 0..4_u8 {
            contents.push(upload(hub, &owned, &vec![number; 1000 + usize::from(number)]).await);
        }
        let bucket = bucket(hub, &owned.caller, "b", None).await;
        Self { owned, bucket, contents }
    }

    fn copy(&self, path: &str, content: usize) -> BucketOperation {
        BucketOperation::Copy {
            path: path.to_owned(),
            xet_hash: self.contents[content],
            mtime: None,
            kind: RepoKind::Model,
            source: self.owned.repo.id().clone(),
        }
    }

    async fn apply(&self, hub: &TestHub, operations: Vec<BucketOperation>) -> crate::BucketBatch {
        hub.change_bucket_files(&self.owned.caller, &self.bucket, operations).await.unwrap()
    }

    /// Returns every path, and checks the totals.
    async fn paths(&self, hub: &TestHub) -> Vec<String> {
        let page = hub.bucket_tree(&self.bucket, None, true, None, None).await.unwrap();
        let files: Vec<BucketFile> = page
            .entries
            .into_iter()
            .map(|entry| match entry {
                BucketEntry::File(file) => file,
                BucketEntry::Folder { path, .. } => panic!("folder {path}"),
            })
            .collect();
        let info = hub.bucket_info(&self.bucket).await.unwrap();
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        assert_eq!((info.files, info.bytes), (files.len() as u64, bytes));
        files.into_iter().map(|file| file.path).collect()
    }
}

async fn upload(hub: &TestHub, owned: &Owned, content: &[u8]) -> XetHash {
    let object = LfsObject { sha256: digest(content), size: content.len() as u64 };
    let answers = hub.lfs_batch(&owned.caller, &owned.repo, LfsOperation::Upload, &[object], false).await;
    let LfsAction::Basic { grant } = answers.unwrap().remove(0).action else {
        panic!("the object is new and small");
    };
    let body = Bytes::copy_from_slice(content);
    hub.lfs_put(&grant, Box::pin(stream::once(async { Ok::<_, std::io::Error>(body) }))).await.unwrap();
    let files = hub.lfs_files(&owned.repo, None, 100).await.unwrap().files;
    files.iter().find(|file| file.sha256 == digest(content)).unwrap().xet_hash
}

async fn bucket(hub: &TestHub, caller: &Caller, name: &str, visibility: Option<Visibility>) -> Repo {
    let own = caller.identity().unwrap().name.clone();
    let id = hub.create_bucket(caller, &own, name, visibility).await.unwrap();
    open(hub, caller, &id, Action::Administer).await.unwrap()
}

async fn open(hub: &TestHub, caller: &Caller, id: &RepoId, action: Action) -> Result<Repo> {
    hub.open(caller, RepoKind::Bucket, id, action).await
}

fn delete(path: &str) -> BucketOperation {
    BucketOperation::Delete { path: path.to_owned() }
}

fn add(path: &str, xet_hash: XetHash) -> BucketOperation {
    BucketOperation::Add { path: path.to_owned(), xet_hash, mtime: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_fail_leave_the_others() {
    for hub in TestHub::each().await {
        let filled = Filled::new(&hub).await;
        let unknown = XetHash([9; 32]);
        let batch = filled
            .apply(
                &hub,
                vec![
                    filled.copy("a/x", 1),
                    add("a/y", filled.contents[2]),
                    add("b", unknown),
                    filled.copy("../c", 1),
                    delete("never/there"),
                    filled.copy("z", 1),
                    delete("z"),
                    delete("w"),
                    filled.copy("w", 2),
                ],
            )
            .await;
        assert_eq!(batch.succeeded, 6);
        let failed: Vec<&str> = batch.failed.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(failed, ["a/y", "b", "../c"], "{batch:?}");
        assert!(
            batch.failed[0].1.contains("not uploaded to this bucket"),
            "a model's content is not a bucket's"
        );
        assert_eq!(filled.paths(&hub).await, ["a/x", "w"]);

        // What the bucket has may be named again, as long as it has it.
        assert_eq!(filled.apply(&hub, vec![add("again", filled.contents[1])]).await.failed, []);
        filled.apply(&hub, vec![delete("again"), delete("a/x")]).await;
        assert_eq!(filled.apply(&hub, vec![add("again", filled.contents[1])]).await.succeeded, 0);
        let file = hub.bucket_file(&filled.bucket, &path("w")).await.unwrap();
        let mut body = hub.read_bucket_file(&file, ByteRange::new(1000, 1002)).await.unwrap();
        use futures_util::TryStreamExt as _;
        assert_eq!(body.try_next().await.unwrap().unwrap(), [2, 2].as_slice());
        let report = hub.fsck(true, |_| {}).await.unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_batches_happen_one_after_another() {
    for hub in TestHub::each().await {
        let filled = Filled::new(&hub).await;
        // Each batch writes the same paths, all with its own time: a mixture would show.
        let batches = (0..32_i64).map(|batch| {
            let operations = (0..20)
                .map(|number| match filled.copy(&format!("f{number:02}"), (batch % 4) as usize) {
                    BucketOperation::Copy { path, xet_hash, kind, source, .. } => BucketOperation::Copy {
                        path,
                        xet_hash,
                        mtime: Some(lyceum_core::Timestamp(batch)),
                        kind,
                        source,
                    },
                    other => other,
                })
                .chain([filled.copy(&format!("own{batch:02}"), 0)])
                .collect();
            filled.apply(&hub, operations)
        });
        for outcome in join_all(batches).await {
            assert_eq!((outcome.succeeded, outcome.failed.len()), (21, 0));
        }
        assert_eq!(filled.paths(&hub).await.len(), 20 + 32);
        let names: Vec<String> = (0..20).map(|number| format!("f{number:02}")).collect();
        let files = hub.bucket_paths_info(&filled.bucket, &names).await.unwrap();
        assert!(files.iter().all(|file| file.mtime == files[0].mtime), "{files:?}");

        // The feed has every change once, batch by batch.
        let resume = BucketResume::Since(lyceum_core::Timestamp(0));
        let mut follower = hub.follow_bucket(&filled.owned.caller, &filled.bucket, resume).await.unwrap();
        let Some(BucketFeed::Changes { changes, .. }) = follower.next().await else {
            panic!("there are changes");
        };
        assert_eq!(changes.len(), 32 * 21);
        for batch in changes.chunks(21) {
            assert!(batch[..20].iter().all(|event| event.mtime == batch[0].mtime));
            assert!(batch[20].path.starts_with("own"));
        }
        let report = hub.fsck(false, |_| {}).await.unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_are_told_and_go_on() {
    for hub in TestHub::each().await {
        let filled = Filled::new(&hub).await;
        let (caller, bucket) = (&filled.owned.caller, &filled.bucket);
        filled.apply(&hub, vec![filled.copy("a", 0)]).await;
        let mut follower = hub.follow_bucket(caller, bucket, BucketResume::Now).await.unwrap();
        let Some(BucketFeed::Ready { cursor }) = follower.next().await else {
            panic!("nothing is to be told");
        };
        let (told, _) =
            tokio::join!(follower.next(), filled.apply(&hub, vec![filled.copy("a", 1), filled.copy("b", 1)]));
        let Some(BucketFeed::Changes { changes, cursor: after }) = told else {
            panic!("{told:?}");
        };
        let seen: Vec<_> = changes.iter().map(|event| (event.path.as_str(), event.change)).collect();
        assert_eq!(seen, [("a", BucketChange::Update), ("b", BucketChange::Add)]);

        // A cursor goes on after what was told; the same changes come for another session.
        let resume = |cursor: &str| BucketResume::Cursor(cursor.to_owned());
        let mut again = hub.follow_bucket(caller, bucket, resume(&cursor)).await.unwrap();
        assert_eq!(again.next().await, Some(BucketFeed::Changes { cursor: after.clone(), changes }));
        assert_eq!(again.next().await, Some(BucketFeed::Ready { cursor: after.clone() }));
        for unknown in ["999999.1", &format!("{after}9")] {
            let mut lost = hub.follow_bucket(caller, bucket, resume(unknown)).await.unwrap();
            assert_eq!((lost.next().await, lost.next().await), (Some(BucketFeed::Reset), None));
        }
        assert!(hub.follow_bucket(caller, bucket, resume("x")).await.is_err());
        let id = bucket.record.id;
        let forget: Result<()> = hub
            .inner
            .db
            .write(move |tx| Box::pin(async move { Ok(tx.forget_bucket_events(id, 2).await?) }))
            .await;
        forget.unwrap();
        for forgotten in [resume(&cursor), BucketResume::Since(lyceum_core::Timestamp(0))] {
            let mut lost = hub.follow_bucket(caller, bucket, forgotten).await.unwrap();
            assert_eq!(lost.next().await, Some(BucketFeed::Reset));
        }
        let mut kept = hub.follow_bucket(caller, bucket, resume(&format!("{id}.2"))).await.unwrap();
        assert!(matches!(kept.next().await, Some(BucketFeed::Changes { changes, .. }) if changes.len() == 1));

        // Who may no longer read it learns nothing more.
        let (stranger, _) = hub.user("stranger").await;
        let seen = open(&hub, &stranger, bucket.id(), Action::Read).await.unwrap();
        let mut outside = hub.follow_bucket(&stranger, &seen, BucketResume::Now).await.unwrap();
        assert!(matches!(outside.next().await, Some(BucketFeed::Ready { .. })));
        let private = RepoChange { visibility: Some(Visibility::Private), gated: None };
        hub.change_repo(caller, bucket, private).await.unwrap();
        filled.apply(&hub, vec![delete("b")]).await;
        assert_eq!(outside.next().await, None);
        hub.end_followers();
        assert!(matches!(follower.next().await, Some(BucketFeed::Changes { .. })));
        assert!(matches!(follower.next().await, Some(BucketFeed::Reconnect { .. })));
        assert_eq!(follower.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn access_is_that_of_a_repo() {
    for hub in TestHub::each().await {
        let filled = Filled::new(&hub).await;
        let owner = &filled.owned.caller;
        let (stranger, _) = hub.user("stranger").await;
        let private = bucket(&hub, owner, "secret", Some(Visibility::Private)).await;
        for caller in [&Caller::Anonymous, &stranger] {
            let hidden = open(&hub, caller, private.id(), Action::Discover).await.unwrap_err();
            let missing = RepoId::parse("alice/none").unwrap();
            let missing = open(&hub, caller, &missing, Action::Discover).await.unwrap_err();
            assert_eq!((hidden.kind(), hidden.message()), (missing.kind(), missing.message()));
            let own = owner.identity().unwrap().name.clone();
            let listed = hub.list_buckets(caller, &own, "", None, 10).await.unwrap().buckets;
            assert_eq!(listed.len(), 1);
            let write = open(&hub, caller, filled.bucket.id(), Action::Write).await.unwrap_err();
            assert!(matches!(write.kind(), ErrorKind::Forbidden | ErrorKind::Unauthenticated));
        }
        let own = owner.identity().unwrap().name.clone();
        assert_eq!(hub.list_buckets(owner, &own, "", None, 10).await.unwrap().buckets.len(), 2);
        assert_eq!(hub.list_buckets(owner, &own, "SECR", None, 10).await.unwrap().buckets.len(), 1);
        assert_eq!(hub.list_buckets(owner, &own, "alice", None, 10).await.unwrap().buckets.len(), 0);
        let nobody = lyceum_core::AccountName::parse("nobody").unwrap();
        let unknown = hub.list_buckets(owner, &nobody, "", None, 10).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        let refused = hub.create_bucket(&stranger, &own, "x", None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_need_the_right_to_read() {
    for hub in TestHub::each().await {
        let filled = Filled::new(&hub).await;
        let (stranger, _) = hub.user("stranger").await;
        let own = bucket(&hub, &stranger, "own", None).await;
        let reason = async |operation: BucketOperation| {
            let batch = hub.change_bucket_files(&stranger, &own, vec![operation]).await.unwrap();
            batch.failed.into_iter().next().map(|(_, reason)| reason)
        };
        assert_eq!(reason(filled.copy("open", 0)).await, None);
        assert!(reason(add("stolen", filled.contents[1])).await.unwrap().contains("not uploaded"));

        let owner = &filled.owned.caller;
        let gate = RepoChange { visibility: None, gated: Some(Gated::Manual) };
        hub.change_repo(owner, &filled.owned.repo, gate).await.unwrap();
        assert!(reason(filled.copy("gated", 1)).await.unwrap().contains("is restricted"));
        let private = RepoChange { visibility: Some(Visibility::Private), gated: None };
        hub.change_repo(owner, &filled.owned.repo, private).await.unwrap();
        let hidden = reason(filled.copy("hidden", 1)).await.unwrap();
        let missing = BucketOperation::Copy {
            path: "hidden".to_owned(),
            xet_hash: filled.contents[1],
            mtime: None,
            kind: RepoKind::Model,
            source: RepoId::parse("alice/none").unwrap(),
        };
        assert_eq!(hidden.replace("alice/m", "alice/none"), reason(missing).await.unwrap());
        assert_eq!(hub.bucket_info(&own).await.unwrap().files, 1, "what was copied stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_and_pages_cover_everything_once() {
    for hub in TestHub::each().await {
        let filled = Filled::new(&hub).await;
        let paths = ["a", "a/b", "a/c/d", "a/c/e", "a0", "b/x", "c"];
        filled.apply(&hub, paths.iter().map(|path| filled.copy(path, 1)).collect()).await;
        let listed = async |folder: Option<&str>, recursive: bool, limit: usize| {
            let folder = folder.map(path);
            let (mut seen, mut after) = (Vec::new(), None::<String>);
            loop {
                let page = hub
                    .bucket_tree(&filled.bucket, folder.as_ref(), recursive, after.as_deref(), Some(limit))
                    .await
                    .unwrap();
                assert!(page.entries.len() <= limit);
                seen.extend(page.entries.into_iter().map(|entry| match entry {
                    BucketEntry::File(file) => file.path,
                    BucketEntry::Folder { path, .. } => format!("{path}/"),
                }));
                match page.next {
                    Some(next) => after = Some(next),
                    None => return seen,
                }
            }
        };
        for limit in [1, 2, 3, 100] {
            assert_eq!(listed(None, true, limit).await, paths);
            assert_eq!(listed(None, false, limit).await, ["a", "a/", "a0", "b/", "c"]);
            assert_eq!(listed(Some("a"), false, limit).await, ["a", "a/b", "a/c/"]);
            assert_eq!(listed(Some("a"), true, limit).await, ["a", "a/b", "a/c/d", "a/c/e"]);
            assert!(listed(Some("none"), true, limit).await.is_empty());
        }
        let info =
            hub.bucket_paths_info(&filled.bucket, &["c".into(), "a/c".into(), "..".into()]).await.unwrap();
        assert_eq!(info.len(), 1, "folders and nonsense are left out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_bucket_is_found_and_a_deleted_one_leaves_nothing() {
    for hub in TestHub::each().await {
        let filled = Filled::new(&hub).await;
        let caller = &filled.owned.caller;
        filled.apply(&hub, (0..50).map(|number| filled.copy(&format!("f{number}"), 1)).collect()).await;
        let (old, new) = (filled.bucket.id().clone(), RepoId::parse("alice/moved").unwrap());
        hub.move_repo(caller, &filled.bucket, &new).await.unwrap();
        let moved = open(&hub, caller, &old, Action::Administer).await.unwrap();
        assert_eq!((moved.id(), filled.paths(&hub).await.len()), (&new, 50));

        let id = moved.record.id;
        hub.delete_repo(caller, &moved).await.unwrap();
        assert_eq!(
            open(&hub, caller, &new, Action::Discover).await.unwrap_err().kind(),
            ErrorKind::RepoNotFound
        );
        let report = hub.fsck(false, |_| {}).await.unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        let late = hub.change_bucket_files(caller, &moved, vec![filled.copy("late", 1)]).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::RepoNotFound);
        hub.run_due_jobs().await.unwrap();
        assert_eq!(hub.inner.db.read().await.unwrap().count_bucket(id).await.unwrap(), (0, 0));
        let again = bucket(&hub, caller, "moved", None).await;
        let id = again.record.id;
        let spoil: Result<()> = hub
            .inner
            .db
            .write(move |tx| Box::pin(async move { Ok(tx.change_bucket(id, 1, 0, 0).await.map(drop)?) }))
            .await;
        spoil.unwrap();
        let report = hub.fsck(false, |_| {}).await.unwrap();
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
        assert!(report.findings[0].message.contains("its totals say"));
        let repair: Result<()> = hub
            .inner
            .db
            .write(move |tx| Box::pin(async move { Ok(tx.change_bucket(id, -1, 0, 0).await.map(drop)?) }))
            .await;
        repair.unwrap();
        assert_eq!(hub.bucket_info(&again).await.unwrap().files, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_the_place_of_all_followers() {
    let hub = TestHub::new().await;
    let (alice, _) = hub.user("alice").await;
    let (bob, _) = hub.user("bob").await;
    let bucket = bucket(&hub, &alice, "b", None).await;
    let fill = async |caller: &Caller| {
        let mut followers = Vec::new();
        loop {
            match hub.follow_bucket(caller, &bucket, BucketResume::Now).await {
                Ok(follower) => followers.push(follower),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable);
                    return followers;
                }
            }
        }
    };
    let anonymous = fill(&Caller::Anonymous).await;
    let alices = fill(&alice).await;
    assert!(!anonymous.is_empty() && !alices.is_empty());
    let mut bobs = fill(&bob).await;
    assert_eq!(bobs.len(), alices.len(), "what others take is not taken from him");
    bobs.pop();
    assert_eq!(fill(&bob).await.len(), 1, "who leaves makes room");
}
