//! Use cases on every database, through the public methods only.

mod access;
mod account;
mod admin;
mod bucket;
mod claim;
mod commit;
mod discussion;
mod garbage;
mod gate;
mod lfs;
mod oidc;
mod organisation;
mod publisher;
mod push;
mod quota;
mod reference;
mod repo;
mod search;
mod webhook;

use bytes::Bytes;
use lyceum_core::{RepoKind, RepoPath, Revision, Sha256};
use sha2::Digest as _;

use crate::testing::TestHub;
use crate::{Action, Caller, Committed, Operation, Repo, Result};

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn revision(text: &str) -> Revision {
    Revision::parse(text).unwrap()
}

fn header(parent: Option<&str>) -> Operation {
    Operation::Header {
        summary: "a change".to_owned(),
        description: String::new(),
        parent: parent.map(str::to_owned),
    }
}

fn file(at: &str, content: &str) -> Operation {
    Operation::File { path: path(at), content: Bytes::from(content.to_owned()) }
}

fn digest(content: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(content).into())
}

/// A user with a repo that he opened for everything.
struct Owned {
    caller: Caller,
    repo: Repo,
}

impl Owned {
    async fn new(hub: &TestHub) -> Self {
        let (caller, _) = hub.user("alice").await;
        let id = hub.repo(&caller, RepoKind::Model, "m").await;
        let repo = hub.open(&caller, RepoKind::Model, &id, Action::Administer).await.unwrap();
        Self { caller, repo }
    }

    async fn commit(&self, hub: &TestHub, operations: Vec<Operation>) -> Result<Committed> {
        commit(hub, &self.caller, &self.repo, "main", operations).await
    }

    async fn paths(&self, hub: &TestHub, at: &str) -> Vec<String> {
        let options = crate::TreeOptions { recursive: true, ..Default::default() };
        let page = hub.tree(&self.repo, &revision(at), None, options).await.unwrap();
        page.entries.into_iter().map(|entry| entry.path).collect()
    }
}

async fn commit(
    hub: &TestHub,
    caller: &Caller,
    repo: &Repo,
    branch: &str,
    operations: Vec<Operation>,
) -> Result<Committed> {
    let mut builder = hub.start_commit(caller, repo, &revision(branch), false).await?;
    builder.push(header(None)).await?;
    for operation in operations {
        builder.push(operation).await?;
    }
    builder.finish().await
}
