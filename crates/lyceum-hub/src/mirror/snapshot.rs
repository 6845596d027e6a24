//! What a repo on another hub is now, and the git objects that are missing here.

use std::collections::{HashMap, HashSet};
use std::error::Error as _;
use std::time::Duration;

use lyceum_core::{Oid, RefName, RepoId, RepoKind};
use lyceum_git::wire::client::{
    PackAnswer, RemoteReferences, Taken, fetch_request, read_capabilities, read_references,
    references_request, take_pack,
};
use lyceum_git::{PackLimits, peel_commit};

use super::body::Body;
use super::trouble::{Answered, Trouble, TroubleKind};
use super::upstream::{Remote, RemoteInfo};
use crate::{Error, Hub};

/// Most commits that the upstream is told are here.
const MAX_HAVES: usize = 256;
/// Largest pack: repos keep their large files elsewhere.
const MAX_PACK_BYTES: u64 = 4 << 30;
/// Longest silence within a pack.
const IDLE: Duration = Duration::from_secs(60);

/// References that are followed, without those of pull requests.
const FOLLOWED: &[&str] = &["refs/heads/", "refs/tags/", "refs/convert/"];

/// A repo as it is there, and what that changes here.
pub(super) struct Snapshot {
    pub(super) info: RemoteInfo,
    /// Short name of the default branch.
    pub(super) default_branch: Option<String>,
    pub(super) changes: Vec<Change>,
    /// Everything new that the changes lead to; durable.
    pub(super) segment: Option<lyceum_db::NewSegment>,
}

/// A reference that is not what it is there.
pub(super) struct Change {
    pub(super) name: RefName,
    pub(super) old: Option<Oid>,
    /// What it becomes, and the commit that this leads to; `None` deletes it.
    pub(super) new: Option<(Oid, Oid)>,
}

impl Hub {
    /// Looks at a repo of an upstream and fetches what the repo `repo_id` lacks of it; 0 is a repo that is not made yet.
    pub(super) async fn snapshot(
        &self,
        remote: &Remote,
        kind: RepoKind,
        info: RemoteInfo,
        revision: Option<&str>,
        repo_id: i64,
    ) -> Answered<Snapshot> {
        let id = &info.id;
        let there = references(remote, kind, id).await?;
        let followed = follow(&there, revision).ok_or_else(|| {
            let revision = revision.unwrap_or_default();
            let message =
                format!("upstream `{}` has no branch or tag `{revision}` of {kind} `{id}`", remote.name());
            Trouble::new(TroubleKind::Missing, message)
        })?;
        let here = self.inner.db.read().await?.refs_without_pulls(repo_id).await?;
        let here: HashMap<String, Oid> = here.into_iter().map(|row| (row.name, row.target)).collect();
        let mut changes = Vec::new();
        let mut moved = Vec::new();
        for (name, target) in &followed {
            let old = here.get(name.as_str()).copied();
            if old != Some(*target) {
                moved.push((name.clone(), old, *target));
            }
        }
        for (name, old) in &here {
            let name = RefName::parse(name).map_err(Error::from)?;
            if !followed.contains_key(&name) {
                changes.push(Change { name, old: Some(*old), new: None });
            }
        }
        let haves: Vec<Oid> = here.values().copied().collect();
        let tips: Vec<Oid> = moved.iter().map(|(_, _, target)| *target).collect();
        let (segment, commits) = self.fetch_objects(remote, kind, id, repo_id, &tips, &haves).await?;
        for ((name, old, target), commit) in moved.into_iter().zip(commits) {
            match commit {
                Some(commit) => changes.push(Change { name, old, new: Some((target, commit)) }),
                None => tracing::debug!(%name, "a reference that leads to no commit is not mirrored"),
            }
        }
        let default_branch = there.head.as_deref().and_then(|head| head.strip_prefix("refs/heads/"));
        let default_branch = default_branch.filter(|branch| RefName::branch(branch).is_ok());
        Ok(Snapshot { info, default_branch: default_branch.map(str::to_owned), changes, segment })
    }

