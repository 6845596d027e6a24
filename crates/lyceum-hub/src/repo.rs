//! Creating, opening, moving, duplicating and deleting repos, and their settings.

use bytes::Bytes;
use lyceum_core::{AccountName, Oid, RefName, RepoId, RepoKind, RepoPath, Revision};
use lyceum_db::{Gated, RepoSettings, Standing};

use crate::access::{Permission, Permitted, check, not_found};
use crate::account::append_event;
use crate::reference::default_branch;
use crate::webhook::announce::{announce_deletion, before_deletion};
use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result, Role, Visibility, quota};

pub(crate) mod create;
mod duplicate;

/// A repo to create.
#[derive(Debug, Clone)]
pub struct NewRepo {
    /// What it holds.
    pub kind: RepoKind,
    /// Owner; the caller himself when absent.
    pub namespace: Option<AccountName>,
    /// Name, not yet checked.
    pub name: String,
    /// Who may see it; the owner's default when absent.
    pub visibility: Option<Visibility>,
    /// SDK of a space.
    pub sdk: Option<String>,
    /// Licence that its card is to name.
    pub license: Option<String>,
    /// Regular files of its first commit, in place of those that every repo begins with or beside them.
    pub files: Vec<(RepoPath, Bytes)>,
}

impl NewRepo {
    /// Names a repo of the caller's, with the files that every repo begins with.
    pub fn new(kind: RepoKind, name: &str) -> Self {
        Self {
            kind,
            namespace: None,
            name: name.to_owned(),
            visibility: None,
            sdk: None,
            license: None,
            files: Vec::new(),
        }
    }
}

/// Settings to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct RepoChange {
    /// Who may see it.
    pub visibility: Option<Visibility>,
    /// Whether its content needs consent.
    pub gated: Option<Gated>,
}

impl Hub {
    /// Opens a repo for an action: the access check. Old ids of moved repos open the moved repo.
    pub async fn open(&self, caller: &Caller, kind: RepoKind, id: &RepoId, action: Action) -> Result<Repo> {
        let mut found = self.inner.db.read().await?.repo_access(kind, id, caller.user_id()).await?;
        let seen = found.as_ref().map(|found| (&found.repo, &found.standing));
        if self.pull_unseen(caller, kind, id, action, seen).await? {
            found = self.inner.db.read().await?.repo_access(kind, id, caller.user_id()).await?;
        }
        let found = found.ok_or_else(not_found)?;
        check(caller, &found.repo, &found.standing, action, self.inner.clock.now())?;
        Ok(Repo { record: found.repo, action })
    }

    /// Tells what the caller may do with a repo.
    pub async fn permitted(&self, caller: &Caller, repo: &Repo) -> Result<Permitted> {
        let mut db = self.inner.db.read().await?;
        let Some(found) = db.repo_access(repo.kind(), repo.id(), caller.user_id()).await? else {
            return Ok(Permitted::default());
        };
        let now = self.inner.clock.now();
        let may = |action| check(caller, &found.repo, &found.standing, action, now).is_ok();
        Ok(Permitted {
            read: may(Action::Read),
            propose: may(Action::Propose),
            write: may(Action::Write),
            administer: may(Action::Administer),
        })
    }

    /// Opens a repo with the head of its default branch, `None` while it has no commit; mostly by one query.
    pub async fn open_head(
        &self,
        caller: &Caller,
        kind: RepoKind,
        id: &RepoId,
        action: Action,
    ) -> Result<(Repo, Option<Oid>)> {
        let usual = main_branch();
        let names = [usual.as_str(), ""];
        let mut found = self.inner.db.read().await?.repo_with_ref(kind, id, caller.user_id(), names).await?;
        let seen = found.as_ref().map(|found| (&found.repo, &found.standing));
        if self.pull_unseen(caller, kind, id, action, seen).await? {
            found = self.inner.db.read().await?.repo_with_ref(kind, id, caller.user_id(), names).await?;
        }
        let found = found.ok_or_else(not_found)?;
        check(caller, &found.repo, &found.standing, action, self.inner.clock.now())?;
        let repo = Repo { record: found.repo, action };
        let head = match found.found {
            Some(reference) if reference.name == default_branch(&repo.record) => Some(reference.peeled),
            _ => self.head(&repo).await?,
        };
        Ok((repo, head))
    }

