//! Discussions and pull requests: what they are, and reading them.
//!
//! Everything that happens in one is an event; its pull request, if it is one, lives at `refs/pr/N`.

use lyceum_core::{AccountName, Oid, Timestamp};
use lyceum_db::{DiscussionQuery, DiscussionStatus};

use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result};

mod changes;
mod event;
mod large;
mod merge;
mod open;
mod talk;

pub use changes::Mergeability;
pub use event::{Comment, CommentVersion, DiscussionEvent, EventData};
pub(crate) use event::{PullCommit, may_take_commits};
pub(crate) use merge::{Merge, note_merge};
pub(crate) use open::{NewDiscussion, insert, title_of};

/// Discussions on one page of a list; the clients count on it to see the last page.
const PAGE: u32 = 50;
/// Longest title.
const MAX_TITLE_CHARS: usize = 500;
/// Most words of a search that count.
const MAX_WORDS: usize = 8;

/// A discussion or pull request.
#[derive(Debug, Clone)]
pub struct Discussion {
    /// Number within the repo.
    pub number: i64,
    /// Title.
    pub title: String,
    /// Author's account name; `None` if the account is gone.
    pub author: Option<String>,
    /// Where it stands.
    pub status: DiscussionStatus,
    /// Whether it is a pull request.
    pub pull_request: bool,
    /// Reference that a pull request is to be merged into.
    pub target_branch: Option<String>,
    /// Merge commit.
    pub merge_commit: Option<Oid>,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// A discussion with all that happened in it.
#[derive(Debug, Clone)]
pub struct DiscussionDetails {
    /// The discussion.
    pub discussion: Discussion,
    /// Number of its events.
    pub event_count: u64,
    /// What happened, oldest first.
    pub events: Vec<DiscussionEvent>,
    /// Whether a pull request can be merged.
    pub mergeability: Mergeability,
    /// What a pull request changes, as `git diff` writes it; only if it was asked for and the caller may read the
    /// repo's content.
    pub diff: Option<String>,
}

/// What is to be told of a discussion.
#[derive(Debug, Clone, Default)]
pub struct DiscussionView {
    /// Whether to tell what a pull request changes.
    pub diff: bool,
    /// How many events to pass over.
    pub skip: u32,
    /// Most events to tell; `None` for all, of which there is a limited number.
    pub limit: Option<u32>,
}

/// What a commit that lands means to a pull request.
#[derive(Debug, Clone)]
pub(crate) enum PullChange {
    /// Nothing.
    Nothing,
    /// It opens this one, whose reference is made instead of moving another.
    Open(NewDiscussion),
    /// They are added to one that must be open: the one whose reference moves.
    Commits(Vec<PullCommit>),
    /// It merges one.
    Merge(Merge),
}

/// Which discussions to list.
#[derive(Debug, Clone, Default)]
pub struct DiscussionFilter {
    /// Only pull requests, or only discussions.
    pub pull_request: Option<bool>,
    /// Only open (drafts included) or only closed ones (merged included).
    pub open: Option<bool>,
    /// Only those of this account.
    pub author: Option<String>,
    /// Only those with all of these in their titles.
    pub words: Vec<String>,
    /// Only those with lower numbers.
    pub before: Option<i64>,
    /// Page from 0.
    pub page: usize,
}

/// One page of discussions, newest first.
#[derive(Debug, Clone)]
pub struct DiscussionPage {
    /// Number of all that match.
    pub count: i64,
    /// Index of the first on this page.
    pub start: i64,
    /// The discussions.
    pub discussions: Vec<Discussion>,
    /// The last number on this page, if there are more: those of the next page come before it.
    pub next: Option<i64>,
}

impl Hub {
    /// Lists discussions.
    pub async fn discussions(&self, repo: &Repo, filter: DiscussionFilter) -> Result<DiscussionPage> {
        let mut db = self.inner.db.read().await?;
        let author_id = match &filter.author {
            None => None,
            // Nobody has the id 0: an unknown author wrote nothing.
            Some(author) => match AccountName::parse(author) {
                Ok(name) => Some(db.account_by_name(&name).await?.map_or(0, |account| account.id)),
                Err(_) => Some(0),
            },
        };
        let offset = u32::try_from(filter.page).unwrap_or(u32::MAX).saturating_mul(PAGE);
        let query = DiscussionQuery {
            repo_id: repo.record.id,
            closed: filter.open.map(|open| !open),
            is_pull: filter.pull_request,
            author_id,
            words: filter.words.into_iter().take(MAX_WORDS).collect(),
            before: filter.before,
            offset,
            // One more than the page tells whether there is a next one.
            limit: PAGE + 1,
        };
        let (mut rows, count) = db.discussions(&query).await?;
        let more = rows.len() > PAGE as usize;
        rows.truncate(PAGE as usize);
        Ok(DiscussionPage {
            count: i64::try_from(count).unwrap_or(i64::MAX),
            start: i64::from(offset),
            next: rows.last().filter(|_| more).map(|row| row.num),
            discussions: rows.into_iter().map(Discussion::from).collect(),
        })
    }

