//! What differs between two trees, as text.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_core::{Oid, Revision};
use lyceum_git::{Change, Content, Mode, Objects as _, PatchWriter, RawWriter};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::objects::RepoObjects;
use crate::{Error, ErrorKind, Hub, Repo, Result};

/// Most files of which a diff shows the lines.
const MAX_DIFF_FILES: usize = 3000;
/// Most files that are named as changed.
const MAX_CHANGED_FILES: usize = 10_000;
/// Largest file, before or after, of which a diff shows the lines.
const MAX_DIFF_FILE_BYTES: u64 = 1024 * 1024;
/// Most bytes of files that are compared for one diff.
const MAX_DIFF_INPUT_BYTES: u64 = 32 * 1024 * 1024;
/// Size of a diff from which on further files are only named.
const MAX_DIFF_BYTES: usize = 8 * 1024 * 1024;
/// Longest wait for a turn to write a diff.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// Files read at the same time.
const READS: usize = 16;

/// What to compare in a repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The revision before; the first parent of the other when absent.
    pub base: Option<Revision>,
    /// The revision after.
    pub head: Revision,
}

impl Hub {
    /// Writes what differs as a patch. Needs a repo opened with [`Action::Read`](crate::Action::Read).
    pub async fn compare(&self, repo: &Repo, comparison: &Comparison) -> Result<String> {
        let (old, new) = self.compared(repo, comparison).await?;
        self.patch(repo, old, new).await
    }

    /// Names the files that differ, one to a line, as `git diff-tree` does, after whether each is text (`T`) or binary
    /// (`B`) and its size. Large files count as binary. Needs a repo opened as [`compare`](Self::compare) does.
    pub async fn compare_raw(&self, repo: &Repo, comparison: &Comparison) -> Result<String> {
        let (old, new) = self.compared(repo, comparison).await?;
        let _turn = self.diff_turn().await?;
        let objects = self.objects(repo);
        let changes = lyceum_git::diff(&objects, old, Some(new), MAX_CHANGED_FILES + 1).await;
        let changes = changes.map_err(too_different)?;
        if changes.len() > MAX_CHANGED_FILES {
            let message = format!("more than {MAX_CHANGED_FILES} files differ");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let mut raw = RawWriter::default();
        let mut contents = contents(&objects, changes, Sides::New).await?;
        while let Some((change, _, new)) = contents.try_next().await? {
            let size = match change.new.filter(|(mode, _)| *mode != Mode::Submodule) {
                Some((_, oid)) => objects.size(oid).await?,
                None => 0,
            };
            raw.add(&change, &new, size);
        }
        Ok(raw.finish())
    }

    /// Writes what differs between two trees of a repo.
    pub(crate) async fn patch(&self, repo: &Repo, old: Option<Oid>, new: Oid) -> Result<String> {
        let turn = self.diff_turn().await?;
        let objects = self.objects(repo);
        let mut changes =
            lyceum_git::diff(&objects, old, Some(new), MAX_DIFF_FILES + 1).await.map_err(too_different)?;
        let more = changes.len() > MAX_DIFF_FILES;
        changes.truncate(MAX_DIFF_FILES);
        let contents: Vec<_> = contents(&objects, changes, Sides::Both).await?.try_collect().await?;
        let write = move || {
            let _until_written = turn;
            let mut patch = PatchWriter::new(MAX_DIFF_BYTES);
            for (change, old, new) in &contents {
                patch.add(change, old, new);
            }
            if more {
                patch.note(&format!(
                    "More than {MAX_DIFF_FILES} files are changed; the others are not shown."
                ));
            }
            patch.finish()
        };
        tokio::task::spawn_blocking(write).await.map_err(Error::internal)
    }

    /// Waits for a turn to look at differences, which takes memory.
    pub(crate) async fn diff_turn(&self) -> Result<OwnedSemaphorePermit> {
        let busy = || Error::new(ErrorKind::Unavailable, "too many changes are looked at; please try again");
        let turn = timeout(MAX_WAIT, self.inner.diff_work.clone().acquire_owned()).await;
        turn.map_err(|_| busy())?.map_err(Error::internal)
    }

    /// Finds the trees to compare; that of a commit without parents is compared with nothing.
    async fn compared(&self, repo: &Repo, comparison: &Comparison) -> Result<(Option<Oid>, Oid)> {
        let head = self.resolve(repo, &comparison.head).await?;
        let base = match &comparison.base {
            Some(base) => Some(self.resolve(repo, base).await?),
            None => {
                let commit = lyceum_git::read_commit(&self.objects(repo), head).await;
                commit.map_err(Error::internal)?.parents.first().copied()
            }
        };
        let old = match base {
            Some(base) => Some(self.tree_of(repo, base).await?),
            None => None,
        };
        Ok((old, self.tree_of(repo, head).await?))
    }
}

/// Tells what a client can change from what only the operator can.
fn too_different(error: lyceum_git::Error) -> Error {
    if error.kind() == lyceum_git::ErrorKind::TooLarge {
        return Error::new(ErrorKind::Conflict, format!("the two are too far apart: {error}"));
    }
    Error::internal(error)
}

/// Which sides of changes are to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sides {
    Both,
    New,
}

/// Reads sides of changes, as far as they are to be shown, in order.
async fn contents(
    objects: &RepoObjects,
    changes: Vec<Change>,
    sides: Sides,
) -> Result<impl stream::Stream<Item = Result<(Change, Content, Content)>>> {
    let mut left = MAX_DIFF_INPUT_BYTES;
    let mut wanted = Vec::with_capacity(changes.len());
    for change in changes {
        let old = wants(objects, change.old.filter(|_| sides == Sides::Both), &mut left).await?;
        let new = wants(objects, change.new, &mut left).await?;
        wanted.push((change, old, new));
    }
    let read = move |(change, old, new): (Change, Wanted, Wanted)| async move {
        Ok::<_, Error>((change, read(objects, old).await?, read(objects, new).await?))
    };
    Ok(stream::iter(wanted).map(read).buffered(READS))
}

/// What is to be read of a side.
enum Wanted {
    Nothing,
    Blob(Oid),
    TooLarge,
}

async fn wants(objects: &RepoObjects, side: Option<(Mode, Oid)>, left: &mut u64) -> Result<Wanted> {
    let Some((_, oid)) = side.filter(|(mode, _)| *mode != Mode::Submodule) else {
        return Ok(Wanted::Nothing);
    };
    let size = objects.size(oid).await?;
    match left.checked_sub(size) {
        Some(rest) if size <= MAX_DIFF_FILE_BYTES => {
            *left = rest;
            Ok(Wanted::Blob(oid))
        }
        _ => Ok(Wanted::TooLarge),
    }
}

async fn read(objects: &RepoObjects, wanted: Wanted) -> Result<Content> {
    match wanted {
        Wanted::Nothing => Ok(Content::Known(Bytes::new())),
        Wanted::Blob(oid) => {
            Ok(Content::Known(objects.read(oid).await.map_err(Error::internal)?.data.clone()))
        }
        Wanted::TooLarge => Ok(Content::TooLarge),
    }
}
