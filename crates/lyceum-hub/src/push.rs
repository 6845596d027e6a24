//! Pushes through git: the same rules as for commits through the API, and the same transaction.
//!
//! What git's protocol and the objects themselves demand is checked in `lyceum-git`; here it is decided who may move
//! which reference, and what files may come.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lyceum_core::limits::MAX_INLINE_SEGMENT_BYTES;
use lyceum_core::{Oid, RefName, RepoId, RepoKind};
use lyceum_git::wire::{GzipReader, ReceiveOptions, Version, receive_pack, service_announcement};
use lyceum_git::{
    Head, Object, ObjectHeader, Objects, PackLimits, PackSource, Packed, Push, Receiver, RefUpdate,
    Reference, References, Remarks, Tip,
};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use crate::access::Identity;
use crate::objects::RepoObjects;
use crate::reference::default_branch;
use crate::{Action, Caller, Error, ErrorKind, Hub, Party, Repo, Result};

mod apply;
mod large;
mod rules;

use rules::PushRules;

/// Longest wait for a turn to push.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// A repo that somebody pushes to.
#[derive(Clone)]
pub struct PushTarget {
    hub: Hub,
    repo: Repo,
    pusher: Identity,
    objects: RepoObjects,
    limits: PackLimits,
}

impl Hub {
    /// Opens a repo for a push. Who may not write to it may still push to pull requests of his own.
    pub async fn open_push(&self, caller: &Caller, kind: RepoKind, id: &RepoId) -> Result<PushTarget> {
        let repo = match self.open(caller, kind, id, Action::Write).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => {
                self.open(caller, kind, id, Action::Propose).await?
            }
            opened => opened?,
        };
        let pusher = caller.signed_in()?.clone();
        let mut limits = PackLimits::default();
        let room = self.quota_left(repo.record.id, pusher.user_id).await?;
        if let Some(room) = room.filter(|room| *room < limits.pack_bytes) {
            // References can be moved within a full quota.
            limits.pack_bytes = room.max(MAX_INLINE_SEGMENT_BYTES as u64);
            limits.too_long = ": the storage quota has no room for more";
        }
        Ok(PushTarget { hub: self.clone(), objects: self.objects(&repo).session(), repo, pusher, limits })
    }
}

impl PushTarget {
    /// Returns the repo.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Tells the references, as the answer to a request over HTTP. Pushes know no second version:
    /// clients that offer it take the first.
    pub async fn advertise(
        &self,
        version: Version,
        mut output: impl AsyncWrite + Unpin + Send,
    ) -> Result<()> {
        let announcement = service_announcement("git-receive-pack", Version::V0);
        if let Err(error) = output.write_all(&announcement).await {
            return served(Err(lyceum_git::Error::connection(error)));
        }
        receive_pack(self, &options(version, true), tokio::io::empty(), output).await.map_err(Error::internal)
    }

    /// Takes a push, as one request over HTTP. What is wrong with it is told to the client; an error means that the
    /// hub failed, or the connection.
    pub async fn receive(
        &self,
        version: Version,
        gzip: bool,
        input: impl AsyncRead + Unpin + Send,
        output: impl AsyncWrite + Unpin + Send,
    ) -> Result<()> {
        let busy = || Error::new(ErrorKind::Unavailable, "too many pushes at once; please try again");
        let party = Party::User(self.pusher.user_id);
        let _until_done = self.hub.inner.push_work.take(party, MAX_WAIT).await.ok_or_else(busy)?;
        let options = options(version, false);
        served(match gzip {
            true => receive_pack(self, &options, GzipReader::new(input), output).await,
            false => receive_pack(self, &options, input, output).await,
        })
    }
}

/// Passes on what is the hub's own failure.
fn served(served: Result<(), lyceum_git::Error>) -> Result<()> {
    match served {
        Err(error)
            if matches!(
                error.kind(),
                lyceum_git::ErrorKind::Protocol | lyceum_git::ErrorKind::Connection
            ) =>
        {
            tracing::debug!("a push ended early: {error}");
            Ok(())
        }
        served => served.map_err(Error::internal),
    }
}

fn options(version: Version, advertise: bool) -> ReceiveOptions<'static> {
    ReceiveOptions {
        stateless: true,
        advertise,
        version: u8::from(version == Version::V1),
        agent: concat!("lyceum/", env!("CARGO_PKG_VERSION")),
        atomic: true,
        push_options: true,
    }
}

impl Objects for PushTarget {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>, lyceum_git::Error> {
        self.objects.read(oid).await
    }
}

impl PackSource for PushTarget {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader, lyceum_git::Error> {
        self.objects.header(oid).await
    }

    async fn packed(&self, oid: Oid) -> Result<Packed, lyceum_git::Error> {
        self.objects.packed(oid).await
    }
}

impl References for PushTarget {
    async fn head(&self) -> Result<Option<Head>, lyceum_git::Error> {
        Ok(Some(Head::Symbolic(default_branch(&self.repo.record))))
    }

    async fn references(&self, prefixes: &[String]) -> Result<Vec<Reference>, lyceum_git::Error> {
        let rows = async { Ok::<_, Error>(self.hub.inner.db.read().await?.refs(self.repo.record.id).await?) };
        let wanted =
            |name: &str| prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix));
        let rows = rows.await.map_err(source_error)?.into_iter().filter(|row| wanted(&row.name));
        let peeled = |row: &lyceum_db::Ref| (row.peeled != row.target).then_some(row.peeled);
        Ok(rows.map(|row| Reference { peeled: peeled(&row), name: row.name, target: row.target }).collect())
    }
}

impl Receiver for PushTarget {
    type Rules = PushRules;

    fn spool_dir(&self) -> &Path {
        self.hub.inner.store.spool_dir()
    }

    fn limits(&self) -> PackLimits {
        self.limits.clone()
    }

    async fn present(&self, oids: &[Oid]) -> Result<Vec<Option<ObjectHeader>>, lyceum_git::Error> {
        self.objects.present(oids).await.map_err(source_error)
    }

    async fn refusals(
        &self,
        updates: &[RefUpdate],
        tips: Option<&[Option<Tip>]>,
        remarks: &Remarks,
    ) -> Result<Vec<Option<String>>, lyceum_git::Error> {
        self.try_refusals(updates, tips, remarks).await.map_err(source_error)
    }

    fn rules(&self) -> PushRules {
        PushRules::new(self.hub.inner.extents.clone())
    }

    async fn apply(
        &self,
        push: Push<PushRules>,
        remarks: &Remarks,
    ) -> Result<Vec<Option<String>>, lyceum_git::Error> {
        let updates = push.updates.len();
        match self.try_apply(push, remarks).await {
            Ok(refused) => Ok(refused),
            // What a user can do something about, he is told; nothing was changed.
            Err(error) if error.kind() != ErrorKind::Internal => {
                remarks.tell(format!("error: {error}"));
                Ok(vec![Some("pre-receive hook declined".to_owned()); updates])
            }
            Err(error) => Err(source_error(error)),
        }
    }
}

/// Reports whether a name can be pushed to at all, by whoever may.
fn pushable(name: &RefName) -> bool {
    ["refs/heads/", "refs/tags/"].iter().any(|prefix| name.as_str().starts_with(prefix))
        || name.pull_request_number().is_some_and(|number| *name == RefName::pull_request(number))
}

fn source_error(error: Error) -> lyceum_git::Error {
    lyceum_git::Error::source_error(Box::new(error))
}
