//! Discussions and pull requests, as far as opening and listing them.

use lyceum_core::limits::MAX_MESSAGE_BYTES;
use lyceum_core::{AccountName, Oid, RefName, Timestamp};
use lyceum_db::{DiscussionQuery, DiscussionStatus, NewDiscussionEvent};
use serde_json::json;

use crate::account::append_event;
use crate::{Caller, Error, ErrorKind, Hub, Repo, Result};

/// Discussions on one page of a list; the clients count on it to see the last page.
const PAGE: u32 = 50;
/// Most events of one discussion that are read.
const MAX_EVENTS: u32 = 1000;
/// Longest title.
const MAX_TITLE_CHARS: usize = 500;

/// A discussion or pull request.
#[derive(Debug, Clone)]
pub struct Discussion {
    /// Number within the repo.
    pub number: i64,
    /// Title.
    pub title: String,
    /// Author's account name.
    pub author: String,
    /// `draft`, `open`, `closed` or `merged`.
    pub status: String,
    /// Whether it is a pull request.
    pub pull_request: bool,
    /// Branch that a pull request is for.
    pub target_branch: Option<String>,
    /// Merge commit.
    pub merge_commit: Option<Oid>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// What happened, oldest first; empty in lists.
    pub events: Vec<DiscussionEvent>,
}

/// Something that happened in a discussion.
#[derive(Debug, Clone)]
pub struct DiscussionEvent {
    /// Id.
    pub id: String,
    /// `comment`, `commit`, `status-change`, `title-change`.
    pub kind: String,
    /// Author's account name.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// What, shaped as the clients expect for the kind.
    pub data: serde_json::Value,
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
}

/// A discussion or pull request to insert.
#[derive(Debug, Clone)]
pub(crate) struct NewDiscussion {
    pub(crate) title: String,
    pub(crate) description: String,
    /// Branch and commit that a pull request starts from; `None` makes a discussion.
    pub(crate) base: Option<(RefName, Oid)>,
    pub(crate) status: DiscussionStatus,
    /// The first commit of a pull request.
    pub(crate) commit: Option<Oid>,
    /// Ids of the opening comment and of the first commit's event.
    pub(crate) event_ids: [String; 2],
}