    /// Opens a repo and finds the commit of a revision, by one query when the revision is a branch or tag.
    pub(crate) async fn open_at(
        &self,
        caller: &Caller,
        kind: RepoKind,
        id: &RepoId,
        revision: &Revision,
        action: Action,
    ) -> Result<(Repo, Oid)> {
        let names = crate::reference::reference_names(revision.as_str());
        let names = [names[0].as_deref().unwrap_or_default(), names[1].as_deref().unwrap_or_default()];
        let mut found = self.inner.db.read().await?.repo_with_ref(kind, id, caller.user_id(), names).await?;
        let seen = found.as_ref().map(|found| (&found.repo, &found.standing));
        if self.pull_unseen(caller, kind, id, action, seen).await? {
            found = self.inner.db.read().await?.repo_with_ref(kind, id, caller.user_id(), names).await?;
        }
        let found = found.ok_or_else(not_found)?;
        check(caller, &found.repo, &found.standing, action, self.inner.clock.now())?;
        let repo = Repo { record: found.repo, action };
        let commit = match found.found {
            Some(reference) => reference.peeled,
            None if revision.as_str() == "HEAD" => self.resolve(&repo, revision).await?,
            None => self.resolve_oid(&repo, revision).await?,
        };
        Ok((repo, commit))
    }

    /// Has a repo mirrored that was not found, if that may be; true if it has to be looked for again. Of one that the
    /// caller may not know of upstreams are asked as well: he must not see a difference.
    async fn pull_unseen(
        &self,
        caller: &Caller,
        kind: RepoKind,
        id: &RepoId,
        action: Action,
        found: Option<(&lyceum_db::Repo, &Standing)>,
    ) -> Result<bool> {
        let now = self.inner.clock.now();
        let refusal = found.map(|(repo, standing)| check(caller, repo, standing, action, now));
        match refusal {
            None => self.pull(caller, kind, id, action, false).await,
            Some(Err(error)) if error.kind() == ErrorKind::RepoNotFound => {
                self.pull(caller, kind, id, action, true).await
            }
            Some(_) => Ok(false),
        }
    }

