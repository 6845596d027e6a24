//! Opening discussions and pull requests.

use lyceum_core::limits::MAX_MESSAGE_BYTES;
use lyceum_core::{Oid, RefName, Timestamp};
use lyceum_db::DiscussionStatus;
use serde_json::json;

use super::event::News;
use super::{Discussion, MAX_TITLE_CHARS, check_title};
use crate::account::append_event;
use crate::{Caller, Error, ErrorKind, Hub, Repo, Result};

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
        let title = check_title(title)?;
        if description.len() > MAX_MESSAGE_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the description may have at most {MAX_MESSAGE_BYTES} bytes"),
            ));
        }
        let base = if pull_request { Some(self.default_head(repo).await?) } else { None };
        let new = NewDiscussion {
            title,
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
                        let reference = RefName::pull_request(number);
                        let made =
                            tx.cas_ref(repo_id, reference.as_str(), None, Some((head, head)), now).await?;
                        if !made {
                            return Err(Error::internal(format!("`{reference}` exists already")));
                        }
                    }
                    let detail = json!({ "number": number, "pull_request": new.base.is_some() });
                    append_event(tx, Some(repo_id), Some(user_id), "create-discussion", &detail, now).await?;
                    Ok::<_, Error>(number)
                })
            })
            .await?;
        Ok(self.discussion_row(repo, number).await?.into())
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

/// Makes the title of a pull request from the first line of its commit.
pub(crate) fn title_of(summary: &str) -> String {
    let line = summary.trim().lines().next().unwrap_or_default();
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TITLE_CHARS).collect()
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
    let row = lyceum_db::Discussion {
        repo_id,
        num,
        title: new.title.clone(),
        author_id: Some(author_id),
        author: None,
        is_pull: new.base.is_some(),
        status: new.status,
        target_branch: new.base.as_ref().map(|(branch, _)| branch.as_str().to_owned()),
        base_oid: new.base.as_ref().map(|(_, oid)| *oid),
        merge_oid: None,
        events: 0,
        event_bytes: 0,
        created_at: now,
        updated_at: now,
    };
    if !tx.insert_discussion(&row).await? {
        return Err(Error::internal(format!("discussion {num} of repo {repo_id} exists already")));
    }
    let [comment_id, commit_id] = new.event_ids.clone();
    News::comment(comment_id, &new.description)?.add(tx, &row, author_id, now).await?;
    if let Some(commit) = new.commit {
        News::commit(commit_id, &new.title, commit)?.add(tx, &row, author_id, now).await?;
    }
    Ok(num)
}