impl Hub {
    /// Opens a discussion, or a draft pull request with its own reference at the head of the default branch.
    pub async fn create_discussion(
        &self,
        caller: &Caller,
        repo: &Repo,
        title: &str,
        description: &str,
        pull_request: bool,
    ) -> Result<Discussion> {
        let (identity, now) = (caller.signed_in()?, self.inner.clock.now());
        if title.trim().is_empty() || title.chars().count() > MAX_TITLE_CHARS {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the title must have 1 to {MAX_TITLE_CHARS} characters"),
            ));
        }
        if description.len() > MAX_MESSAGE_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the description may have at most {MAX_MESSAGE_BYTES} bytes"),
            ));
        }
        let base = if pull_request { Some(self.default_head(repo).await?) } else { None };
        let new = NewDiscussion {
            title: title.to_owned(),
            description: description.to_owned(),
            status: if base.is_some() { DiscussionStatus::Draft } else { DiscussionStatus::Open },
            base,
            commit: None,
            event_ids: [self.inner.entropy.id(), self.inner.entropy.id()],
        };
        let (repo_id, user_id) = (repo.record.id, identity.user_id);
        let number = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let number = insert(tx, repo_id, user_id, &new, now).await?;
                    if let Some((_, head)) = new.base {
                        tx.cas_ref(
                            repo_id,
                            RefName::pull_request(number).as_str(),
                            None,
                            Some((head, head)),
                            now,
                        )
                        .await?;
                    }
                    let detail = json!({ "number": number, "pull_request": new.base.is_some() });
                    append_event(tx, Some(repo_id), Some(user_id), "create-discussion", &detail, now).await?;
                    Ok::<_, Error>(number)
                })
            })
            .await?;
        self.discussion(repo, number).await
    }

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
        let statuses = match filter.open {
            None => Vec::new(),
            Some(true) => vec![DiscussionStatus::Draft, DiscussionStatus::Open],
            Some(false) => vec![DiscussionStatus::Closed, DiscussionStatus::Merged],
        };
        let offset = u32::try_from(filter.page).unwrap_or(u32::MAX).saturating_mul(PAGE);
        let query = DiscussionQuery {
            repo_id: repo.record.id,
            statuses,
            is_pull: filter.pull_request,
            author_id,
            offset,
            limit: PAGE,
        };
        let (rows, count) = db.discussions(&query).await?;
        let discussions = rows.into_iter().map(|row| discussion(row, Vec::new())).collect();
        Ok(DiscussionPage {
            count: i64::try_from(count).unwrap_or(i64::MAX),
            start: i64::from(offset),
            discussions,
        })
    }

    /// Reads a discussion with its events.
    pub async fn discussion(&self, repo: &Repo, number: i64) -> Result<Discussion> {
        let mut db = self.inner.db.read().await?;
        let missing = || {
            Error::new(
                ErrorKind::NotFound,
                format!("there is no discussion {number} in {} `{}`", repo.kind(), repo.id()),
            )
        };
        let row = db.discussion(repo.record.id, number).await?.ok_or_else(missing)?;
        let events = db.discussion_events(repo.record.id, number, MAX_EVENTS).await?;
        let event = |event: lyceum_db::DiscussionEvent| {
            let data = serde_json::from_str(&event.data).map_err(Error::internal)?;
            Ok(DiscussionEvent {
                id: event.id,
                kind: event.kind,
                author: event.author.to_string(),
                created_at: event.created_at,
                data,
            })
        };
        Ok(discussion(row, events.into_iter().map(event).collect::<Result<_>>()?))
    }

    async fn default_head(&self, repo: &Repo) -> Result<(RefName, Oid)> {
        let branch = RefName::branch(&repo.record.default_branch)?;
        let found = self.inner.db.read().await?.ref_get(repo.record.id, branch.as_str()).await?;
        let missing =
            || Error::new(ErrorKind::RevisionNotFound, format!("Invalid rev id: {}", branch.short()));
        let head = found.ok_or_else(missing)?.target;
        Ok((branch, head))
    }
}

/// Inserts a discussion with its opening comment, and the first commit of a pull request; returns its number.
pub(crate) async fn insert(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    author_id: i64,
    new: &NewDiscussion,
    now: Timestamp,
) -> Result<i64> {
    let gone = || Error::new(ErrorKind::RepoNotFound, "the repository was deleted meanwhile");
    let num = tx.take_discussion_number(repo_id).await?.ok_or_else(gone)?;
    let author =
        tx.account(author_id).await?.ok_or_else(|| Error::internal("the author's account is gone"))?.name;
    let row = lyceum_db::Discussion {
        repo_id,
        num,
        title: new.title.clone(),
        author_id,
        author,
        is_pull: new.base.is_some(),
        status: new.status,
        target_branch: new.base.as_ref().map(|(branch, _)| branch.as_str().to_owned()),
        base_oid: new.base.as_ref().map(|(_, oid)| *oid),
        merge_oid: None,
        created_at: now,
        updated_at: now,
    };
    tx.insert_discussion(&row).await?;
    let [comment_id, commit_id] = new.event_ids.clone();
    let comment = json!({ "edited": false, "hidden": false, "latest": { "raw": new.description, "updatedAt": now.to_string() } });
    let event = |id, kind: &str, data: serde_json::Value| NewDiscussionEvent {
        repo_id,
        num,
        id,
        kind: kind.to_owned(),
        author_id,
        created_at: now,
        data: data.to_string(),
    };
    tx.insert_discussion_event(&event(comment_id, "comment", comment)).await?;
    if let Some(commit) = new.commit {
        let data = json!({ "subject": new.title, "oid": commit.to_string() });
        tx.insert_discussion_event(&event(commit_id, "commit", data)).await?;
    }
    Ok(num)
}

fn discussion(row: lyceum_db::Discussion, events: Vec<DiscussionEvent>) -> Discussion {
    Discussion {
        number: row.num,
        title: row.title,
        author: row.author.to_string(),
        status: row.status.as_str().to_owned(),
        pull_request: row.is_pull,
        target_branch: row.target_branch,
        merge_commit: row.merge_oid,
        created_at: row.created_at,
        events,
    }
}
