//! Repos that follow one of another hub.
//!
//! A mirror is an ordinary repo that nobody here writes to: the access check refuses it. Its history is fetched by git's
//! own protocol, so its commits have the ids that they have there; who may see it, and whether it is gated, is taken over
//! each time. Large files come when somebody asks for them ([`fill`]), and a repo that does not exist here may be
//! mirrored because somebody asks for it ([`pull`]).

use std::collections::HashSet;
use std::sync::Arc;

use lyceum_core::{RepoId, RepoKind, Revision, Timestamp};
use lyceum_db::Mirror;
use tokio::sync::Semaphore;

use crate::{Action, Error, ErrorKind, Hub, Repo, Result};

mod body;
pub(crate) mod fill;
mod lookup;
mod pattern;
pub(crate) mod pull;
mod snapshot;
mod sync;
mod trouble;
mod upstream;
mod work;

pub use pattern::{InvalidPattern, RepoPattern};
pub use upstream::{PullThrough, Upstream};

pub(crate) use work::put_off;

use fill::Fills;
use lookup::MAX_LOOKUPS;
use pull::Pulls;
use sync::{Plan, next_look, not_allowed};
use upstream::Remote;

/// Job queue of looks at mirrors; it has a worker of its own, because it waits for others.
pub(crate) const QUEUE: &str = "mirror";
/// Job queue of mirrors whose files are to be fetched, which takes so long that other mirrors would wait for a look.
pub(crate) const FILES: &str = "mirror-files";
/// Mirrors read in one query.
const PAGE: u32 = 500;
/// The shortest time after which a mirror is looked at again by itself, in seconds.
pub const MIN_EVERY_SECONDS: u64 = 60;

/// What the hub has of other hubs.
pub(crate) struct Mirrors {
    remotes: Vec<Arc<Remote>>,
    pub(crate) fills: Fills,
    pulls: Pulls,
    /// Turns to find files.
    lookups: Semaphore,
}

/// A repo of another hub: `hf://datasets/lab/data@v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorSource {
    /// The name of the upstream.
    pub upstream: String,
    /// What the repo holds.
    pub kind: RepoKind,
    /// Its id there.
    pub id: RepoId,
    /// The branch or tag to follow; all of them if absent.
    pub revision: Option<String>,
}

/// A mirror to make.
#[derive(Debug, Clone)]
pub struct NewMirror {
    /// What it follows.
    pub source: MirrorSource,
    /// Its id here, if it is another.
    pub local: Option<RepoId>,
    /// How often it is looked at; only when it is asked for if absent.
    pub every_seconds: Option<u64>,
    /// Whether large files are fetched before anybody asks for them.
    pub whole: bool,
}

/// A mirror, for its operator.
#[derive(Debug, Clone)]
pub struct MirrorInfo {
    /// What it holds.
    pub kind: RepoKind,
    /// Its id here.
    pub id: RepoId,
    /// What it follows.
    pub source: MirrorSource,
    /// How often it is looked at.
    pub every_seconds: Option<u64>,
    /// Whether large files are fetched before anybody asks for them.
    pub whole: bool,
    /// When it was last the same as there.
    pub synced_at: Option<Timestamp>,
    /// What went wrong since.
    pub error: Option<String>,
    /// Bytes of large files that came over the network.
    pub received_bytes: u64,
    /// Bytes of large files that did not need to, because they were here.
    pub reused_bytes: u64,
}

/// What following brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// References that were made, moved or deleted.
    pub changed: usize,
    /// Bytes of history.
    pub git_bytes: u64,
    /// Large files that were fetched.
    pub files: usize,
}

