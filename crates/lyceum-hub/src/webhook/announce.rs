//! Announcing a change, in the transaction that makes it.

use lyceum_core::{RepoId, RepoKind, Timestamp};
use lyceum_db::AccountKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tell;
use crate::{Error, Result};

/// Actions of the audit log that webhooks are told of.
const TOLD: &[&str] = &[
    "change-bucket",
    "close-discussion",
    "comment",
    "commit",
    "create-discussion",
    "create-ref",
    "create-repo",
    "change-settings",
    "delete-lfs-files",
    "delete-ref",
    "delete-repo",
    "edit-comment",
    "hide-comment",
    "merge-pull-request",
    "move-repo",
    "open-discussion",
    "rename-discussion",
    "super-squash",
];

/// A change that somebody may want to hear of; the payload of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Announcement {
    /// The event in the audit log.
    pub(super) event: i64,
    pub(super) repo_id: i64,
    pub(super) action: String,
    pub(super) detail: Value,
    /// What is left of a deleted repo.
    pub(super) gone: Option<Gone>,
}

/// A deleted repo, as far as it is told of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Gone {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) private: bool,
    pub(super) owner_id: i64,
    pub(super) owner_kind: String,
    /// Whether it was in a resource group, which not all members of its organisation see.
    pub(super) grouped: bool,
}

impl Gone {
    pub(super) fn id(&self) -> Option<(RepoKind, RepoId)> {
        Some((RepoKind::parse(&self.kind)?, RepoId::parse(&self.name).ok()?))
    }
}

/// Enqueues the job that tells of a change, if anybody watches the repo.
pub(crate) async fn announce(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    event: i64,
    action: &str,
    detail: &Value,
    now: Timestamp,
) -> Result<()> {
    // A moved repo may be watched under its old name alone; that is rare enough to leave to the job.
    if !TOLD.contains(&action) || (action != "move-repo" && !tx.repo_watched(repo_id).await?) {
        return Ok(());
    }
    let (action, detail) = (action.to_owned(), detail.clone());
    enqueue(tx, &Announcement { event, repo_id, action, detail, gone: None }, now).await
}

/// Takes down what is told of a repo that is about to be deleted; `None` if nobody watches it.
pub(crate) async fn before_deletion(
    tx: &mut lyceum_db::Queries,
    repo: &lyceum_db::Repo,
) -> Result<Option<Gone>> {
    if !tx.repo_watched(repo.id).await? {
        return Ok(None);
    }
    let owner = tx.account(repo.owner_id).await?;
    Ok(Some(Gone {
        kind: repo.kind.singular().to_owned(),
        name: repo.name.to_string(),
        private: repo.visibility == lyceum_db::Visibility::Private,
        owner_id: repo.owner_id,
        owner_kind: owner.map_or(AccountKind::User, |owner| owner.kind).as_str().to_owned(),
        grouped: repo.resource_group_id.is_some(),
    }))
}

/// Enqueues the job that tells of a deletion.
pub(crate) async fn announce_deletion(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    event: i64,
    gone: Gone,
    now: Timestamp,
) -> Result<()> {
    let (action, detail) = ("delete-repo".to_owned(), Value::Null);
    enqueue(tx, &Announcement { event, repo_id, action, detail, gone: Some(gone) }, now).await
}

async fn enqueue(tx: &mut lyceum_db::Queries, announcement: &Announcement, now: Timestamp) -> Result<()> {
    let payload = serde_json::to_string(announcement).map_err(Error::internal)?;
    let key = format!("{}:{}", tell::QUEUE, announcement.event);
    Ok(tx.enqueue(tell::QUEUE, &key, &payload, now, now).await?)
}
