use super::*;
use crate::tests::lfs::{body, noise};
use crate::{ErrorKind, LfsAction, LfsObject, LfsOperation, StorageLimits, XetScope};

const MIB: u64 = 1 << 20;

async fn ask(hub: &TestHub, owned: &Owned, content: &[u8]) -> Result<LfsAction> {
    let object = LfsObject { sha256: digest(content), size: content.len() as u64 };
    let answers = hub.lfs_batch(&owned.caller, &owned.repo, LfsOperation::Upload, &[object], false).await?;
    Ok(answers.into_iter().next().unwrap().action)
}

async fn upload(hub: &TestHub, owned: &Owned, content: &[u8]) -> Result<()> {
    match ask(hub, owned, content).await? {
        LfsAction::Basic { grant } => hub.lfs_put(&grant, body(content)).await,
        LfsAction::Nothing => Ok(()),
        other => panic!("{other:?}"),
    }
}

async fn used(hub: &TestHub, owned: &Owned) -> (u64, u64) {
    let quota = hub.quota(owned.repo.id().namespace()).await.unwrap().unwrap();
    (quota.logical_bytes, quota.stored_bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_bind_and_deletions_free() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let name = owned.repo.id().namespace().clone();
        let one = noise(MIB as usize, 1);
        upload(&hub, &owned, &one).await.unwrap();
        assert!(hub.quota(&name).await.unwrap().is_none(), "nobody has limits by himself");

        let limits = StorageLimits { logical: Some(2 * MIB + 100), stored: None };
        let set = hub.set_quota(&name, limits).await.unwrap().unwrap();
        assert_eq!(set.logical_bytes, MIB, "what is there already counts");
        assert!(set.stored_bytes > MIB && set.stored_bytes < MIB + MIB / 10, "{set:?}");

        upload(&hub, &owned, &noise(MIB as usize, 2)).await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, 2 * MIB);
        let refused = ask(&hub, &owned, &noise(101, 3)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        assert!(refused.message().contains("storage quota of 2097252 bytes"), "{refused}");
        upload(&hub, &owned, &one).await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, 2 * MIB, "a file that is there counts once");

        hub.delete_lfs_files(&owned.caller, &owned.repo, &[digest(&one)], false).await.unwrap();
        hub.advance_seconds(10);
        hub.run_due_jobs().await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, MIB);
        upload(&hub, &owned, &noise(101, 3)).await.unwrap();

        hub.set_quota(&name, StorageLimits::default()).await.unwrap();
        assert!(hub.quota(&name).await.unwrap().is_none());
        upload(&hub, &owned, &noise(2 * MIB as usize, 4)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_here_before_takes_no_room() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let name = owned.repo.id().namespace().clone();
        let content = noise(MIB as usize, 1);
        upload(&hub, &owned, &content).await.unwrap();
        let limits = StorageLimits { logical: None, stored: Some(MIB + MIB / 2) };
        hub.set_quota(&name, limits).await.unwrap();

        let longer = [content.as_slice(), &[7; 1000]].concat();
        upload(&hub, &owned, &longer).await.unwrap();
        let (logical, stored) = used(&hub, &owned).await;
        assert_eq!(logical, 2 * MIB + 1000);
        assert!(stored < MIB + MIB / 4, "{stored}");

        let refused = upload(&hub, &owned, &noise(MIB as usize, 2)).await.unwrap_err();
        assert!(refused.message().contains("bytes after deduplication is exceeded"), "{refused}");
        assert_eq!(used(&hub, &owned).await.0, logical, "what was refused is not there");
        let token = hub.xet_token(&owned.caller, &owned.repo, XetScope::Write).await;
        assert_eq!(token.unwrap_err().kind(), ErrorKind::Forbidden);
        hub.xet_token(&owned.caller, &owned.repo, XetScope::Read).await.unwrap();
        assert_eq!(ask(&hub, &owned, &noise(10, 3)).await.unwrap_err().kind(), ErrorKind::Forbidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_pay_for_what_they_propose() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let name = owned.repo.id().namespace().clone();
        let limits = StorageLimits { logical: Some(MIB), stored: Some(MIB) };
        hub.set_quota(&name, limits).await.unwrap();
        let (bob, _) = hub.user("bob").await;
        let repo = hub.open(&bob, RepoKind::Model, owned.repo.id(), Action::Propose).await.unwrap();
        let theirs = Owned { caller: bob, repo };
        let content = noise(3 * MIB as usize, 1);
        upload(&hub, &theirs, &content).await.unwrap();
        assert_eq!(used(&hub, &owned).await, (0, 0));
        hub.set_quota(&name, limits).await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, 0, "measured, too");

        let bobs = lyceum_core::AccountName::parse("bob").unwrap();
        hub.set_quota(&bobs, StorageLimits { logical: Some(MIB), stored: None }).await.unwrap();
        upload(&hub, &theirs, &noise(MIB as usize, 5)).await.unwrap();
        let refused = upload(&hub, &theirs, &noise(MIB as usize, 7)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_merged_counts_for_the_owner() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let name = owned.repo.id().namespace().clone();
        hub.set_quota(&name, StorageLimits { logical: Some(3 * MIB / 2), stored: None }).await.unwrap();
        let (bob, _) = hub.user("bob").await;
        let repo = hub.open(&bob, RepoKind::Model, owned.repo.id(), Action::Propose).await.unwrap();
        let theirs = Owned { caller: bob, repo };
        let propose = async |seed: u64, path: &str| {
            let content = noise(MIB as usize, seed);
            upload(&hub, &theirs, &content).await.unwrap();
            let made = hub.create_discussion(&theirs.caller, &theirs.repo, path, "", true).await.unwrap();
            let line = Operation::LfsFile { path: super::path(path), sha256: digest(&content), size: None };
            let reference = format!("refs/pr/{}", made.number);
            commit(&hub, &theirs.caller, &theirs.repo, &reference, vec![line]).await.unwrap();
            let (caller, number) = (&theirs.caller, made.number);
            hub.set_discussion_open(caller, &theirs.repo, number, true, None).await.unwrap();
            number
        };
        let (one, two) = (propose(1, "one").await, propose(2, "two").await);
        assert_eq!(used(&hub, &owned).await.0, 0);
        hub.merge_pull_request(&owned.caller, &owned.repo, one, None).await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, MIB, "at once");
        let refused = hub.merge_pull_request(&owned.caller, &owned.repo, two, None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        assert_eq!(used(&hub, &owned).await.0, MIB);

        // Proposing it once more does not take it off again.
        propose(1, "again").await;
        hub.advance_seconds(10);
        hub.run_due_jobs().await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, MIB, "measured");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_made_from_a_pull_request_counts_for_the_owner() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let name = owned.repo.id().namespace().clone();
        hub.set_quota(&name, StorageLimits { logical: Some(3 * MIB / 2), stored: None }).await.unwrap();
        let (bob, _) = hub.user("bob").await;
        let repo = hub.open(&bob, RepoKind::Model, owned.repo.id(), Action::Propose).await.unwrap();
        let theirs = Owned { caller: bob, repo };
        for seed in [1, 2] {
            let content = noise(MIB as usize, seed);
            upload(&hub, &theirs, &content).await.unwrap();
            let line = Operation::LfsFile { path: path("big"), sha256: digest(&content), size: None };
            let mut proposal =
                hub.start_commit(&theirs.caller, &theirs.repo, &revision("main"), true).await.unwrap();
            proposal.push(header(None)).await.unwrap();
            proposal.push(line).await.unwrap();
            proposal.finish().await.unwrap();
        }
        let branch = async |branch: &str, start: &str| {
            let new = crate::NewBranch { start: Some(revision(start)), ..Default::default() };
            hub.create_branch(&owned.caller, &owned.repo, branch, new).await
        };
        branch("same", "main").await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, 0);
        branch("taken", "refs/pr/1").await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, MIB, "at once");
        let refused = branch("more", "refs/pr/2").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        branch("again", "refs/pr/1").await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, MIB, "it is on a branch already");
        hub.advance_seconds(10);
        hub.run_due_jobs().await.unwrap();
        assert_eq!(used(&hub, &owned).await.0, MIB, "measured");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_and_moves_count_where_they_go() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        upload(&hub, &owned, &noise(MIB as usize, 1)).await.unwrap();
        let (bob, _) = hub.user("bob").await;
        let bobs = lyceum_core::AccountName::parse("bob").unwrap();
        hub.set_quota(&bobs, StorageLimits { logical: Some(MIB + 1), stored: None }).await.unwrap();
        let copy = |name: &str| lyceum_core::RepoId::new(bobs.clone(), name).unwrap();
        hub.duplicate_repo(&bob, &owned.repo, &copy("one"), None).await.unwrap();
        let refused = hub.duplicate_repo(&bob, &owned.repo, &copy("two"), None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        assert_eq!(hub.quota(&bobs).await.unwrap().unwrap().logical_bytes, MIB);
    }
}