impl Mirrors {
    pub(crate) fn new(upstreams: &[Upstream]) -> Result<Self> {
        let mut names = HashSet::new();
        let mut remotes = Vec::with_capacity(upstreams.len());
        for upstream in upstreams {
            if !names.insert(upstream.name.as_str()) {
                let message = format!("there are two upstreams called `{}`", upstream.name);
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            remotes.push(Arc::new(Remote::new(upstream.clone())?));
        }
        let lookups = Semaphore::new(MAX_LOOKUPS);
        Ok(Self { remotes, fills: Fills::default(), pulls: Pulls::default(), lookups })
    }
}

impl MirrorSource {
    /// Parses `upstream://[datasets/|spaces/|models/|kernels/]namespace/name[@revision]`.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid =
            |rule: &str| Error::new(ErrorKind::Invalid, format!("invalid address `{text}`: {rule}"));
        let form = "it must have the form `hf://namespace/name` or `hf://datasets/namespace/name@revision`";
        let (upstream, path) = text.split_once("://").ok_or_else(|| invalid(form))?;
        let (path, revision) = match path.split_once('@') {
            Some((path, revision)) => (path, Some(revision)),
            None => (path, None),
        };
        let (kind, id) = match path.split_once('/') {
            Some((kind, id)) if id.contains('/') => {
                let known = RepoKind::ALL.into_iter().find(|known| known.plural() == kind);
                (known.ok_or_else(|| invalid(form))?, id)
            }
            _ => (RepoKind::Model, path),
        };
        let id = RepoId::parse(id)?;
        if let Some(revision) = revision {
            Revision::parse(revision)?;
            if revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(invalid("a mirror follows a branch or a tag, not a commit"));
            }
        }
        let revision = revision.map(str::to_owned);
        Ok(Self { upstream: upstream.to_owned(), kind, id, revision })
    }
}

impl std::fmt::Display for MirrorSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.upstream, self.kind.url_prefix(), self.id)?;
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

impl MirrorInfo {
    pub(crate) fn new(mirror: Mirror, record: lyceum_db::Repo) -> Self {
        let source = MirrorSource {
            upstream: mirror.upstream,
            kind: record.kind,
            id: mirror.remote,
            revision: mirror.revision,
        };
        Self {
            kind: record.kind,
            id: record.name,
            source,
            every_seconds: mirror.every_seconds,
            whole: mirror.whole,
            synced_at: mirror.synced_at,
            error: mirror.error,
            received_bytes: mirror.received_bytes,
            reused_bytes: mirror.reused_bytes,
        }
    }
}

