//! Making a mirror, and making it again what it follows: both in one transaction.

use std::collections::HashSet;
use std::sync::Arc;

use lyceum_core::{Oid, RepoId, RepoKind, Timestamp};
use lyceum_db::{AccountKind, Mirror, NewAccount, NewRepo, Queries, RepoSettings, Visibility};
use serde_json::json;

use super::snapshot::{Change, Snapshot};
use super::trouble::{Answered, Trouble, TroubleKind};
use super::upstream::{Remote, RemoteInfo};
use super::{QUEUE, SyncReport};
use crate::account::append_event;
use crate::commit::insert_segment;
use crate::reference::default_branch;
use crate::{Action, Error, ErrorKind, Hub, Repo, Result};

/// Changes of references that are told one by one; of more, only the number.
const MAX_TOLD: usize = 100;
/// Files in a row that cannot be fetched after which the others are not tried: it is not their fault.
const MAX_FAILURES: usize = 8;
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

impl Plan {
    /// Plans to mirror what a caller asked for.
    pub(super) fn pulled(remote: Arc<Remote>, kind: RepoKind, id: &RepoId) -> Self {
        Self {
            every_seconds: Some(remote.upstream.refresh_seconds),
            remote,
            kind,
            remote_id: id.clone(),
            revision: None,
            local: id.clone(),
            whole: false,
            pulled: true,
        }
    }
}

