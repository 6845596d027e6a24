//! Making a mirror, and making it again what it follows: both in one transaction.

use std::sync::Arc;

use lyceum_core::{Oid, RepoId, RepoKind, Timestamp};
use lyceum_db::{AccountKind, Mirror, NewAccount, NewRepo, Queries, RepoSettings, Visibility};
use serde_json::json;

use super::snapshot::{Change, Snapshot};
use super::trouble::{Answered, Trouble, TroubleKind};
use super::upstream::Remote;
use super::{QUEUE, SyncReport};
use crate::account::append_event;
use crate::commit::insert_segment;
use crate::{Action, Error, ErrorKind, Hub, Repo, Result};

/// Changes of references that are told one by one; of more, only the number.
const MAX_TOLD: usize = 100;
/// The wait before something that failed is tried again, in seconds.
const RETRY_SECONDS: i64 = 300;

/// A mirror to make.
pub(super) struct Plan {
    pub(super) remote: Arc<Remote>,
    pub(super) kind: RepoKind,
    pub(super) remote_id: RepoId,
    pub(super) revision: Option<String>,
    pub(super) local: RepoId,
    pub(super) every_seconds: Option<u64>,
    pub(super) whole: bool,
    /// Whether a caller asked for the repo, rather than the operator for the mirror.
    pub(super) pulled: bool,
}

impl Hub {
    /// Makes a repo that is what one of an upstream is now.
    pub(super) async fn make_mirror(&self, mut plan: Plan) -> Answered<i64> {
        let snapshot =
            self.snapshot(&plan.remote, plan.kind, &plan.remote_id, plan.revision.as_deref(), 0).await?;
        if plan.pulled && snapshot.info.private {
            // What only this hub may see there is for its operator to mirror.
            let message =
                format!("upstream `{}` keeps {} `{}` private", plan.remote.name(), plan.kind, plan.local);
            return Err(Trouble::new(TroubleKind::Missing, message));
        }
        if plan.local.key() == snapshot.info.id.key() {
            // Written as it is there, however it was asked for.
            plan.local = snapshot.info.id.clone();
        }
        let now = self.inner.clock.now();
        let (plan, snapshot) = (Arc::new(plan), Arc::new(snapshot));
        let made =
            self.inner.db.write(move |tx| Box::pin(async move { make(tx, &plan, &snapshot, now).await }));
        let id = made.await?;
        self.inner.job_added.notify_one();
        Ok(id)
    }