    /// Fetches what is missing of all that `tips` lead to; returns also the commit that each leads to.
    async fn fetch_objects(
        &self,
        remote: &Remote,
        kind: RepoKind,
        id: &RepoId,
        repo_id: i64,
        tips: &[Oid],
        haves: &[Oid],
    ) -> Answered<(Option<lyceum_db::NewSegment>, Vec<Option<Oid>>)> {
        let objects = self.objects_of(repo_id);
        let present = objects.present(tips).await?;
        let mut seen = HashSet::new();
        let wants: Vec<Oid> = tips
            .iter()
            .zip(&present)
            .filter(|(tip, present)| present.is_none() && seen.insert(**tip))
            .map(|(tip, _)| *tip)
            .collect();
        if wants.is_empty() {
            let mut commits = Vec::with_capacity(tips.len());
            for tip in tips {
                commits.push(peel_commit(&objects, *tip).await.map_err(|error| git_trouble(remote, &error))?);
            }
            return Ok((None, commits));
        }
        let haves = &haves[..haves.len().min(MAX_HAVES)];
        let answer = remote.git_command(kind, id, fetch_request(&wants, haves)).await?;
        let limits = PackLimits { pack_bytes: MAX_PACK_BYTES, idle: IDLE, ..PackLimits::default() };
        let taken = async {
            let mut answer = PackAnswer::start(Body::of(answer)).await?;
            take_pack(&objects, &mut answer, tips, limits).await
        };
        let Taken { segment, commits } = taken.await.map_err(|error| git_trouble(remote, &error))?;
        let segment = match segment {
            Some(segment) => Some(self.keep_finished_segment(repo_id, segment, "mirror").await?),
            None => None,
        };
        Ok((segment, commits))
    }
}

/// Asks for the references of a repo.
async fn references(remote: &Remote, kind: RepoKind, id: &RepoId) -> Answered<RemoteReferences> {
    let capabilities = remote.git_capabilities(kind, id).await?;
    read_capabilities(Body::of(capabilities)).await.map_err(|error| git_trouble(remote, &error))?;
    let answer = remote.git_command(kind, id, references_request(FOLLOWED)).await?;
    read_references(Body::of(answer)).await.map_err(|error| git_trouble(remote, &error))
}

/// Chooses what is followed: everything, or one branch or tag; `None` if that does not exist.
fn follow(there: &RemoteReferences, revision: Option<&str>) -> Option<HashMap<RefName, Oid>> {
    let mut followed = HashMap::new();
    for reference in &there.references {
        // Names that cannot exist here are not taken over.
        let Ok(name) = RefName::parse(&reference.name) else {
            continue;
        };
        let wanted = FOLLOWED.iter().any(|prefix| name.as_str().starts_with(prefix));
        if wanted && revision.is_none_or(|revision| name.short() == revision || name.as_str() == revision) {
            followed.insert(name, reference.target);
        }
    }
    (revision.is_none() || !followed.is_empty()).then_some(followed)
}

fn git_trouble(remote: &Remote, error: &lyceum_git::Error) -> Trouble {
    let mut message = error.to_string();
    if let Some(source) = error.source() {
        message = format!("{message}: {source}");
    }
    let kind = match error.kind() {
        lyceum_git::ErrorKind::Connection | lyceum_git::ErrorKind::Source => TroubleKind::Transient,
        lyceum_git::ErrorKind::Malformed => TroubleKind::Lie,
        lyceum_git::ErrorKind::NotFound
        | lyceum_git::ErrorKind::TooLarge
        | lyceum_git::ErrorKind::Protocol => TroubleKind::Lasting,
    };
    Trouble::new(kind, format!("fetching the history from upstream `{}`: {message}", remote.name()))
}
