//! Clones and fetches: what the git protocol reads, taken from a repo that was opened for reading.

pub(crate) mod pack_cache;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lyceum_core::Oid;
use lyceum_git::wire::{GzipReader, UploadPackOptions, service_announcement, upload_pack};
use lyceum_git::{Head, Object, ObjectHeader, Objects, PackSource, Packed, Reference, References};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

use crate::objects::RepoObjects;
use crate::reference::default_branch;
use crate::{Error, ErrorKind, Hub, Party, Repo, Result};

/// Most references of pull requests that are shown to everybody who lists references; with more, one has to ask for
/// them by name.
const MAX_SHOWN_PULLS: usize = 10_000;
/// Ranges of names of references that are read one by one; with more, all are.
const MAX_RANGES: usize = 16;
/// Most fetches that are answered at once: each takes memory for the ids of what it sends.
pub(crate) const MAX_FETCHES: usize = 256;
/// Most of them for one user, or one address of who is not signed in.
pub(crate) const MAX_FETCHES_EACH: usize = 64;
/// Longest time in which a request comes: whoever sends it has it ready.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(60);
/// Longest time that one fetch may take: a turn comes back, however slowly a client takes its answer.
const MAX_FETCH_TIME: Duration = Duration::from_secs(6 * 3600);

/// A request for what a repo has, as it comes over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct GitFetch {
    /// What the client speaks.
    pub version: lyceum_git::wire::Version,
    /// Whether it only asks what there is.
    pub advertise: bool,
    /// Whether the request is compressed.
    pub gzip: bool,
    /// Who asks.
    pub party: Party,
}

impl Hub {
    /// Answers one request of `git fetch` or `git clone` for a repo that was opened for reading.
    ///
    /// A request that git would refuse is refused in the answer, and is no error here.
    pub async fn upload_pack<R, W>(&self, repo: &Repo, fetch: GitFetch, input: R, mut output: W) -> Result<()>
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        let _turn = self.inner.fetches.try_take(fetch.party).ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "too many clones and fetches at once; please try again")
        })?;
        let input = Hurried { input, end: Box::pin(sleep(MAX_REQUEST_TIME)) };
        if fetch.advertise
            && let Err(error) =
                output.write_all(&service_announcement("git-upload-pack", fetch.version)).await
        {
            tracing::debug!("a git client went away: {error}");
            return Ok(());
        }
        let source = GitRepo {
            hub: self.clone(),
            objects: self.objects(repo).session(),
            repo: repo.record.id,
            default_branch: default_branch(&repo.record),
        };
        // What the commit API gives by any id, git may have by any id.
        let options = UploadPackOptions {
            version: fetch.version,
            stateless: true,
            advertise: fetch.advertise,
            any: true,
            filter: true,
            ref_in_want: true,
            object_info: true,
            ..UploadPackOptions::default()
        };
        let cache = self.inner.packs.for_repo(repo.record.id);
        let serve = async {
            match fetch.gzip {
                true => upload_pack(&source, &options, &cache, GzipReader::new(input), output).await,
                false => upload_pack(&source, &options, &cache, input, output).await,
            }
        };
        let served = timeout(MAX_FETCH_TIME, serve).await;
        let late = |_| {
            lyceum_git::Error::connection(io::Error::new(io::ErrorKind::TimedOut, "a fetch takes too long"))
        };
        match served.map_err(late).flatten() {
            Ok(served) => {
                if served.cloned && served.pack.is_some() {
                    self.count_download(repo);
                }
                Ok(())
            }
            Err(error) => match error.kind() {
                lyceum_git::ErrorKind::Protocol
                | lyceum_git::ErrorKind::Connection
                | lyceum_git::ErrorKind::TooLarge => {
                    tracing::debug!("a fetch ended early: {error}");
                    Ok(())
                }
                _ => Err(Error::internal(error)),
            },
        }
    }
}

