//! Branches, tags and the list of all references.

use lyceum_core::{Oid, RefName, Revision, Sha256, Timestamp};
use lyceum_git::{ObjectKind, SegmentWriter, Tag};

use crate::account::append_event;
use crate::commit::{insert_segment, name_large, signature};
use crate::repo::create::beginning;
use crate::{Caller, Error, ErrorKind, Hub, Repo, Result};

/// A reference and the commit it leads to.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Full name.
    pub name: RefName,
    /// Commit, also for annotated tags.
    pub commit: Oid,
}

/// All references, each list in name order.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// `refs/heads/…`
    pub branches: Vec<Reference>,
    /// `refs/tags/…`
    pub tags: Vec<Reference>,
    /// `refs/convert/…`
    pub converts: Vec<Reference>,
    /// `refs/pr/…`, in number order.
    pub pull_requests: Vec<Reference>,
}

/// How a branch begins.
#[derive(Debug, Clone, Default)]
pub struct NewBranch {
    /// The revision that it starts from; the head of the default branch when absent.
    pub start: Option<Revision>,
    /// Whether it starts anew, with a history of its own.
    pub empty: bool,
    /// Whether it may take the place of a branch of the same name.
    pub overwrite: bool,
}

/// A reference to create.
#[derive(Clone)]
struct NewReference {
    name: RefName,
    target: Oid,
    commit: Oid,
    segment: Option<lyceum_db::NewSegment>,
    overwrite: bool,
    /// Large files that were on no branch, with their paths.
    large: Vec<(Sha256, String)>,
}

impl Hub {
    /// Lists references; those of pull requests, of which there may be many, only if they are asked for.
    pub async fn references(&self, repo: &Repo, pull_requests: bool) -> Result<References> {
        let mut db = self.inner.db.read().await?;
        let rows = match pull_requests {
            true => db.refs(repo.record.id).await?,
            false => db.refs_without_pulls(repo.record.id).await?,
        };
        drop(db);
        let mut references = References::default();
        for row in rows {
            let name = RefName::parse(&row.name).map_err(Error::internal)?;
            let list = match name.as_str() {
                text if text.starts_with("refs/heads/") => &mut references.branches,
                text if text.starts_with("refs/tags/") => &mut references.tags,
                text if text.starts_with("refs/convert/") => &mut references.converts,
                _ => &mut references.pull_requests,
            };
            list.push(Reference { name, commit: row.peeled });
        }
        references.pull_requests.sort_by_key(|reference| {
            reference.name.as_str()["refs/pr/".len()..].parse::<i64>().unwrap_or(i64::MAX)
        });
        Ok(references)
    }

    /// Creates a branch. `branch` is a short name or `refs/convert/…`.
    pub async fn create_branch(
        &self,
        caller: &Caller,
        repo: &Repo,
        branch: &str,
        new: NewBranch,
    ) -> Result<()> {
        let name = branch_name(branch)?;
        let (segment, commit) = if new.empty {
            let (segment, commit) = self.first_commit(caller, beginning()).await?;
            (Some(segment), commit)
        } else {
            let default = Revision::parse(&repo.record.default_branch)?;
            (None, self.resolve(repo, new.start.as_ref().unwrap_or(&default)).await?)
        };
        let mut large = Vec::new();
        if !new.empty && name.as_str().starts_with("refs/heads/") {
            large = self.settle_branch(repo, commit, caller.signed_in()?.user_id).await?;
        }
        let overwrite = new.overwrite;
        let reference = NewReference { name, target: commit, commit, segment, overwrite, large };
        self.create_reference(caller, repo, reference).await
    }

    /// Deletes a branch other than the default one.
    pub async fn delete_branch(&self, caller: &Caller, repo: &Repo, branch: &str) -> Result<()> {
        let name = branch_name(branch)?;
        if name.short() == repo.record.default_branch {
            return Err(Error::new(ErrorKind::Forbidden, format!("Cannot delete {name}")));
        }
        self.delete_reference(caller, repo, name).await
    }

