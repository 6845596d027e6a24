//! The large files of a repo: listing and deleting them.

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{Sha256, Timestamp, XetHash};
use lyceum_db::RepoFile;

use crate::account::append_event;
use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result, quota};

mod rewrite;

use rewrite::Rewritten;

/// A large file that the repo stores.
#[derive(Debug, Clone)]
pub struct LfsFile {
    /// Digest, which is also its id here.
    pub sha256: Sha256,
    /// Size in bytes.
    pub size: u64,
    /// Name it was last committed under; empty before that.
    pub file_name: String,
    /// Reference it was last committed to; empty before that.
    pub ref_name: String,
    /// When it was uploaded.
    pub pushed_at: Timestamp,
    /// Xet hash.
    pub xet_hash: XetHash,
}

/// One page of them.
#[derive(Debug, Clone)]
pub struct LfsFilePage {
    /// The files.
    pub files: Vec<LfsFile>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Lists large files, in order of digest.
    pub async fn lfs_files(&self, repo: &Repo, after: Option<&str>, limit: usize) -> Result<LfsFilePage> {
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let after = match after {
            None => None,
            Some(after) => Some(
                after.parse::<Sha256>().map_err(|_| Error::new(ErrorKind::Invalid, "invalid `cursor`"))?,
            ),
        };
        let rows =
            self.inner.db.read().await?.repo_files_page(repo.record.id, after.as_ref(), limit as u32).await?;
        let next = if rows.len() == limit { rows.last().map(|row| row.sha256.to_string()) } else { None };
        let file = |row: RepoFile| LfsFile {
            sha256: row.sha256,
            size: row.size,
            file_name: row.file_name,
            ref_name: row.ref_name,
            pushed_at: row.pushed_at,
            xet_hash: row.xet_hash,
        };
        Ok(LfsFilePage { files: rows.into_iter().map(file).collect(), next })
    }

    /// Deletes large files from the store of the repo. `rewrite_history` also removes them from every commit of every
    /// branch and tag, which gives those commits new ids; otherwise commits that name them stay, without their content.
    pub async fn delete_lfs_files(
        &self,
        caller: &Caller,
        repo: &Repo,
        files: &[Sha256],
        rewrite_history: bool,
    ) -> Result<()> {
        let (repo_id, actor, now) = (repo.record.id, caller.signed_in()?.user_id, self.inner.clock.now());
        if rewrite_history && repo.record.mirror {
            let message = "the history of a mirror is that of the repository that it follows";
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
        let rewritten =
            if rewrite_history { self.rewrite_without(repo, files).await? } else { Rewritten::default() };
        let (files, owner_id) = (files.to_vec(), repo.record.owner_id);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    rewritten.land(tx, repo_id, now).await?;
                    let gone = tx.repo_files(repo_id, &files).await?;
                    tx.delete_repo_files(repo_id, &files).await?;
                    // What its shard left would still open it by its Xet hash.
                    let gone: Vec<XetHash> = gone.into_iter().map(|file| file.xet_hash).collect();
                    tx.unlink_repo_xet_files(repo_id, &gone).await?;
                    quota::enqueue(tx, owner_id, now).await?;
                    let digests: Vec<String> = files.iter().map(ToString::to_string).collect();
                    let detail = serde_json::json!({ "sha256": digests, "rewrite_history": rewrite_history });
                    append_event(tx, Some(repo_id), Some(actor), "delete-lfs-files", &detail, now).await
                })
            })
            .await
    }

    /// Makes large files of `source` available in `target` without moving bytes; returns those that could not be.
    ///
    /// Both repos were opened by the caller: the source for reading, the target for writing.
    pub async fn copy_lfs_files(
        &self,
        caller: &Caller,
        source: &Repo,
        target: &Repo,
        files: &[(Sha256, XetHash, String)],
    ) -> Result<Vec<(Sha256, String)>> {
        if source.action < Action::Read || target.action < Action::Write {
            return Err(Error::internal(
                "large files were to be copied between repos that were not opened for it",
            ));
        }
        let actor_id = caller.signed_in()?.user_id;
        let wanted: Vec<Sha256> = files.iter().map(|(sha256, ..)| *sha256).collect();
        let stored = self.inner.db.read().await?.repo_files(source.record.id, &wanted).await?;
        let (mut rows, mut failed) = (Vec::new(), Vec::new());
        for (sha256, xet_hash, file_name) in files {
            match stored.iter().find(|row| row.sha256 == *sha256 && row.xet_hash == *xet_hash) {
                Some(row) => rows.push(RepoFile {
                    repo_id: target.record.id,
                    // A claim stays that of who made it, so that others verify it.
                    pusher_id: if row.verified { actor_id } else { row.pusher_id },
                    file_name: file_name.clone(),
                    // No commit of the target names it yet.
                    ref_name: String::new(),
                    pushed_at: self.inner.clock.now(),
                    ..row.clone()
                }),
                None => failed.push((*sha256, format!("file `{sha256}` not found in the source repo"))),
            }
        }
        let (owner_id, repo_id) = (target.record.owner_id, target.record.id);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let named = rows.iter().map(|row| (row.sha256, row.size));
                    quota::charge_new(tx, owner_id, repo_id, actor_id, named).await?;
                    for row in &rows {
                        tx.link_repo_file(row).await?;
                        tx.link_repo_xet_file(row.repo_id, &row.xet_hash, row.pushed_at).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(failed)
    }
}
