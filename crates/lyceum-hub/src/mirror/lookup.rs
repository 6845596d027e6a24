//! Finding where a mirror names large files that it lacks, in bounded memory.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use lyceum_core::limits::TREE_PAGE_ENTRIES;
use lyceum_git::Mode;
use tokio::time::timeout;

use crate::{Error, ErrorKind, Hub, LfsObject, Repo, Result};

/// Files, folders and commits that are looked at for one question; what comes after that is not found. Of each some 30
/// bytes are remembered.
const MAX_LOOKED_AT: usize = 500_000;
/// Questions answered at the same time.
pub(super) const MAX_LOOKUPS: usize = 2;
/// Longest wait for that.
const MAX_WAIT: Duration = Duration::from_secs(10);

impl Hub {
    /// Finds large files that a mirror lacks at the heads of its branches and tags: a commit and a path of each.
    pub(crate) async fn find_missing(
        &self,
        repo: &Repo,
        mut wanted: HashSet<LfsObject>,
    ) -> Result<HashMap<LfsObject, (String, String)>> {
        let busy = || {
            Error::new(ErrorKind::Unavailable, "too many files of mirrors are looked for; please try again")
        };
        let turn = timeout(MAX_WAIT, self.inner.mirrors.lookups.acquire()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(Error::internal)?;
        let objects = self.objects(repo);
        let mut found = HashMap::new();
        // Branches have most of their files in common.
        let (mut trees, mut blobs, mut left) = (HashSet::new(), HashSet::new(), MAX_LOOKED_AT);
        for commit in self.mirror_tips(&repo.record).await? {
            left = left.saturating_sub(1);
            let tree = self.tree_of(repo, commit).await?;
            let mut more = trees.insert(tree);
            let mut after: Option<String> = None;
            while more {
                let page =
                    lyceum_git::list(&objects, tree, None, true, after.as_deref(), TREE_PAGE_ENTRIES).await;
                let page = page.map_err(Error::internal)?.unwrap_or_default();
                left = left.saturating_sub(page.len());
                more = page.len() == TREE_PAGE_ENTRIES && left > 0;
                after = page.last().map(|last| last.path.clone());
                let is_file = |mode| matches!(mode, Mode::File | Mode::Executable);
                let new = page.into_iter().filter(|file| is_file(file.mode) && blobs.insert(file.oid));
                for entry in self.describe(repo, commit, new.collect(), false).await? {
                    let Some(lfs) = entry.lfs.filter(|_| entry.xet_hash.is_none()) else {
                        continue;
                    };
                    let object = LfsObject { sha256: lfs.sha256, size: lfs.size };
                    if wanted.remove(&object) {
                        found.insert(object, (commit.to_string(), entry.path));
                    }
                }
                more &= !wanted.is_empty();
            }
            if wanted.is_empty() || left == 0 {
                break;
            }
        }
        Ok(found)
    }
}