    /// Creates a tag at a revision: annotated when it has a message.
    pub async fn create_tag(
        &self,
        caller: &Caller,
        repo: &Repo,
        revision: &Revision,
        tag: &str,
        message: Option<&str>,
    ) -> Result<()> {
        // In this order: clients expect a missing revision to be told even if the tag is no name.
        let commit = self.resolve(repo, revision).await?;
        let name = RefName::tag(tag)?;
        let Some(message) = message.filter(|message| !message.trim().is_empty()) else {
            let (segment, overwrite, large) = (None, false, Vec::new());
            let reference = NewReference { name, target: commit, commit, segment, overwrite, large };
            return self.create_reference(caller, repo, reference).await;
        };
        let tagger = signature(caller.signed_in()?, self.inner.clock.now());
        let tag = Tag {
            target: commit,
            target_kind: ObjectKind::Commit,
            name: tag.to_owned(),
            tagger: Some(tagger),
            message: message.replace('\0', "\u{fffd}"),
        };
        let mut segment = SegmentWriter::new(self.inner.store.spool_dir());
        let target = segment.add(ObjectKind::Tag, &tag.encode()).map_err(Error::internal)?;
        let segment = Some(self.keep_segment(repo.record.id, segment, "tag").await?);
        let (overwrite, large) = (false, Vec::new());
        let reference = NewReference { name, target, commit, segment, overwrite, large };
        self.create_reference(caller, repo, reference).await
    }

    /// Deletes a tag.
    pub async fn delete_tag(&self, caller: &Caller, repo: &Repo, tag: &str) -> Result<()> {
        self.delete_reference(caller, repo, RefName::tag(tag)?).await
    }

    /// Finds the commit of a revision: a full reference, a branch, a tag, or a commit id, whole or shortened.
    pub async fn resolve(&self, repo: &Repo, revision: &Revision) -> Result<Oid> {
        let names = candidates(repo, revision);
        {
            let mut db = self.inner.db.read().await?;
            for name in names.iter().flatten() {
                if let Some(reference) = db.ref_get(repo.record.id, name).await? {
                    return Ok(reference.peeled);
                }
            }
        }
        self.resolve_oid(repo, revision).await
    }

    /// Finds the head of the default branch; `None` while it has no commit.
    pub async fn head(&self, repo: &Repo) -> Result<Option<Oid>> {
        let branch = default_branch(&repo.record);
        let head = self.inner.db.read().await?.ref_get(repo.record.id, &branch).await?;
        Ok(head.map(|head| head.peeled))
    }

    pub(crate) async fn resolve_oid(&self, repo: &Repo, revision: &Revision) -> Result<Oid> {
        let missing = || revision_not_found(repo, revision);
        let prefix = revision.oid_prefix().ok_or_else(missing)?;
        let objects = self.objects(repo);
        if let Ok(oid) = prefix.parse::<Oid>() {
            use lyceum_git::Objects as _;
            return match objects.read(oid).await {
                Ok(object) if object.kind == ObjectKind::Commit => Ok(oid),
                Ok(_) => Err(missing()),
                Err(error) if error.kind() == lyceum_git::ErrorKind::NotFound => Err(missing()),
                Err(error) => Err(Error::internal(error)),
            };
        }
        match objects.commits_by_prefix(&prefix).await?.as_slice() {
            [oid] => Ok(*oid),
            [] => Err(missing()),
            _ => Err(Error::new(
                ErrorKind::RevisionNotFound,
                format!("Invalid rev id: `{revision}` is the start of more than one commit"),
            )),
        }
    }

    async fn create_reference(&self, caller: &Caller, repo: &Repo, new: NewReference) -> Result<()> {
        let (repo_id, actor, now) = (repo.record.id, caller.signed_in()?.user_id, self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| Box::pin(async move { put_reference(tx, repo_id, actor, new, now).await }))
            .await?;
        self.inner.job_added.notify_one();
        Ok(())
    }