impl Hub {
    /// Makes a repo that is what one of an upstream is now.
    pub(super) async fn make_mirror(&self, mut plan: Plan) -> Answered<i64> {
        let info = match allowed_info(&plan.remote, plan.kind, &plan.remote_id).await {
            // To who asked it is as what was never allowed.
            Err(trouble) if plan.pulled && trouble.kind == TroubleKind::NotAllowed => {
                return Err(Trouble::new(TroubleKind::Missing, trouble.message));
            }
            info => info?,
        };
        if plan.pulled && info.private {
            // What only this hub may see there is for its operator to mirror.
            let message =
                format!("upstream `{}` keeps {} `{}` private", plan.remote.name(), plan.kind, plan.local);
            return Err(Trouble::new(TroubleKind::Missing, message));
        }
        let snapshot = self.snapshot(&plan.remote, plan.kind, info, plan.revision.as_deref(), 0).await?;
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
        let trouble = match self.follow_remote(mirror, &record, &remote).await {
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
        let info = allowed_info(remote, record.kind, &mirror.remote).await?;
        let snapshot =
            self.snapshot(remote, record.kind, info, mirror.revision.as_deref(), record.id).await?;
        let report = SyncReport {
            changed: snapshot.changes.len(),
            git_bytes: snapshot.segment.as_ref().map_or(0, |segment| segment.bytes),
            ..SyncReport::default()
        };
        let (repo_id, now) = (record.id, self.inner.clock.now());
        let snapshot = Arc::new(snapshot);
        let landed = self.inner.db.write(move |tx| {
            Box::pin(async move {
                let before = tx.repo(repo_id).await?.filter(|repo| repo.mirror);
                let removed = || Error::new(ErrorKind::Conflict, "the mirror was removed meanwhile");
                land(tx, repo_id, Some(before.ok_or_else(removed)?), &snapshot, now).await
            })
        });
        landed.await?;
        self.inner.job_added.notify_one();
        Ok(report)
    }

    /// Fetches every large file at the heads of a mirror's branches and tags that is not stored; returns how many.
    ///
    /// One that cannot be had keeps none of the others away, unless many in a row cannot.
    pub(super) async fn fill_all(&self, record: &lyceum_db::Repo) -> Result<usize> {
        let repo = Repo { record: record.clone(), action: Action::Read };
        let (mut filled, mut in_a_row) = (0, 0);
        let (mut failed, mut first) = (HashSet::new(), None);
        for commit in self.mirror_tips(record).await? {
            for file in self.missing_files(&repo, commit).await? {
                let Some(lfs) = file.entry.lfs.filter(|lfs| !failed.contains(&lfs.sha256)) else {
                    continue;
                };
                let Err(error) = self.fill_whole(&file, lfs).await else {
                    filled += 1;
                    in_a_row = 0;
                    continue;
                };
                failed.insert(lfs.sha256);
                let (path, error) = first.get_or_insert((file.entry.path, error));
                in_a_row += 1;
                if in_a_row == MAX_FAILURES {
                    let message = format!(
                        "{MAX_FAILURES} large files in a row could not be fetched; the first, `{path}`: {error}"
                    );
                    return Err(Error::new(ErrorKind::Unavailable, message));
                }
            }
        }
        let Some((path, error)) = first else {
            return Ok(filled);
        };
        let message =
            format!("{} large files could not be fetched; the first, `{path}`: {error}", failed.len());
        Err(Error::new(ErrorKind::Unavailable, message))
    }

    /// Returns the commits at the heads of branches and tags, each once; that of the default branch comes first.
    pub(crate) async fn mirror_tips(&self, record: &lyceum_db::Repo) -> Result<Vec<Oid>> {
        let rows = self.inner.db.read().await?.refs_without_pulls(record.id).await?;
        let main = default_branch(record);
        let first = rows.iter().find(|row| row.name == main).map(|row| row.peeled);
        let mut tips: Vec<Oid> = rows.into_iter().map(|row| row.peeled).collect();
        tips.sort_unstable_by_key(|tip| (Some(*tip) != first, *tip));
        tips.dedup();
        Ok(tips)
    }

    /// Returns the large files of a commit that are not stored, each content once.
    pub(crate) async fn missing_files(&self, repo: &Repo, commit: Oid) -> Result<Vec<crate::FileHandle>> {
        let mut seen = HashSet::new();
        let entries = self.all_files(repo, commit).await?.into_iter();
        let missing = entries.filter(|entry| entry.xet_hash.is_none());
        let missing = missing.filter(|entry| entry.lfs.is_some_and(|lfs| seen.insert(lfs.sha256)));
        Ok(missing.map(|entry| crate::FileHandle { repo: repo.clone(), commit, entry }).collect())
    }
}

/// Asks what a repo is there. It may have another id by now than it is asked for by: both must be allowed.
async fn allowed_info(remote: &Remote, kind: RepoKind, id: &RepoId) -> Answered<RemoteInfo> {
    if !remote.allows(kind, id) {
        return Err(not_allowed(remote, kind, id));
    }
    let info = remote.info(kind, id).await?;
    if remote.allows(kind, &info.id) { Ok(info) } else { Err(not_allowed(remote, kind, &info.id)) }
}

pub(super) fn not_allowed(remote: &Remote, kind: RepoKind, id: &RepoId) -> Trouble {
    let (name, prefix) = (remote.name(), kind.url_prefix());
    let message = format!("the settings do not allow `{prefix}{id}` to be mirrored from upstream `{name}`");
    Trouble::new(TroubleKind::NotAllowed, message)
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
    land(tx, repo_id, None, snapshot, now).await?;
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

/// Makes a snapshot true: segment, references, settings, jobs and audit events. A new repo was nothing `before`.
async fn land(
    tx: &mut Queries,
    repo_id: i64,
    before: Option<lyceum_db::Repo>,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<()> {
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
        if told < MAX_TOLD && before.is_some() {
            tell(tx, repo_id, change, now).await?;
        }
    }
    let (visibility, gated) = (visibility(snapshot), snapshot.info.gated);
    let settings = RepoSettings {
        visibility: Some(visibility),
        gated: Some(gated),
        default_branch: snapshot.default_branch.clone(),
        sdk: snapshot.info.sdk.clone(),
        disabled: None,
    };
    tx.update_repo_settings(repo_id, &settings, now).await?;
    if let Some(before) = before
        && (before.visibility != visibility || before.gated != gated)
    {
        let detail = json!({
            "visibility": (before.visibility != visibility).then(|| visibility.as_str()),
            "gated": (before.gated != gated).then(|| gated.as_str()),
        });
        append_event(tx, Some(repo_id), None, "change-settings", &detail, now).await?;
    }
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