    /// Deletes a repo opened with [`Action::Administer`].
    pub async fn delete_repo(&self, caller: &Caller, repo: &Repo) -> Result<()> {
        let (id, actor, now) = (repo.record.id, caller.signed_in()?.user_id, self.inner.clock.now());
        let (kind, owner_id) = (repo.kind(), repo.record.owner_id);
        if kind == RepoKind::Bucket {
            self.purge_bucket_uploads(id).await?;
        }
        let detail = serde_json::json!({ "kind": kind.singular(), "id": repo.id().to_string() });
        let record = repo.record.clone();
        let blobs = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let blobs = tx.segment_blob_keys(id).await?;
                    let gone = before_deletion(tx, &record).await?;
                    tx.delete_repo(id).await?;
                    if kind == RepoKind::Bucket {
                        crate::bucket::enqueue_purge(tx, id, now).await?;
                    }
                    quota::enqueue(tx, owner_id, now).await?;
                    let event = lyceum_db::NewEvent {
                        repo_id: None,
                        actor_id: Some(actor),
                        action: "delete-repo".to_owned(),
                        detail: detail.to_string(),
                        at: now,
                    };
                    let event = tx.append_event(&event).await?;
                    if let Some(gone) = gone {
                        announce_deletion(tx, id, event, gone, now).await?;
                    }
                    Ok::<_, Error>(blobs)
                })
            })
            .await?;
        self.inner.packs.forget(id);
        if kind == RepoKind::Bucket {
            self.inner.followers.tell(id);
            self.inner.job_added.notify_one();
        }
        // After the transaction: a crash in between leaves bytes that nothing names, never names without bytes.
        for blob in blobs {
            self.inner.store.delete_blob(&lyceum_store::BlobKey::segment(&blob)?).await?;
        }
        Ok(())
    }

    /// Renames a repo opened with [`Action::Administer`], or gives it to another owner; the old id keeps leading to it.
    ///
    /// With another owner it leaves its resource group, which needs the right that
    /// [`set_group_of`](Self::set_group_of) needs.
    pub async fn move_repo(&self, caller: &Caller, repo: &Repo, to: &RepoId) -> Result<()> {
        let group = group_under(repo, to.namespace());
        let owner = self.namespace_for(caller, repo.kind(), to.namespace(), group).await?;
        if repo.record.resource_group_id != group {
            self.may_leave_group(caller, repo).await?;
        }
        let (record, to, now) = (repo.record.clone(), to.clone(), self.inner.clock.now());
        let actor = caller.signed_in()?.user_id;
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_repo(&record, owner.id, &to, now).await? {
                        return Err(Error::new(
                            ErrorKind::AlreadyExists,
                            format!("A {} repository called {to} already exists", record.kind),
                        ));
                    }
                    if record.owner_id != owner.id {
                        let (_, files) = tx.repo_file_totals(record.id).await?;
                        let bucket = tx.bucket(record.id).await?.map_or(0, |bucket| bucket.bytes);
                        quota::charge(tx, owner.id, (files + bucket).cast_signed(), 0).await?;
                        quota::enqueue(tx, owner.id, now).await?;
                        quota::enqueue(tx, record.owner_id, now).await?;
                    }
                    let detail = serde_json::json!({ "from": record.name.to_string(), "to": to.to_string() });
                    append_event(tx, Some(record.id), Some(actor), "move-repo", &detail, now).await
                })
            })
            .await
    }

    /// Changes settings of a repo opened with [`Action::Administer`].
    pub async fn change_repo(&self, caller: &Caller, repo: &Repo, change: RepoChange) -> Result<()> {
        let (id, actor, now) = (repo.record.id, caller.signed_in()?.user_id, self.inner.clock.now());
        if change.visibility == Some(Visibility::Protected) && repo.kind() != RepoKind::Space {
            return Err(Error::new(ErrorKind::Invalid, "only a space can be protected"));
        }
        if change.gated.is_some() && repo.kind() == RepoKind::Bucket {
            return Err(Error::new(ErrorKind::Invalid, "a bucket cannot be gated"));
        }
        if repo.record.mirror && (change.visibility.is_some() || change.gated.is_some()) {
            let message = "who sees a mirror, and its gate, are those of the repository that it follows";
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
        let detail = serde_json::json!({ "visibility": change.visibility.map(Visibility::as_str), "gated": change.gated.map(Gated::as_str) });
        let settings =
            RepoSettings { visibility: change.visibility, gated: change.gated, ..RepoSettings::default() };
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.update_repo_settings(id, &settings, now).await? {
                        return Err(Error::new(
                            ErrorKind::RepoNotFound,
                            "the repository was deleted meanwhile",
                        ));
                    }
                    append_event(tx, Some(id), Some(actor), "change-settings", &detail, now).await
                })
            })
            .await
    }

    /// Finds the account under which the caller wants to have a repo, if he may.
    pub(crate) async fn namespace_for(
        &self,
        caller: &Caller,
        kind: RepoKind,
        namespace: &AccountName,
        group: Option<i64>,
    ) -> Result<lyceum_db::Account> {
        let identity = caller.signed_in()?;
        let refuse = || {
            Error::new(
                ErrorKind::Forbidden,
                format!("You don't have the rights to create a {kind} under the namespace \"{namespace}\""),
            )
        };
        let mut db = self.inner.db.read().await?;
        let owner = db.account_by_name(namespace).await?.ok_or_else(refuse)?;
        let role = match group {
            None if owner.id == identity.user_id => Some(Role::Admin),
            None => db.role_in(owner.id, identity.user_id).await?,
            Some(group) => {
                drop(db);
                self.role_in_group(identity, owner.id, group).await?
            }
        };
        let allowed = identity.admin || role >= Some(Role::Contributor);
        identity.may(&[Permission::WriteContent, Permission::WriteRepo], owner.id)?;
        if allowed { Ok(owner) } else { Err(refuse()) }
    }
}

/// Returns the resource group that a repo stays in under a namespace: its own, as long as the owner is the same.
fn group_under(repo: &Repo, namespace: &AccountName) -> Option<i64> {
    repo.record.resource_group_id.filter(|_| repo.id().namespace().key() == namespace.key())
}

/// The reference of the default branch.
fn main_branch() -> RefName {
    RefName::branch("main").expect("`main` is a valid branch name")
}
