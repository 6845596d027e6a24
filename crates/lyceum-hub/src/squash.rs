//! Replacing a branch's history by one commit.

use lyceum_core::{Oid, RefName, Revision};
use lyceum_git::{Commit, ObjectKind, SegmentWriter};

use crate::commit::{Landed, Landing, RefMove, signature};
use crate::discussion::{PullChange, PullCommit, title_of};
use crate::{Caller, Error, ErrorKind, Hub, Repo, Result};

impl Hub {
    /// Squashes a branch or pull request into one commit and returns it.
    pub async fn super_squash(
        &self,
        caller: &Caller,
        repo: &Repo,
        branch: &Revision,
        message: Option<&str>,
    ) -> Result<Oid> {
        let identity = caller.signed_in()?;
        let name = match RefName::parse(branch.as_str()) {
            Ok(name) => name,
            Err(_) => RefName::branch(branch.as_str())?,
        };
        let missing = || crate::reference::revision_not_found(repo, branch);
        if name.as_str().starts_with("refs/tags/") {
            return Err(missing());
        }
        let head = self
            .inner
            .db
            .read()
            .await?
            .ref_get(repo.record.id, name.as_str())
            .await?
            .ok_or_else(missing)?
            .target;
        let author = signature(identity, self.inner.clock.now());
        let default = format!("Squash the history of `{}`", name.short());
        let message = message
            .filter(|message| !message.trim().is_empty())
            .unwrap_or(&default)
            .replace('\0', "\u{fffd}");
        let commit = Commit {
            tree: self.tree_of(repo, head).await?,
            parents: Vec::new(),
            committer: author.clone(),
            author,
            message: message.clone(),
        };
        let mut segment = SegmentWriter::new(self.inner.store.spool_dir());
        let commit = segment.add(ObjectKind::Commit, &commit.encode()).map_err(Error::internal)?;
        let pull_request = match name.pull_request_number() {
            Some(_) => PullChange::Commits(vec![PullCommit {
                event_id: self.inner.entropy.id(),
                subject: title_of(&message),
                oid: commit,
            }]),
            None => PullChange::Nothing,
        };
        let landing = Landing {
            repo_id: repo.record.id,
            actor_id: identity.user_id,
            moves: vec![RefMove::to_commit(name, head, commit, pull_request)],
            atomic: true,
            segments: vec![self.keep_segment(repo.record.id, segment, "squash").await?],
            action: "super-squash",
            large: Vec::new(),
        };
        match self.land(landing).await? {
            Landed::Yes(_) => Ok(commit),
            _ => Err(Error::new(
                ErrorKind::Conflict,
                "the branch was updated at the same time; please try again",
            )),
        }
    }
}