    /// Makes a mirror what it follows is now.
    pub(super) async fn follow(&self, mirror: &Mirror, record: lyceum_db::Repo) -> Result<SyncReport> {
        let remote = self.remote(&mirror.upstream)?;
        let synced = match remote.allows(record.kind, &mirror.remote) {
            true => self.follow_remote(mirror, &record, &remote).await,
            false => Err(not_allowed(&remote, record.kind, &mirror.remote)),
        };
        let trouble = match synced {
            Ok(report) => return Ok(report),
            Err(trouble) => trouble,
        };
        let (repo_id, message, now) = (mirror.repo_id, trouble.to_string(), self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.mark_mirror_failed(repo_id, &message, now).await?) })
            })
            .await?;
        Err(trouble.into())
    }

    async fn follow_remote(
        &self,
        mirror: &Mirror,
        record: &lyceum_db::Repo,
        remote: &Remote,
    ) -> Answered<SyncReport> {
        let revision = mirror.revision.as_deref();
        let snapshot = self.snapshot(remote, record.kind, &mirror.remote, revision, record.id).await?;
        let report = SyncReport {
            changed: snapshot.changes.len(),
            git_bytes: snapshot.segment.as_ref().map_or(0, |segment| segment.bytes),
            ..SyncReport::default()
        };
        let (repo_id, now) = (record.id, self.inner.clock.now());
        let snapshot = Arc::new(snapshot);
        let landed = self.inner.db.write(move |tx| {
            Box::pin(async move {
                if !tx.repo(repo_id).await?.is_some_and(|repo| repo.mirror) {
                    return Err(Error::new(ErrorKind::Conflict, "the mirror was removed meanwhile"));
                }
                land(tx, repo_id, false, &snapshot, now).await
            })
        });
        landed.await?;
        self.inner.job_added.notify_one();
        Ok(report)
    }

    /// Fetches every large file at the heads of a mirror's branches and tags that is not stored; returns how many.
    pub(super) async fn fill_all(&self, record: &lyceum_db::Repo) -> Result<usize> {
        let repo = Repo { record: record.clone(), action: Action::Read };
        let mut filled = 0;
        for commit in self.mirror_tips(record.id).await? {
            for file in self.missing_files(&repo, commit).await? {
                if let Some(lfs) = file.entry.lfs {
                    self.fill_whole(&file, lfs).await?;
                    filled += 1;
                }
            }
        }
        Ok(filled)
    }

    /// Returns the commits at the heads of branches and tags, each once.
    pub(crate) async fn mirror_tips(&self, repo_id: i64) -> Result<Vec<Oid>> {
        let rows = self.inner.db.read().await?.refs_without_pulls(repo_id).await?;
        let mut tips: Vec<Oid> = rows.into_iter().map(|row| row.peeled).collect();
        tips.sort_unstable();
        tips.dedup();
        Ok(tips)
    }

    /// Returns the large files of a commit that are not stored, each content once.
    pub(crate) async fn missing_files(&self, repo: &Repo, commit: Oid) -> Result<Vec<crate::FileHandle>> {
        let mut seen = std::collections::HashSet::new();
        let entries = self.all_files(repo, commit).await?.into_iter();
        let missing = entries.filter(|entry| entry.xet_hash.is_none());
        let missing = missing.filter(|entry| entry.lfs.is_some_and(|lfs| seen.insert(lfs.sha256)));
        Ok(missing.map(|entry| crate::FileHandle { repo: repo.clone(), commit, entry }).collect())
    }
}

pub(super) fn not_allowed(remote: &Remote, kind: RepoKind, id: &RepoId) -> Trouble {
    let (name, prefix) = (remote.name(), kind.url_prefix());
    let message = format!("the settings do not allow `{prefix}{id}` to be mirrored from upstream `{name}`");
    Trouble::new(TroubleKind::Lasting, message)
}

/// When a mirror is looked at again.
pub(super) fn next_look(mirror: &Mirror, failed: bool, now: Timestamp) -> Option<Timestamp> {
    let every = i64::try_from(mirror.every_seconds?).unwrap_or(i64::MAX / 2000);
    Some(now.plus_seconds(if failed { every.min(RETRY_SECONDS) } else { every }))
}

/// Makes the repo, and the organisation that it is in if nobody has that name.
async fn make(tx: &mut Queries, plan: &Plan, snapshot: &Snapshot, now: Timestamp) -> Result<i64> {
    let taken = || {
        let message = format!("{} `{}` exists already", plan.kind, plan.local);
        Error::new(ErrorKind::AlreadyExists, message)
    };
    let owner_id = owner(tx, plan, now).await?;
    let new = NewRepo {
        kind: plan.kind,
        owner_id,
        creator_id: owner_id,
        name: plan.local.clone(),
        visibility: visibility(snapshot),
        gated: snapshot.info.gated,
        sdk: snapshot.info.sdk.clone(),
        resource_group_id: None,
        created_at: now,
    };
    let repo_id = tx.insert_repo(&new).await?.ok_or_else(taken)?;
    let mirror = Mirror {
        repo_id,
        upstream: plan.remote.name().to_owned(),
        remote: snapshot.info.id.clone(),
        revision: plan.revision.clone(),
        every_seconds: plan.every_seconds,
        whole: plan.whole,
        created_at: now,
        synced_at: None,
        failed_at: None,
        error: None,
        received_bytes: 0,
        reused_bytes: 0,
    };
    tx.insert_mirror(&mirror).await?;
    land(tx, repo_id, true, snapshot, now).await?;
    if let Some(next) = next_look(&mirror, false, now) {
        tx.enqueue(QUEUE, &format!("{QUEUE}:{repo_id}"), &repo_id.to_string(), next, now).await?;
    }
    let detail = json!({
        "kind": plan.kind.singular(),
        "id": plan.local.to_string(),
        "visibility": new.visibility.as_str(),
        "mirror": format!("{}://{}{}", mirror.upstream, plan.kind.url_prefix(), mirror.remote),
    });
    append_event(tx, Some(repo_id), None, "create-repo", &detail, now).await?;
    Ok(repo_id)
}

