//! What is believed of the digests that clients claim.

use lyceum_core::XetHash;
use lyceum_xet::encode_terms;

use super::*;
use crate::xet::NewFile;
use crate::{ErrorKind, LfsAction, LfsObject, LfsOperation, XetGrant, XetScope};

/// Stores a file for the owner and returns what a shard would say of it, with a digest of the test's choice.
async fn stored(hub: &TestHub, owned: &Owned, content: &[u8], claimed: Sha256) -> NewFile {
    let object = LfsObject { sha256: digest(content), size: content.len() as u64 };
    let asked = hub.lfs_batch(&owned.caller, &owned.repo, LfsOperation::Upload, &[object], false).await;
    if let LfsAction::Basic { grant } = asked.unwrap().remove(0).action {
        hub.lfs_put(&grant, super::lfs::body(content)).await.unwrap();
    }
    let row = hub.inner.db.read().await.unwrap().repo_file(owned.repo.record.id, &object.sha256).await;
    let hash = row.unwrap().unwrap().xet_hash;
    let terms = hub.terms(hash).await.unwrap().unwrap();
    NewFile {
        hash,
        size: object.size,
        terms: encode_terms(&terms),
        sha256: Some(claimed),
        verified: false,
        first_chunk: None,
    }
}

async fn claim(hub: &TestHub, grant: &XetGrant, file: NewFile) -> Result<()> {
    let mut files = vec![file];
    hub.settle_claims(grant, &mut files).await?;
    let user_id = grant.bearer.user_id;
    hub.record(grant.repo_id, user_id, files, &[], XetHash([1; 32])).await.map(drop)
}

async fn grant(hub: &TestHub, caller: &Caller, repo: &Repo) -> XetGrant {
    let token = hub.xet_token(caller, repo, XetScope::Write).await.unwrap();
    hub.xet_grant(&token.token, XetScope::Write).await.unwrap()
}

fn large(at: &str, sha256: Sha256) -> Operation {
    Operation::LfsFile { path: path(at), sha256, size: None }
}

async fn row(hub: &TestHub, owned: &Owned, sha256: Sha256) -> Option<lyceum_db::RepoFile> {
    hub.inner.db.read().await.unwrap().repo_file(owned.repo.record.id, &sha256).await.unwrap()
}

async fn bob(hub: &TestHub, owned: &Owned) -> (Caller, Repo) {
    let (caller, _) = hub.user("bob").await;
    let repo = hub.open(&caller, RepoKind::Model, owned.repo.id(), Action::Propose).await.unwrap();
    (caller, repo)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_propose_is_verified_at_once() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        let (bob, repo) = bob(&hub, &owned).await;
        let (alices, bobs) = (grant(&hub, &owned.caller, &owned.repo).await, grant(&hub, &bob, &repo).await);
        let (good, evil) = (b"good content".as_slice(), b"evil content".as_slice());
        let lie = stored(&hub, &owned, evil, digest(b"good")).await;
        let refused = claim(&hub, &bobs, lie.clone()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert_eq!(row(&hub, &owned, digest(b"good")).await, None);

        let truth = stored(&hub, &owned, good, digest(good)).await;
        owned.repo_files_forgotten(&hub, digest(good)).await;
        claim(&hub, &bobs, truth).await.unwrap();
        assert!(row(&hub, &owned, digest(good)).await.unwrap().verified);
        claim(&hub, &alices, lie).await.unwrap();
        assert!(!row(&hub, &owned, digest(b"good")).await.unwrap().verified, "his own repo is his to spoil");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_verifies_what_others_claimed() {
    for hub in TestHub::each().await {
        let owned = Owned::new(&hub).await;
        owned.commit(&hub, vec![file("a", "1")]).await.unwrap();
        let (bob, repo) = bob(&hub, &owned).await;
        let bob_id = bob.user_id().unwrap();
        let (good, lied) = (b"good content".as_slice(), digest(b"good"));
        // As claims of a former writer are.
        let lie = stored(&hub, &owned, b"evil content", lied).await;
        let truth = stored(&hub, &owned, good, digest(good)).await;
        owned.repo_files_forgotten(&hub, digest(good)).await;
        let repo_id = owned.repo.record.id;
        hub.record(repo_id, bob_id, vec![lie, truth], &[], XetHash([1; 32])).await.unwrap();
        for (at, sha256) in [("dir/true", digest(good)), ("dir/false", lied)] {
            let made = hub.create_discussion(&bob, &repo, at, "", true).await.unwrap();
            commit(&hub, &bob, &repo, &format!("refs/pr/{}", made.number), vec![large(at, sha256)])
                .await
                .unwrap();
            hub.set_discussion_open(&bob, &repo, made.number, true, None).await.unwrap();
        }
        hub.merge_pull_request(&owned.caller, &owned.repo, 1, None).await.unwrap();
        let found = row(&hub, &owned, digest(good)).await.unwrap();
        assert!(found.verified, "nobody can put other content in its place");
        assert_eq!((found.file_name.as_str(), found.ref_name.as_str()), ("dir/true", "refs/heads/main"));

        let refused = hub.merge_pull_request(&owned.caller, &owned.repo, 2, None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unprocessable);
        assert_eq!(row(&hub, &owned, lied).await, None, "a lie is forgotten");
        assert_eq!(owned.paths(&hub, "main").await, [".gitattributes", "a", "dir", "dir/true"]);
    }
}

impl Owned {
    async fn repo_files_forgotten(&self, hub: &TestHub, sha256: Sha256) {
        hub.delete_lfs_files(&self.caller, &self.repo, &[sha256], false).await.unwrap();
    }
}
