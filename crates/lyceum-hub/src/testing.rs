//! A hub for tests, here and in the front ends.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lyceum_core::{AccountName, Clock, Entropy, RepoId, RepoKind, Timestamp};
use lyceum_db::testing::TestDb;
use lyceum_store::{Store, StoreOptions};
use tempfile::TempDir;

use crate::{Caller, Hub, HubOptions, NewRepo, NewToken, NewUser, TokenRole};

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
        Self::over(lyceum_db::testing::sqlite().await).await
    }

    /// Makes a hub on each database that there is: SQLite, and PostgreSQL where it is installed.
    pub async fn each() -> Vec<Self> {
        let mut hubs = vec![Self::new().await];
        if let Some(db) = lyceum_db::testing::postgres().await {
            hubs.push(Self::over(db).await);
        }
        hubs
    }

    async fn over(db: TestDb) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let store =
            Store::open_local(folder.path(), StoreOptions::default()).await.expect("a fresh store opens");
        let now_ms = Arc::new(AtomicI64::new(1_700_000_000_000));
        let ticking = now_ms.clone();
        let clock = Clock::from_fn(move || Timestamp(ticking.load(Ordering::Relaxed)));
        let hub = Hub::start((*db).clone(), store, clock, Entropy::system(), HubOptions::default())
            .await
            .expect("a fresh hub starts");
        Self { hub, now_ms, _db: db, _store: folder }
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

    /// Makes a public repo of the caller's.
    pub async fn repo(&self, caller: &Caller, kind: RepoKind, name: &str) -> RepoId {
        let repo = NewRepo { kind, namespace: None, name: name.to_owned(), visibility: None, sdk: None };
        self.hub.create_repo(caller, repo).await.expect("a repo can be made")
    }
}