    async fn delete_reference(&self, caller: &Caller, repo: &Repo, name: RefName) -> Result<()> {
        let (repo_id, actor, now) = (repo.record.id, caller.signed_in()?.user_id, self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let Some(current) = tx.ref_get(repo_id, name.as_str()).await? else {
                        return Err(Error::new(
                            ErrorKind::RevisionNotFound,
                            format!("Invalid rev id: {}", name.short()),
                        ));
                    };
                    if !tx.cas_ref(repo_id, name.as_str(), Some(current.target), None, now).await? {
                        return Err(Error::new(
                            ErrorKind::Conflict,
                            format!("`{name}` was changed at the same time; please try again"),
                        ));
                    }
                    let detail =
                        serde_json::json!({ "ref": name.as_str(), "commit": current.peeled.to_string() });
                    append_event(tx, Some(repo_id), Some(actor), "delete-ref", &detail, now).await
                })
            })
            .await
    }
}

/// Creates a reference, or moves it if it may be overwritten.
async fn put_reference(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    actor: i64,
    new: NewReference,
    now: Timestamp,
) -> Result<()> {
    let NewReference { name, target, commit, segment, overwrite, large } = new;
    if let Some(other) = tx.ref_conflict(repo_id, name.as_str()).await? {
        let message = format!("{name} cannot be created because {other} exists");
        return Err(Error::new(ErrorKind::Conflict, message));
    }
    // The segment first: taking its number locks the repo's row.
    if let Some(segment) = &segment {
        insert_segment(tx, repo_id, segment).await?;
    }
    let old = if overwrite { tx.ref_get(repo_id, name.as_str()).await? } else { None };
    let expected = old.as_ref().map(|old| old.target);
    if !tx.cas_ref(repo_id, name.as_str(), expected, Some((target, commit)), now).await? {
        let error = match old {
            Some(_) => Error::new(
                ErrorKind::Conflict,
                format!("`{name}` was changed at the same time; please try again"),
            ),
            None => Error::new(ErrorKind::AlreadyExists, format!("Reference {name} already exists")),
        };
        return Err(error);
    }
    if !large.is_empty() {
        name_large(tx, (repo_id, actor), &large, &name, now).await?;
    }
    let mut detail = serde_json::json!({ "ref": name.as_str(), "commit": commit.to_string() });
    if let Some(old) = old {
        detail["old"] = old.peeled.to_string().into();
        tx.touch_repo(repo_id, now, Some(now)).await?;
        crate::derive::enqueue(tx, repo_id, now).await?;
    }
    append_event(tx, Some(repo_id), Some(actor), "create-ref", &detail, now).await
}

/// Returns the reference names that a revision may stand for, branches first; none for a plain commit id is also fine.
pub(crate) fn candidates(repo: &Repo, revision: &Revision) -> [Option<String>; 2] {
    let revision = revision.as_str();
    if revision == "HEAD" {
        return [Some(default_branch(&repo.record)), None];
    }
    reference_names(revision)
}

/// Returns the full name of the default branch.
pub(crate) fn default_branch(repo: &lyceum_db::Repo) -> String {
    format!("refs/heads/{}", repo.default_branch)
}

pub(crate) fn reference_names(revision: &str) -> [Option<String>; 2] {
    if revision.starts_with("refs/") {
        return [Some(revision.to_owned()), None];
    }
    [Some(format!("refs/heads/{revision}")), Some(format!("refs/tags/{revision}"))]
}

pub(crate) fn revision_not_found(repo: &Repo, revision: &Revision) -> Error {
    Error::new(
        ErrorKind::RevisionNotFound,
        format!("Invalid rev id: {revision} (in {} `{}`)", repo.kind(), repo.id()),
    )
}

fn branch_name(branch: &str) -> Result<RefName> {
    if branch.starts_with("refs/convert/") || branch.starts_with("refs/heads/") {
        return Ok(RefName::parse(branch)?);
    }
    Ok(RefName::branch(branch)?)
}