/// A request that must come in time: until it is there, its sender has a turn for nothing.
struct Hurried<R> {
    input: R,
    end: Pin<Box<Sleep>>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Hurried<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the request takes too long")));
        }
        Pin::new(&mut self.input).poll_read(context, buffer)
    }
}

/// A repo as the git protocol reads it.
struct GitRepo {
    hub: Hub,
    objects: RepoObjects,
    repo: i64,
    default_branch: String,
}

impl Objects for GitRepo {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>, lyceum_git::Error> {
        self.objects.read(oid).await
    }
}

impl PackSource for GitRepo {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader, lyceum_git::Error> {
        self.objects.header(oid).await
    }

    async fn packed(&self, oid: Oid) -> Result<Packed, lyceum_git::Error> {
        self.objects.packed(oid).await
    }

    async fn arrange(&self, oids: &mut [Oid]) -> Result<(), lyceum_git::Error> {
        self.objects.arrange(oids).await
    }

    async fn packed_run(&self, oids: &[Oid]) -> Result<Vec<Packed>, lyceum_git::Error> {
        self.objects.packed_run(oids).await
    }
}

impl References for GitRepo {
    async fn head(&self) -> Result<Option<Head>, lyceum_git::Error> {
        Ok(Some(Head::Symbolic(self.default_branch.clone())))
    }

    async fn references(&self, prefixes: &[String]) -> Result<Vec<Reference>, lyceum_git::Error> {
        let failed = |error: lyceum_db::Error| lyceum_git::Error::source_error(Box::new(error));
        let mut db = self.hub.inner.db.read().await.map_err(failed)?;
        let pulls = prefixes.is_empty() || prefixes.iter().any(|prefix| may_name_pull(prefix));
        let rows = match ranges(prefixes) {
            Some(ranges) => {
                let mut rows = Vec::new();
                for (from, to) in ranges {
                    rows.extend(db.refs_between(self.repo, from, &to).await.map_err(failed)?);
                }
                rows
            }
            None if pulls => db.refs(self.repo).await.map_err(failed)?,
            None => db.refs_without_pulls(self.repo).await.map_err(failed)?,
        };
        drop(db);
        let pull = |name: &str| name.starts_with(PULLS);
        let many = prefixes.is_empty() && rows.iter().filter(|row| pull(&row.name)).count() > MAX_SHOWN_PULLS;
        let asked =
            |name: &str| prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix));
        let mut found: Vec<Reference> = rows
            .into_iter()
            .filter(|row| asked(&row.name) && !(many && pull(&row.name)))
            .map(|row| {
                let peeled = (row.target != row.peeled).then_some(row.peeled);
                Reference { name: row.name, target: row.target, peeled }
            })
            .collect();
        // A database may sort by the rules of a language.
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

/// What the names of all references start with.
const REFS: &str = "refs/";
const PULLS: &str = "refs/pr/";

/// Returns the ranges of names that start with one of `prefixes`, each once; `None` if all should be read instead.
fn ranges(prefixes: &[String]) -> Option<Vec<(&str, String)>> {
    if prefixes.is_empty() {
        return None;
    }
    let mut ranges: Vec<(&str, String)> = Vec::new();
    let mut prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    prefixes.sort_unstable();
    let mut before: Option<&str> = None;
    for prefix in prefixes {
        // What starts with a shorter one is found with that.
        if REFS.starts_with(prefix) || ranges.len() == MAX_RANGES {
            return None;
        }
        if !prefix.starts_with(REFS) || before.is_some_and(|before| prefix.starts_with(before)) {
            continue;
        }
        let (last, start) = prefix.as_bytes().split_last()?;
        if !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        // Graphic characters have a next one.
        let end = [start, &[last + 1]].concat();
        ranges.push((prefix, String::from_utf8(end).ok()?));
        before = Some(prefix);
    }
    Some(ranges)
}

/// Reports whether a name that starts with `prefix` may be that of a pull request.
fn may_name_pull(prefix: &str) -> bool {
    prefix.starts_with(PULLS) || PULLS.starts_with(prefix)
}
