//! The large files that come to a branch from a pull request: by a merge, or because the branch is made from it.

use std::collections::HashMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_core::limits::MAX_COMMIT_OPERATIONS;
use lyceum_core::{Oid, Sha256};
use lyceum_db::RepoFile;
use lyceum_git::limits::MAX_POINTER_BYTES;
use lyceum_git::{Change, Mode, Objects as _, Pointer};

use super::changes::{Heads, READS, too_far_apart};
use crate::objects::RepoObjects;
use crate::{Error, ErrorKind, Hub, Repo, Result};

/// Most files in which a commit that becomes a branch may differ from the default one.
const MAX_BRANCH_CHANGES: usize = 1_000_000;

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
        let large = self.settle_changes(repo, changes, merger_id).await?;
        Ok(large.into_iter().map(|(file, path)| (file.sha256, path)).collect())
    }

    /// Finds the large files of a commit that is to become a branch and that are on no branch yet, with their paths, and
    /// verifies those that somebody else than who makes it only claimed.
    pub(crate) async fn settle_branch(
        &self,
        repo: &Repo,
        commit: Oid,
        maker_id: i64,
    ) -> Result<Vec<(Sha256, String)>> {
        let main = match self.head(repo).await? {
            Some(main) => Some(self.tree_of(repo, main).await?),
            None => None,
        };
        let tree = self.tree_of(repo, commit).await?;
        let changes = lyceum_git::diff(&self.objects(repo), main, Some(tree), MAX_BRANCH_CHANGES + 1).await;
        let too_far = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::TooLarge, format!("the commit is too far from the default branch: {error}"))
        };
        let changes = changes.map_err(|error| match error.kind() {
            lyceum_git::ErrorKind::TooLarge => too_far(&error),
            _ => Error::internal(error),
        })?;
        if changes.len() > MAX_BRANCH_CHANGES {
            return Err(too_far(&format!("more than {MAX_BRANCH_CHANGES} files differ")));
        }
        let large = self.settle_changes(repo, changes, maker_id).await?;
        let fresh = large.into_iter().filter(|(file, _)| !file.ref_name.starts_with("refs/heads/"));
        Ok(fresh.map(|(file, path)| (file.sha256, path)).collect())
    }

    /// Finds the large files that changes bring and that are stored, with their paths, and verifies what somebody else
    /// than `actor_id` only claimed.
    async fn settle_changes(
        &self,
        repo: &Repo,
        changes: Vec<Change>,
        actor_id: i64,
    ) -> Result<Vec<(RepoFile, String)>> {
        let objects = self.objects(repo);
        let blob = |change: Change| match change.new {
            Some((mode, oid)) if mode != Mode::Submodule => Some((oid, change.path)),
            _ => None,
        };
        let read = |(oid, path): (Oid, String)| {
            let objects = &objects;
            async move { Ok::<_, Error>(pointer(objects, oid).await?.map(|pointer| (pointer.oid, path))) }
        };
        let found = stream::iter(changes.into_iter().filter_map(blob)).map(read).buffered(READS);
        let large: Vec<(Sha256, String)> =
            found.try_filter_map(async |found| Ok(found)).try_collect().await?;

        let named: Vec<Sha256> = large.iter().map(|(sha256, _)| *sha256).collect();
        let stored = self.inner.db.read().await?.repo_files(repo.record.id, &named).await?;
        for file in stored.iter().filter(|file| !file.verified && file.pusher_id != actor_id) {
            self.verify_claim(file).await?;
        }
        // Of what was deleted, the pointers alone are left.
        let stored: HashMap<Sha256, RepoFile> = stored.into_iter().map(|file| (file.sha256, file)).collect();
        let stored = |(sha256, path)| stored.get(&sha256).map(|file| (file.clone(), path));
        Ok(large.into_iter().filter_map(stored).collect())
    }
}

async fn pointer(objects: &RepoObjects, blob: Oid) -> Result<Option<Pointer>> {
    if objects.size(blob).await? > MAX_POINTER_BYTES as u64 {
        return Ok(None);
    }
    Ok(Pointer::parse(&objects.read(blob).await.map_err(Error::internal)?.data))
}
