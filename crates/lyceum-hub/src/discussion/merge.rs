//! Merging a pull request: all it changes becomes one commit on its target.

use std::fmt::Write as _;

use lyceum_core::limits::MAX_MESSAGE_BYTES;
use lyceum_core::{Oid, RefName, Timestamp};
use lyceum_db::DiscussionStatus;
use lyceum_git::{Commit, Merged, ObjectKind, SegmentWriter, read_commit};

use super::changes::Heads;
use super::event::{DiscussionEvent, News};
use super::talk::check_comment;
use crate::commit::{Landed, Landing, RefMove, address, signature};
use crate::discussion::{PullChange, title_of};
use crate::{Caller, Error, ErrorKind, Hub, Repo, Result};

/// How often a merge is replayed when the target moved meanwhile.
const MAX_REPLAYS: usize = 16;
/// Most commits of the pull request that the message of the merge names.
const MAX_NAMED_COMMITS: usize = 100;
/// Room for the line that names the author, in bytes.
const MAX_TRAILER_BYTES: usize = 1024;
/// Most files in conflict that the refusal names.
const MAX_NAMED_CONFLICTS: usize = 20;

/// A merge, noted when its commit lands.
#[derive(Debug, Clone)]
pub(crate) struct Merge {
    number: i64,
    /// What was merged: the head that the pull request must still have.
    pull: Oid,
    fork: Oid,
    news: Vec<News>,
}

impl Merge {
    /// Returns the number of the pull request.
    pub(crate) fn number(&self) -> i64 {
        self.number
    }
}

impl Hub {
    /// Merges an open pull request of a repo opened with [`Action::Write`](crate::Action::Write), perhaps with a word
    /// on it.
    ///
    /// A file that both sides changed is a conflict. A target whose history was rewritten since is merged into all the
    /// same: what counts is what the pull request changed since it began.
    pub async fn merge_pull_request(
        &self,
        caller: &Caller,
        repo: &Repo,
        number: i64,
        comment: Option<&str>,
    ) -> Result<DiscussionEvent> {
        comment.map(check_comment).transpose()?;
        let mut news = Vec::new();
        if let Some(text) = comment {
            news.push(News::comment(self.inner.entropy.id(), text)?);
        }
        let merged = News::status(self.inner.entropy.id(), DiscussionStatus::Merged)?;
        news.push(merged.clone());
        for _ in 0..MAX_REPLAYS {
            if self.try_merge(caller, repo, number, &news).await? {
                return self.event(repo, number, &merged.id).await;
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("the target of pull request {number} is changing too fast; please try again"),
        ))
    }

