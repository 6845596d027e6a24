//! What a pull request changes, and whether it can be merged.

use lyceum_core::{Oid, RefName};
use lyceum_git::{Merged, SegmentWriter};

use crate::{Error, ErrorKind, Hub, Repo, Result};

/// Files read at the same time.
pub(super) const READS: usize = 16;

/// Whether a pull request can be merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mergeability {
    /// It can, or it is settled already, or it carries no changes.
    Clean,
    /// These files were changed differently in the target branch since.
    Conflicts(Vec<String>),
    /// It cannot: the target branch is gone, or the two are too large or too far apart to be compared.
    Unknown,
}

/// Where a pull request stands.
pub(super) struct Heads {
    /// Head of the target branch.
    pub(super) target: Oid,
    /// Head of the pull request.
    pub(super) pull: Oid,
    /// The commit that both began at.
    pub(super) fork: Oid,
}

impl Hub {
    pub(super) async fn mergeability(
        &self,
        repo: &Repo,
        row: &lyceum_db::Discussion,
    ) -> Result<Mergeability> {
        if !row.is_pull || row.status.closed() {
            return Ok(Mergeability::Clean);
        }
        let mergeability = match self.tips(repo, row).await {
            Ok((target, pull)) => self.mergeability_at(repo, row, target, pull).await,
            Err(error) => Err(error),
        };
        match mergeability {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(Mergeability::Unknown),
            answer => answer,
        }
    }

    async fn mergeability_at(
        &self,
        repo: &Repo,
        row: &lyceum_db::Discussion,
        target: Oid,
        pull: Oid,
    ) -> Result<Mergeability> {
        let tips = (repo.record.id, row.num, target, pull);
        if let Some(known) = self.inner.git.merge(tips) {
            return Ok(Mergeability::clone(&known));
        }
        let heads = Heads { target, pull, fork: self.fork(repo, row, target, pull).await? };
        let mut segment = SegmentWriter::new(self.inner.store.spool_dir());
        let mergeability = match self.merge_heads(repo, &heads, &mut segment).await? {
            Merged::Clean(_) => Mergeability::Clean,
            Merged::Conflicts(paths) => Mergeability::Conflicts(paths),
        };
        self.inner.git.keep_merge(tips, mergeability.clone());
        Ok(mergeability)
    }

    /// Finds the heads of an open pull request and of its target, and where the two began.
    pub(super) async fn heads(&self, repo: &Repo, row: &lyceum_db::Discussion) -> Result<Heads> {
        let (target, pull) = self.tips(repo, row).await?;
        let fork = self.fork(repo, row, target, pull).await?;
        Ok(Heads { target, pull, fork })
    }

    async fn tips(&self, repo: &Repo, row: &lyceum_db::Discussion) -> Result<(Oid, Oid)> {
        let target = row.target_branch.as_deref().unwrap_or_default();
        let gone = || Error::new(ErrorKind::Conflict, format!("the branch `{target}` is gone"));
        let target = self.head_of(repo, target).await?.ok_or_else(gone)?;
        Ok((target, self.pull_head(repo, row.num).await?))
    }

    /// Joins a pull request with its target; fails with [`ErrorKind::Conflict`] if the two cannot be compared.
    pub(super) async fn merge_heads(
        &self,
        repo: &Repo,
        heads: &Heads,
        segment: &mut SegmentWriter,
    ) -> Result<Merged> {
        let fork = self.tree_of(repo, heads.fork).await?;
        let target = self.tree_of(repo, heads.target).await?;
        let pull = self.tree_of(repo, heads.pull).await?;
        let merged =
            lyceum_git::merge_trees(&self.objects(repo), Some(fork), Some(target), Some(pull), segment).await;
        merged.map_err(too_far_apart)
    }

    /// Writes what a pull request changes, or changed before it was merged.
    pub(super) async fn pull_request_diff(&self, repo: &Repo, row: &lyceum_db::Discussion) -> Result<String> {
        let pull = self.pull_head(repo, row.num).await?;
        let target = row.target_branch.as_deref().unwrap_or_default();
        let fork = match (row.merge_oid, row.base_oid, self.head_of(repo, target).await?) {
            // What it was merged against is noted; the branch has gone on since.
            (Some(_), Some(base), _) | (None, Some(base), None) => base,
            (_, _, Some(target)) => self.fork(repo, row, target, pull).await?,
            (_, None, None) => pull,
        };
        let (old, new) = (self.tree_of(repo, fork).await?, self.tree_of(repo, pull).await?);
        self.patch(repo, Some(old), new).await
    }

    pub(super) async fn head_of(&self, repo: &Repo, reference: &str) -> Result<Option<Oid>> {
        let found = self.inner.db.read().await?.ref_get(repo.record.id, reference).await?;
        Ok(found.map(|reference| reference.peeled))
    }

    async fn pull_head(&self, repo: &Repo, number: i64) -> Result<Oid> {
        let reference = RefName::pull_request(number);
        let gone = || Error::internal(format!("`{reference}` of repo {} is gone", repo.record.id));
        self.head_of(repo, reference.as_str()).await?.ok_or_else(gone)
    }

    /// Finds the commit that a pull request began at: the newest that both histories have. Where either was rewritten,
    /// there is none; then it is the commit at which the pull request was opened.
    async fn fork(&self, repo: &Repo, row: &lyceum_db::Discussion, target: Oid, pull: Oid) -> Result<Oid> {
        match (lyceum_git::merge_base(&self.objects(repo), target, pull).await, row.base_oid) {
            (Ok(Some(base)), _) => Ok(base),
            (Ok(None), Some(base)) => Ok(base),
            (Err(error), Some(base)) if error.kind() == lyceum_git::ErrorKind::TooLarge => Ok(base),
            (Ok(None), None) => Err(Error::new(
                ErrorKind::Conflict,
                format!("pull request {} and its target have no commit in common", row.num),
            )),
            (Err(error), _) => Err(too_far_apart(error)),
        }
    }
}

/// Tells what a client can change from what only the operator can.
pub(crate) fn too_far_apart(error: lyceum_git::Error) -> Error {
    if error.kind() == lyceum_git::ErrorKind::TooLarge {
        return Error::new(
            ErrorKind::Conflict,
            format!("the pull request is too far from its target: {error}"),
        );
    }
    Error::internal(error)
}
