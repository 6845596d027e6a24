//! What nothing names goes, everything else stays, also while it is being uploaded.

use futures_util::TryStreamExt as _;
use lyceum_core::ByteRange;

use super::lfs::{body, noise};
use super::*;
use crate::garbage::lease::Lease;
use crate::garbage::{GARBAGE_GRACE_DAYS, GarbageReport};
use crate::{Error, LfsAction, LfsObject, LfsOperation};

const DAY: i64 = 86_400;

pub(super) async fn upload(hub: &TestHub, caller: &Caller, repo: &Repo, content: &[u8]) -> Result<()> {
    let object = LfsObject { sha256: digest(content), size: content.len() as u64 };
    let action = hub.lfs_batch(caller, repo, LfsOperation::Upload, &[object], false).await?.remove(0).action;
    match action {
        LfsAction::Basic { grant } => hub.lfs_put(&grant, body(content)).await,
        _ => Ok(()),
    }
}

fn large(at: &str, content: &[u8]) -> Operation {
    Operation::LfsFile { path: path(at), sha256: digest(content), size: Some(content.len() as u64) }
}

async fn read(hub: &TestHub, repo: &Repo, at: &str) -> Result<Vec<u8>> {
    let found = hub.file(repo, &revision("main"), &path(at)).await?;
    let size = found.entry.size;
    let parts: Vec<Bytes> = hub.read_file(&found, ByteRange::new(0, size)).await?.try_collect().await?;
    Ok(parts.concat())
}

/// Two rounds, far enough apart that the second deletes what the first found.
async fn rounds(hub: &TestHub) -> GarbageReport {
    let mut sum = GarbageReport::default();
    for _ in 0..2 {
        let round = hub.collect_garbage(GARBAGE_GRACE_DAYS, |_| {}).await.unwrap();
        sum.claims += round.claims;
        sum.files += round.files;
        sum.xorbs += round.xorbs;
        sum.xorb_bytes += round.xorb_bytes;
        hub.advance_seconds(2 * 3600);
    }
    sum
}

