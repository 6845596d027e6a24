//! A hub for tests, here and in the front ends.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lyceum_core::{AccountName, Clock, Entropy, RepoId, RepoKind, Sha256, Timestamp};
use lyceum_db::testing::TestDb;
use lyceum_store::{Store, StoreOptions};
use sha2::Digest as _;
use tempfile::TempDir;

use crate::hub::Inner;
use crate::{
    BucketOperation, Caller, Hub, HubOptions, LfsAction, LfsObject, LfsOperation, NewRepo, NewToken, NewUser,
    Repo, TokenRole,
};

/// A hub over a database and a store that go away with this value.
pub struct TestHub {
    hub: Hub,
    now_ms: Arc<AtomicI64>,
    _db: TestDb,
    _store: TempDir,
}

impl Deref for TestHub {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

impl TestHub {
    /// Makes a hub on SQLite and a temporary folder.
    pub async fn new() -> Self {
        Self::with(HubOptions::default()).await
    }

    /// Makes a hub with settings on SQLite and a temporary folder.
    pub async fn with(options: HubOptions) -> Self {
        Self::over(lyceum_db::testing::sqlite().await, options).await
    }

    /// Makes a hub on each database that there is: SQLite, and PostgreSQL where it is installed.
    pub async fn each() -> Vec<Self> {
        let mut hubs = vec![Self::new().await];
        if let Some(db) = lyceum_db::testing::postgres().await {
            hubs.push(Self::over(db, HubOptions::default()).await);
        }
        hubs
    }

    async fn over(db: TestDb, options: HubOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let store =
            Store::open_local(folder.path(), StoreOptions::default()).await.expect("a fresh store opens");
        let now_ms = Arc::new(AtomicI64::new(1_700_000_000_000));
        let ticking = now_ms.clone();
        let clock = Clock::from_fn(move || Timestamp(ticking.load(Ordering::Relaxed)));
        let hub = Hub::start((*db).clone(), store, clock, Entropy::system(), options)
            .await
            .expect("a fresh hub starts");
        Self { hub, now_ms, _db: db, _store: folder }
    }

    /// Starts another hub over the same database and store, as another process would.
    pub async fn again(&self, options: HubOptions) -> Hub {
        let Inner { db, store, clock, .. } = &*self.hub.inner;
        let started = Hub::start(db.clone(), store.clone(), clock.clone(), Entropy::system(), options).await;
        started.expect("another hub starts")
    }

    /// Returns the hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Lets time pass.
    pub fn advance_seconds(&self, seconds: i64) {
        self.now_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// Makes a user with the password `correct horse` and a token that may write; returns both as a caller and the secret.
    pub async fn user(&self, name: &str) -> (Caller, String) {
        let user = NewUser {
            name: name.to_owned(),
            full_name: None,
            email: None,
            admin: false,
            password: Some("correct horse".to_owned()),
        };
        self.hub.create_user(user).await.expect("a user can be made");
        let token = NewToken { name: "test".to_owned(), role: TokenRole::Write, value: None };
        let name = AccountName::parse(name).expect("a valid name");
        let secret = self.hub.create_token(&name, token).await.expect("a token can be made");
        (self.hub.authenticate(&secret).await.expect("a new token is valid"), secret)
    }

    /// Puts the same small content at every path of an empty bucket; returns how many files that made.
    pub async fn bucket_with(&self, caller: &Caller, bucket: &Repo, paths: &[&str], content: &[u8]) -> usize {
        let sha256 = Sha256(sha2::Sha256::digest(content).into());
        let object = LfsObject { sha256, size: content.len() as u64 };
        let answers = self.hub.lfs_batch(caller, bucket, LfsOperation::Upload, &[object], false).await;
        let action = answers.expect("an upload can be asked for").remove(0).action;
        let LfsAction::Basic { grant } = action else {
            panic!("the content is new and small");
        };
        let body = bytes::Bytes::copy_from_slice(content);
        let body = Box::pin(futures_util::stream::once(async { Ok::<_, std::io::Error>(body) }));
        self.hub.lfs_put(&grant, body).await.expect("small content can be stored");
        let files = self.hub.lfs_files(bucket, None, 1).await.expect("files can be listed").files;
        let kept = files[0].xet_hash;
        let add =
            |path: &&str| BucketOperation::Add { path: (*path).to_owned(), xet_hash: kept, mtime: None };
        let operations = paths.iter().map(add).collect();
        let batch = self.hub.change_bucket_files(caller, bucket, operations).await.expect("a batch can land");
        batch.succeeded
    }

    /// Makes a repo a mirror of a model `lab/m` that was never looked at.
    pub async fn pretend_mirror(&self, kind: RepoKind, id: &RepoId) {
        let record = self.inner.db.read().await.expect("the database answers").repo_by_key(kind, id).await;
        let mirror = lyceum_db::Mirror {
            repo_id: record.expect("the database answers").expect("the repo exists").id,
            upstream: "hf".to_owned(),
            remote: RepoId::parse("lab/m").expect("a valid id"),
            revision: None,
            every_seconds: None,
            whole: false,
            created_at: self.inner.clock.now(),
            synced_at: None,
            failed_at: None,
            error: None,
            received_bytes: 0,
            reused_bytes: 0,
        };
        let made = self.inner.db.write(move |tx| {
            Box::pin(async move { Ok::<_, crate::Error>(tx.insert_mirror(&mirror).await?) })
        });
        made.await.expect("a mirror can be recorded");
    }

    /// Enqueues a job that nobody knows how to do.
    pub async fn add_failing_job(&self, key: &str) {
        let (key, now) = (key.to_owned(), self.hub.clock().now());
        let added = self.hub.inner.db.write(move |tx| {
            Box::pin(async move { Ok::<_, crate::Error>(tx.enqueue("unknown", &key, "1", now, now).await?) })
        });
        added.await.expect("a job can be enqueued");
    }

    /// Makes a public repo of the caller's.
    pub async fn repo(&self, caller: &Caller, kind: RepoKind, name: &str) -> RepoId {
        let repo = NewRepo::new(kind, name);
        self.hub.create_repo(caller, repo).await.expect("a repo can be made")
    }
}
