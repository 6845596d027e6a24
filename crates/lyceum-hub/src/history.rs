//! Commit history.

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{Oid, Revision, Timestamp};
use lyceum_git::Commit;

use crate::{Error, Hub, Repo, Result};

/// Most authors that are told of one commit.
const MAX_AUTHORS: usize = 16;

/// A commit as the API shows it.
#[derive(Debug, Clone)]
pub struct CommitInfo {
    /// Id.
    pub id: Oid,
    /// First line of the message.
    pub title: String,
    /// Rest of the message.
    pub message: String,
    /// Author's time.
    pub date: Timestamp,
    /// Account names, or plain names of people unknown here.
    pub authors: Vec<String>,
    /// Parents.
    pub parents: Vec<Oid>,
}

/// Longest history whose commits are counted.
const MAX_COUNTED_COMMITS: usize = 50_000;

/// One page of history, newest first.
#[derive(Debug, Clone)]
pub struct CommitPage {
    /// The commits.
    pub commits: Vec<CommitInfo>,
    /// Whether older ones exist.
    pub more: bool,
}

impl Hub {
    /// Lists page `page` (from 0) of `limit` commits.
    pub async fn commits(
        &self,
        repo: &Repo,
        revision: &Revision,
        page: usize,
        limit: usize,
    ) -> Result<CommitPage> {
        let head = self.resolve(repo, revision).await?;
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let mut log =
            lyceum_git::log(&self.objects(repo).session(), head, page.saturating_mul(limit), limit + 1)
                .await
                .map_err(Error::internal)?;
        let more = log.len() > limit;
        log.truncate(limit);
        let commits = log.iter().map(|(oid, commit)| CommitInfo::new(*oid, commit)).collect();
        Ok(CommitPage { commits, more })
    }

    /// Counts the commits that lead to a commit, itself included; `None` if there are too many to be counted.
    pub async fn count_commits(&self, repo: &Repo, head: Oid) -> Result<Option<usize>> {
        let known = |commit| self.inner.git.count(repo.record.id, commit);
        let count =
            lyceum_git::count_commits(&self.objects(repo).session(), head, known, MAX_COUNTED_COMMITS).await;
        let count = count.map_err(Error::internal)?;
        self.inner.git.keep_count(repo.record.id, head, count.unwrap_or(MAX_COUNTED_COMMITS + 1));
        Ok(count)
    }
}

impl CommitInfo {
    pub(crate) fn new(id: Oid, commit: &Commit) -> Self {
        Self {
            id,
            title: commit.summary().to_owned(),
            message: commit.body().to_owned(),
            date: Timestamp(commit.author.seconds.saturating_mul(1000)),
            authors: authors(commit),
            parents: commit.parents.clone(),
        }
    }
}

/// Returns who wrote a commit: its author, and whom the last lines of its message name as co-authors.
fn authors(commit: &Commit) -> Vec<String> {
    let mut authors = vec![commit.author.name.clone()];
    for line in commit.message.trim_end().lines().rev().take_while(|line| !line.trim().is_empty()) {
        let named = line.strip_prefix("Co-authored-by: ").and_then(|person| person.split_once(" <"));
        if let Some((name, _)) = named
            && authors.len() < MAX_AUTHORS
            && !authors.iter().any(|known| known == name)
        {
            authors.push(name.to_owned());
        }
    }
    authors
}
