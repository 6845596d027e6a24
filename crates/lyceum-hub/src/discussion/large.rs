//! The large files that a merge brings to its target.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_core::limits::MAX_COMMIT_OPERATIONS;
use lyceum_core::{Oid, Sha256};
use lyceum_git::limits::MAX_POINTER_BYTES;
use lyceum_git::{Change, Mode, Objects as _, Pointer};

use super::changes::{Heads, READS, too_far_apart};
use crate::objects::RepoObjects;
use crate::{Error, ErrorKind, Hub, Repo, Result};

impl Hub {
    /// Finds the large files that a pull request adds or changes, with their paths, and verifies those that somebody
    /// else than who merges only claimed: from now on others rely on them.
    pub(super) async fn settle_large_files(
        &self,
        repo: &Repo,
        heads: &Heads,
        merger_id: i64,
    ) -> Result<Vec<(Sha256, String)>> {
        let objects = self.objects(repo);
        let (fork, pull) = (self.tree_of(repo, heads.fork).await?, self.tree_of(repo, heads.pull).await?);
        let changes = lyceum_git::diff(&objects, Some(fork), Some(pull), MAX_COMMIT_OPERATIONS + 1).await;
        let changes = changes.map_err(too_far_apart)?;
        if changes.len() > MAX_COMMIT_OPERATIONS {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the pull request changes more than {MAX_COMMIT_OPERATIONS} files"),
            ));
        }
        let blob = |change: Change| match change.new {
            Some((mode, oid)) if mode != Mode::Submodule => Some((oid, change.path)),
            _ => None,
        };
        let read = |(oid, path): (Oid, String)| {
            let objects = &objects;
            async move { Ok::<_, Error>(pointer(objects, oid).await?.map(|pointer| (pointer.oid, path))) }
        };
        let found = stream::iter(changes.into_iter().filter_map(blob)).map(read).buffered(READS);
        let mut large: Vec<(Sha256, String)> =
            found.try_filter_map(async |found| Ok(found)).try_collect().await?;

        let named: Vec<Sha256> = large.iter().map(|(sha256, _)| *sha256).collect();
        let stored = self.inner.db.read().await?.repo_files(repo.record.id, &named).await?;
        for file in stored.iter().filter(|file| !file.verified && file.pusher_id != merger_id) {
            self.verify_claim(file).await?;
        }
        // What is not stored was deleted by its owner; its pointer alone is merged.
        let stored: HashSet<Sha256> = stored.into_iter().map(|file| file.sha256).collect();
        large.retain(|(sha256, _)| stored.contains(sha256));
        Ok(large)
    }
}

async fn pointer(objects: &RepoObjects, blob: Oid) -> Result<Option<Pointer>> {
    if objects.size(blob).await? > MAX_POINTER_BYTES as u64 {
        return Ok(None);
    }
    Ok(Pointer::parse(&objects.read(blob).await.map_err(Error::internal)?.data))
}