/// Returns the account that the repo is in. Asking for a repo fills only organisations that were made for mirrors.
async fn owner(tx: &mut Queries, plan: &Plan, now: Timestamp) -> Result<i64> {
    let name = plan.local.namespace();
    if let Some(account) = tx.account_by_name(name).await? {
        if plan.pulled && !tx.mirror_namespace(account.id).await? {
            return Err(crate::access::not_found());
        }
        return Ok(account.id);
    }
    let account = NewAccount {
        kind: AccountKind::Org,
        name: name.clone(),
        full_name: name.to_string(),
        email: None,
        password_hash: None,
        admin: false,
        service: false,
        created_at: now,
    };
    let taken = || Error::new(ErrorKind::Conflict, format!("account `{name}` was made at the same time"));
    let id = tx.insert_account(&account).await?.ok_or_else(taken)?;
    tx.insert_mirror_namespace(id).await?;
    let detail = json!({ "account": name.as_str(), "kind": AccountKind::Org.as_str(), "mirrors": true });
    append_event(tx, None, None, "create-account", &detail, now).await?;
    Ok(id)
}

/// Makes a snapshot true: segment, references, settings, jobs and audit events.
async fn land(tx: &mut Queries, repo_id: i64, new: bool, snapshot: &Snapshot, now: Timestamp) -> Result<()> {
    if let Some(segment) = &snapshot.segment {
        let number = insert_segment(tx, repo_id, segment).await?;
        crate::jobs::merge::enqueue(tx, repo_id, number, now).await?;
    }
    let (gone, kept): (Vec<&Change>, Vec<&Change>) =
        snapshot.changes.iter().partition(|change| change.new.is_none());
    for (told, change) in gone.into_iter().chain(kept).enumerate() {
        if !tx.cas_ref(repo_id, change.name.as_str(), change.old, change.new, now).await? {
            let message = format!("`{}` was changed at the same time; please try again", change.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        // A new repo is told of as a whole.
        if told < MAX_TOLD && !new {
            tell(tx, repo_id, change, now).await?;
        }
    }
    let settings = RepoSettings {
        visibility: Some(visibility(snapshot)),
        gated: Some(snapshot.info.gated),
        default_branch: snapshot.default_branch.clone(),
        sdk: snapshot.info.sdk.clone(),
        disabled: None,
    };
    tx.update_repo_settings(repo_id, &settings, now).await?;
    if !snapshot.changes.is_empty() {
        tx.touch_repo(repo_id, now, Some(now)).await?;
        crate::derive::enqueue(tx, repo_id, now).await?;
        let detail = json!({ "changed": snapshot.changes.len() });
        append_event(tx, Some(repo_id), None, "sync-mirror", &detail, now).await?;
    }
    Ok(tx.mark_mirror_synced(repo_id, &snapshot.info.id, now).await?)
}

/// Tells webhooks and the audit log of one reference.
async fn tell(tx: &mut Queries, repo_id: i64, change: &Change, now: Timestamp) -> Result<()> {
    let mut detail = json!({ "ref": change.name.as_str() });
    if let Some((_, commit)) = change.new {
        detail["commit"] = commit.to_string().into();
    }
    if let Some(old) = change.old {
        detail["old"] = old.to_string().into();
    }
    let action = match (change.old, change.new) {
        (_, None) => "delete-ref",
        (None, Some(_)) => "create-ref",
        (Some(_), Some(_)) => "commit",
    };
    append_event(tx, Some(repo_id), None, action, &detail, now).await
}

fn visibility(snapshot: &Snapshot) -> Visibility {
    if snapshot.info.private { Visibility::Private } else { Visibility::Public }
}