    /// Merges the current heads; false if one of them moved meanwhile.
    async fn try_merge(&self, caller: &Caller, repo: &Repo, number: i64, news: &[News]) -> Result<bool> {
        let identity = caller.signed_in()?;
        let row = self.discussion_row(repo, number).await?;
        let target = mergeable(&row)?;
        let heads = self.heads(repo, &row).await?;
        let mut segment = SegmentWriter::new(self.inner.store.spool_dir());
        let tree = match self.merge_heads(repo, &heads, &mut segment).await? {
            Merged::Clean(tree) => tree,
            Merged::Conflicts(paths) => return Err(conflict(number, &target, &paths)),
        };
        if tree == self.tree_of(repo, heads.target).await? {
            let message =
                format!("pull request {number} changes nothing that is not in `{}` already", target.short());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let large = self.settle_large_files(repo, &heads, identity.user_id).await?;
        let author = signature(identity, self.inner.clock.now());
        let commit = Commit {
            tree,
            parents: vec![heads.target],
            committer: author.clone(),
            message: self.merge_message(repo, &row, &heads, identity.user_id).await?,
            author,
        };
        let commit = segment.add(ObjectKind::Commit, &commit.encode()).map_err(Error::internal)?;
        let merge = Merge { number, pull: heads.pull, fork: heads.fork, news: news.to_vec() };
        let landing = Landing {
            repo_id: repo.record.id,
            actor_id: identity.user_id,
            moves: vec![RefMove::to_commit(target, heads.target, commit, PullChange::Merge(merge))],
            atomic: true,
            segments: vec![self.keep_segment(repo.record.id, segment, "merge").await?],
            action: "merge-pull-request",
            large,
        };
        Ok(matches!(self.land(landing).await?, Landed::Yes(_)))
    }

    /// Writes the message: title and number, the commits, and who made them if it was not who merges.
    async fn merge_message(
        &self,
        repo: &Repo,
        row: &lyceum_db::Discussion,
        heads: &Heads,
        merger_id: i64,
    ) -> Result<String> {
        let objects = self.objects(repo);
        let mut message = format!("{} (#{})\n\n", row.title, row.num);
        let mut commits = Vec::new();
        let mut room = MAX_MESSAGE_BYTES.saturating_sub(message.len() + MAX_TRAILER_BYTES);
        let mut next = Some(heads.pull);
        while let Some(oid) = next.filter(|oid| *oid != heads.fork && commits.len() < MAX_NAMED_COMMITS) {
            let commit = read_commit(&objects, oid).await.map_err(Error::internal)?;
            let line = format!("- {} ({oid})", title_of(commit.summary()));
            let Some(rest) = room.checked_sub(line.len() + 1) else {
                break;
            };
            room = rest;
            commits.push(line);
            next = commit.parents.first().copied();
        }
        for line in commits.iter().rev() {
            writeln!(message, "{line}").map_err(Error::internal)?;
        }
        if let Some(author) = row.author.as_ref().filter(|_| row.author_id != Some(merger_id)) {
            write!(message, "\nCo-authored-by: {author} <{}>\n", address(author)).map_err(Error::internal)?;
        }
        Ok(message)
    }
}

/// Notes a merge in the transaction that lands its commit.
pub(crate) async fn note_merge(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    merge: &Merge,
    (actor_id, commit): (i64, Oid),
    now: Timestamp,
) -> Result<()> {
    let reference = RefName::pull_request(merge.number);
    let head = tx.ref_get(repo_id, reference.as_str()).await?.map(|found| found.target);
    if head != Some(merge.pull) {
        return Err(Error::new(ErrorKind::Stale, "the pull request moved"));
    }
    let changed = || {
        Error::new(
            ErrorKind::Conflict,
            format!("pull request {} was changed at the same time; please look again", merge.number),
        )
    };
    if !tx.merge_discussion(repo_id, merge.number, merge.fork, commit, now).await? {
        return Err(changed());
    }
    for news in &merge.news {
        let row = tx.discussion(repo_id, merge.number).await?.ok_or_else(changed)?;
        news.add(tx, &row, actor_id, now).await?;
    }
    Ok(())
}

/// Returns the branch that an open pull request is to be merged into.
fn mergeable(row: &lyceum_db::Discussion) -> Result<RefName> {
    let number = row.num;
    let refuse = |message| Err(Error::new(ErrorKind::Conflict, message));
    if !row.is_pull {
        return Err(Error::new(ErrorKind::Invalid, format!("discussion {number} is no pull request")));
    }
    match row.status {
        DiscussionStatus::Open => {}
        DiscussionStatus::Draft => {
            return refuse(format!("pull request {number} is a draft: open it before it is merged"));
        }
        DiscussionStatus::Closed => {
            return refuse(format!("pull request {number} is closed: reopen it before it is merged"));
        }
        DiscussionStatus::Merged => return refuse(format!("pull request {number} is merged already")),
    }
    let target =
        row.target_branch.as_deref().ok_or_else(|| Error::internal("a pull request has no target"))?;
    RefName::parse(target).map_err(Error::internal)
}

fn conflict(number: i64, target: &RefName, paths: &[String]) -> Error {
    let mut named =
        paths.iter().take(MAX_NAMED_CONFLICTS).map(|path| format!("`{path}`")).collect::<Vec<_>>();
    if paths.len() > named.len() {
        named.push("and others".to_owned());
    }
    let message = format!(
        "pull request {number} cannot be merged: `{}` has other changes of {}",
        target.short(),
        named.join(", ")
    );
    Error::new(ErrorKind::Conflict, message)
}