    /// Reads a discussion with its events.
    pub async fn discussion(
        &self,
        caller: &Caller,
        repo: &Repo,
        number: i64,
        view: &DiscussionView,
    ) -> Result<DiscussionDetails> {
        let row = self.discussion_row(repo, number).await?;
        let events = self.events(repo, number, view).await?;
        let mergeability = self.mergeability(repo, &row).await?;
        // Who may know of a repo may read what is said of it; what the files say is behind its gate.
        let diff =
            view.diff && row.is_pull && (repo.action >= Action::Read || self.may_read(caller, repo).await?);
        let diff = match diff {
            true => self.readable_diff(repo, &row).await?,
            false => None,
        };
        Ok(DiscussionDetails { event_count: row.events, discussion: row.into(), events, mergeability, diff })
    }

    /// Writes what a pull request changes, if it can be compared with its target at all.
    async fn readable_diff(&self, repo: &Repo, row: &lyceum_db::Discussion) -> Result<Option<String>> {
        match self.pull_request_diff(repo, row).await {
            Ok(diff) => Ok(Some(diff)),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads one event of a discussion.
    pub async fn discussion_event(&self, repo: &Repo, number: i64, id: &str) -> Result<DiscussionEvent> {
        self.discussion_row(repo, number).await?;
        self.event(repo, number, id).await
    }

    async fn discussion_row(&self, repo: &Repo, number: i64) -> Result<lyceum_db::Discussion> {
        let found = self.inner.db.read().await?.discussion(repo.record.id, number).await?;
        found.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("there is no discussion {number} in {} `{}`", repo.kind(), repo.id()),
            )
        })
    }

    async fn may_read(&self, caller: &Caller, repo: &Repo) -> Result<bool> {
        match self.open(caller, repo.kind(), repo.id(), Action::Read).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Internal => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Refuses who is neither the author nor may write to the repo.
    async fn check_author_or_writer(
        &self,
        caller: &Caller,
        repo: &Repo,
        author_id: Option<i64>,
        deed: &str,
    ) -> Result<()> {
        if author_id == Some(caller.signed_in()?.user_id) {
            return Ok(());
        }
        match self.open(caller, repo.kind(), repo.id(), Action::Write).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Forbidden => Err(Error::new(
                ErrorKind::Forbidden,
                format!("only the author and those who may write to the repo may {deed}"),
            )),
            Err(error) => Err(error),
        }
    }
}

impl From<lyceum_db::Discussion> for Discussion {
    fn from(row: lyceum_db::Discussion) -> Self {
        Self {
            number: row.num,
            title: row.title,
            author: row.author.map(|name| name.to_string()),
            status: row.status,
            pull_request: row.is_pull,
            target_branch: row.target_branch,
            merge_commit: row.merge_oid,
            created_at: row.created_at,
        }
    }
}

fn check_title(title: &str) -> Result<String> {
    let title = title.trim();
    if title.is_empty() || title.chars().count() > MAX_TITLE_CHARS || title.chars().any(char::is_control) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("the title must be one line of 1 to {MAX_TITLE_CHARS} characters"),
        ));
    }
    Ok(title.to_owned())
}