async fn clean(hub: &TestHub) {
    let findings = hub.fsck(true, |_| {}).await.unwrap().findings;
    assert!(findings.is_empty(), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_names_goes_after_its_time() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (kept, dropped, deleted) = (noise(300_000, 1), noise(300_000, 3), noise(300_000, 5));
        let (caller, repo) = (&owned.caller, &owned.repo);
        for content in [&kept, &dropped] {
            upload(&hub, caller, repo, content).await.unwrap();
        }
        owned.commit(&hub, vec![large("kept.bin", &kept)]).await.unwrap();
        let second = hub.repo(caller, RepoKind::Model, "second").await;
        let second = hub.open(caller, RepoKind::Model, &second, Action::Administer).await.unwrap();
        for content in [&deleted, &kept] {
            upload(&hub, caller, &second, content).await.unwrap();
        }
        let operations = vec![large("a.bin", &deleted), large("b.bin", &kept)];
        commit(&hub, caller, &second, "main", operations).await.unwrap();
        hub.delete_repo(caller, &second).await.unwrap();
        hub.run_due_jobs().await.unwrap();

        let report = rounds(&hub).await;
        assert_eq!((report.claims, report.files, report.xorbs), (0, 1, 0), "the bytes are new");
        hub.advance_seconds(i64::from(GARBAGE_GRACE_DAYS) * DAY);
        let report = rounds(&hub).await;
        assert_eq!((report.claims, report.files, report.xorbs), (1, 1, 2));
        assert!(report.xorb_bytes > 600_000);
        assert_eq!(rounds(&hub).await, GarbageReport::default(), "nothing is left to be done");
        clean(&hub).await;
        assert!(read(&hub, repo, "kept.bin").await.unwrap() == kept);

        upload(&hub, caller, repo, &dropped).await.unwrap();
        owned.commit(&hub, vec![large("dropped.bin", &dropped)]).await.unwrap();
        assert!(read(&hub, repo, "dropped.bin").await.unwrap() == dropped);
        clean(&hub).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_history_names_stays() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let content = noise(200_000, 4);
        upload(&hub, &owned.caller, &owned.repo, &content).await.unwrap();
        owned.commit(&hub, vec![large("a.bin", &content)]).await.unwrap();
        owned.commit(&hub, vec![Operation::DeletedFile(path("a.bin"))]).await.unwrap();
        let (repo_id, sha256) = (owned.repo.record.id, digest(&content));
        unname(&hub, &owned.repo, std::slice::from_ref(&content)).await;
        hub.advance_seconds(2 * i64::from(GARBAGE_GRACE_DAYS) * DAY);
        assert_eq!(rounds(&hub).await, GarbageReport::default());
        let found = hub.inner.db.read().await.unwrap().repo_file(repo_id, &sha256).await.unwrap().unwrap();
        assert_eq!(found.ref_name, "refs/heads/main", "the history is not read for it again");
        owned.commit(&hub, vec![large("again.bin", &content)]).await.unwrap();
        assert!(read(&hub, &owned.repo, "again.bin").await.unwrap() == content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_pull_request_names_is_no_branchs() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (caller, repo) = (&owned.caller, &owned.repo);
        let contents = [noise(100_000, 7), noise(100_000, 8)];
        for content in &contents {
            upload(&hub, caller, repo, content).await.unwrap();
        }
        owned.commit(&hub, vec![large("a.bin", &contents[0])]).await.unwrap();
        let mut proposal = hub.start_commit(caller, repo, &revision("main"), true).await.unwrap();
        proposal.push(header(None)).await.unwrap();
        proposal.push(large("b.bin", &contents[1])).await.unwrap();
        proposal.finish().await.unwrap();
        unname(&hub, repo, &contents).await;
        hub.advance_seconds(2 * i64::from(GARBAGE_GRACE_DAYS) * DAY);
        assert_eq!(rounds(&hub).await, GarbageReport::default());
        let mut named = Vec::new();
        for content in &contents {
            let mut db = hub.inner.db.read().await.unwrap();
            named.push(db.repo_file(repo.record.id, &digest(content)).await.unwrap().unwrap().ref_name);
        }
        assert_eq!(named, ["refs/heads/main", "refs/pr/1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_and_never_committed_goes() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (caller, content) = (&owned.caller, noise(100_000, 12));
        upload(&hub, caller, &owned.repo, &content).await.unwrap();
        owned.commit(&hub, vec![large("a.bin", &content)]).await.unwrap();
        let second = hub.repo(caller, RepoKind::Model, "second").await;
        let second = hub.open(caller, RepoKind::Model, &second, Action::Administer).await.unwrap();
        let stored = hub.lfs_files(&owned.repo, None, 9).await.unwrap().files.remove(0);
        let copied = [(stored.sha256, stored.xet_hash, "a.bin".to_owned())];
        hub.copy_lfs_files(caller, &owned.repo, &second, &copied).await.unwrap();
        assert_eq!(hub.lfs_files(&second, None, 9).await.unwrap().files[0].ref_name, "");
        hub.advance_seconds(2 * i64::from(GARBAGE_GRACE_DAYS) * DAY);
        assert_eq!(rounds(&hub).await.claims, 1);
        assert!(read(&hub, &owned.repo, "a.bin").await.unwrap() == content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_collection_at_a_time() {
    for hub in TestHub::each().await {
        let (other, now) = (Lease::new(&hub.inner.entropy), hub.inner.clock.now());
        let hold = |lease: Lease, now| {
            hub.inner.db.write(move |tx| Box::pin(async move { lease.hold(tx, now).await }))
        };
        hold(other.clone(), now).await.unwrap();
        let refused = hub.collect_garbage(GARBAGE_GRACE_DAYS, |_| {}).await.unwrap_err();
        assert_eq!(refused.kind(), crate::ErrorKind::Conflict);
        hub.advance_seconds(3600);
        hub.collect_garbage(GARBAGE_GRACE_DAYS, |_| {}).await.expect("the other is taken to be dead");
        hold(other.clone(), hub.inner.clock.now()).await.expect("the round gave the lease back");
        let ending = other.clone();
        hub.inner.db.write(move |tx| Box::pin(async move { ending.end(tx).await })).await.unwrap();
        hub.collect_garbage(GARBAGE_GRACE_DAYS, |_| {}).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_ends_no_collection() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (claimed, dropped) = (noise(200_000, 9), noise(200_000, 10));
        upload(&hub, &owned.caller, &owned.repo, &claimed).await.unwrap();
        let plain: String = noise(400_000, 11).iter().map(|byte| char::from(b'0' + byte % 64)).collect();
        owned.commit(&hub, vec![file("plain.txt", &plain)]).await.unwrap();
        let mut lost = 0;
        for row in hub.inner.db.read().await.unwrap().segments(owned.repo.record.id, 0, 9).await.unwrap() {
            if let Some(key) = row.blob_key {
                let key = lyceum_store::BlobKey::segment(key.trim_start_matches("segments/")).unwrap();
                lost += usize::from(hub.inner.store.delete_blob(&key).await.unwrap());
            }
        }
        assert_eq!(lost, 1, "the commit is too large for a row");
        let second = hub.repo(&owned.caller, RepoKind::Model, "second").await;
        let second = hub.open(&owned.caller, RepoKind::Model, &second, Action::Administer).await.unwrap();
        upload(&hub, &owned.caller, &second, &dropped).await.unwrap();
        hub.advance_seconds(2 * i64::from(GARBAGE_GRACE_DAYS) * DAY);
        let report = rounds(&hub).await;
        assert_eq!((report.claims, report.files, report.xorbs), (1, 1, 1), "those of the sound repo");
    }
}

/// Makes large files look as if no commit had named them.
async fn unname(hub: &TestHub, repo: &Repo, contents: &[Vec<u8>]) {
    for content in contents {
        let (repo_id, sha256) = (repo.record.id, digest(content));
        hub.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let file = tx.repo_file(repo_id, &sha256).await?.expect("it was uploaded");
                    tx.delete_repo_files(repo_id, &[sha256]).await?;
                    let unnamed = lyceum_db::RepoFile { ref_name: String::new(), ..file };
                    Ok::<_, Error>(tx.link_repo_file(&unnamed).await?)
                })
            })
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_collections_keep_out_of_each_others_way() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let content = noise(150_000, 5);
        // Each round finds the xorb unused and old, while the same content is on its way again.
        let mut committed = 0;
        for round in 0..12 {
            let id = hub.repo(&owned.caller, RepoKind::Model, &format!("r{round}")).await;
            let repo = hub.open(&owned.caller, RepoKind::Model, &id, Action::Administer).await.unwrap();
            let uploading = async {
                upload(&hub, &owned.caller, &repo, &content).await?;
                commit(&hub, &owned.caller, &repo, "main", vec![large("a.bin", &content)]).await
            };
            let collecting = async {
                for _ in 0..round % 4 {
                    tokio::task::yield_now().await;
                }
                hub.collect_garbage(1, |_| {}).await
            };
            let (uploaded, collected) = tokio::join!(uploading, collecting);
            collected.unwrap();
            match uploaded {
                Ok(_) => {
                    committed += 1;
                    assert!(read(&hub, &repo, "a.bin").await.unwrap() == content, "round {round}");
                }
                Err(error) => assert_eq!(error.kind(), crate::ErrorKind::Unavailable, "{error}"),
            }
            clean(&hub).await;
            hub.delete_repo(&owned.caller, &repo).await.unwrap();
            hub.advance_seconds(3 * DAY);
            hub.collect_garbage(1, |_| {}).await.unwrap();
            hub.advance_seconds(2 * 3600);
        }
        assert!(committed > 0, "every upload was refused");
    }
}