impl Hub {
    /// Makes a mirror; for the operator, who is not a caller.
    pub async fn add_mirror(&self, new: NewMirror) -> Result<MirrorInfo> {
        let NewMirror { source, local, every_seconds, whole } = new;
        let remote = self.remote(&source.upstream)?;
        if every_seconds.is_some_and(|seconds| seconds < MIN_EVERY_SECONDS) {
            let message = format!("a mirror is looked at every {MIN_EVERY_SECONDS} seconds at most");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let local = local.unwrap_or_else(|| source.id.clone());
        if self.inner.db.read().await?.repo_by_key(source.kind, &local).await?.is_some() {
            let message = format!("{} `{local}` exists already", source.kind);
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
        let plan = Plan {
            remote,
            kind: source.kind,
            remote_id: source.id,
            revision: source.revision,
            local: local.clone(),
            every_seconds,
            whole,
            pulled: false,
        };
        self.make_mirror(plan).await?;
        if whole {
            let (_, record) = self.mirror_named(source.kind, &local).await?;
            self.fill_all(&record).await?;
        }
        self.mirror_info(source.kind, &local).await
    }

    /// Lists all mirrors.
    pub async fn mirrors(&self) -> Result<Vec<MirrorInfo>> {
        let mut all = Vec::new();
        let mut after = 0;
        loop {
            let page = self.inner.db.read().await?.mirrors(after, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(all);
            };
            after = last.repo_id;
            all.extend(page.into_iter().map(|(mirror, record)| MirrorInfo::new(mirror, record)));
        }
    }

    /// Makes a mirror what it follows is now; with `whole` fetches all of its large files.
    pub async fn sync_mirror(&self, kind: RepoKind, id: &RepoId, whole: bool) -> Result<SyncReport> {
        let (mirror, record) = self.mirror_named(kind, id).await?;
        let mut report = self.follow(&mirror, record.clone()).await?;
        let whole = whole || mirror.whole;
        let now = self.inner.clock.now();
        if let Some(next) = next_look(&mirror, false, now) {
            let key = format!("{QUEUE}:{}", mirror.repo_id);
            self.inner
                .db
                .write(move |tx| {
                    Box::pin(async move {
                        let payload = mirror.repo_id.to_string();
                        Ok::<_, Error>(tx.enqueue(QUEUE, &key, &payload, next, now).await?)
                    })
                })
                .await?;
        }
        if whole {
            report.files = self.fill_all(&record).await?;
        }
        Ok(report)
    }

    /// Returns one mirror.
    pub async fn mirror_info(&self, kind: RepoKind, id: &RepoId) -> Result<MirrorInfo> {
        let (mirror, record) = self.mirror_named(kind, id).await?;
        Ok(MirrorInfo::new(mirror, record))
    }

    /// Makes a mirror an ordinary repo, with the files that it has; returns how many large files at the heads of its
    /// branches and tags it lacks.
    pub async fn remove_mirror(&self, kind: RepoKind, id: &RepoId) -> Result<usize> {
        let (mirror, record) = self.mirror_named(kind, id).await?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    tx.delete_mirror(mirror.repo_id).await?;
                    let detail = serde_json::json!({ "upstream": mirror.upstream });
                    crate::account::append_event(
                        tx,
                        Some(mirror.repo_id),
                        None,
                        "remove-mirror",
                        &detail,
                        now,
                    )
                    .await
                })
            })
            .await?;
        let repo = Repo { record, action: Action::Read };
        let mut missing = HashSet::new();
        for commit in self.mirror_tips(&repo.record).await? {
            let files = self.missing_files(&repo, commit).await?;
            missing.extend(files.into_iter().filter_map(|file| Some(file.entry.lfs?.sha256)));
        }
        Ok(missing.len())
    }

    /// Returns how many bytes of large files came from upstreams since this process started, and how many did not need
    /// to, because they were here.
    pub fn mirrored_bytes(&self) -> (u64, u64) {
        self.inner.mirrors.fills.bytes()
    }

    /// Returns what an opened repo follows, if it is a mirror; what went wrong is for its operator alone.
    pub async fn mirror_of(&self, repo: &Repo) -> Result<Option<MirrorInfo>> {
        if !repo.record.mirror {
            return Ok(None);
        }
        let mirror = self.inner.db.read().await?.mirror(repo.record.id).await?;
        let told = |mirror| MirrorInfo { error: None, ..MirrorInfo::new(mirror, repo.record.clone()) };
        Ok(mirror.map(told))
    }

    pub(crate) async fn mirror_named(
        &self,
        kind: RepoKind,
        id: &RepoId,
    ) -> Result<(Mirror, lyceum_db::Repo)> {
        let mut db = self.inner.db.read().await?;
        let missing =
            || Error::new(ErrorKind::NotFound, format!("there is no mirror `{}{id}`", kind.url_prefix()));
        let record = db.repo_by_key(kind, id).await?.ok_or_else(missing)?;
        Ok((db.mirror(record.id).await?.ok_or_else(missing)?, record))
    }

    /// Returns what a repo follows, and the upstream to ask for its files.
    pub(crate) async fn followed(&self, repo: &Repo) -> Result<(Mirror, Arc<Remote>)> {
        let mirror = self.inner.db.read().await?.mirror(repo.record.id).await?;
        let mirror =
            mirror.ok_or_else(|| Error::new(ErrorKind::NotFound, "the mirror was removed meanwhile"))?;
        let remote = self.remote(&mirror.upstream)?;
        if remote.allows(repo.kind(), &mirror.remote) {
            return Ok((mirror, remote));
        }
        Err(not_allowed(&remote, repo.kind(), &mirror.remote).into())
    }

    fn remote(&self, name: &str) -> Result<Arc<Remote>> {
        let found = self.inner.mirrors.remotes.iter().find(|remote| remote.name() == name);
        found.cloned().ok_or_else(|| {
            let message = format!("the settings know no upstream called `{name}`");
            Error::new(ErrorKind::Unavailable, message)
        })
    }
}

#[cfg(test)]
mod tests;
