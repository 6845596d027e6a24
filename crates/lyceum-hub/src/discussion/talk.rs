//! What people do in a discussion: say, correct and hide things, give it another title, close it and open it again.

use lyceum_core::Timestamp;
use lyceum_core::limits::MAX_MESSAGE_BYTES;
use lyceum_db::DiscussionStatus;
use serde_json::json;

use super::event::{
    COMMENT, DiscussionEvent, News, StoredComment, StoredVersion, check_room, load, no_event, store,
};
use super::{PullCommit, check_title, may_take_commits};
use crate::account::append_event;
use crate::{Caller, Error, ErrorKind, Hub, Repo, Result};

/// How often a comment can be edited; each version is kept.
const MAX_EDITS: usize = 100;
/// What a hidden comment says; the clients know these words.
const HIDDEN: &str = "This comment has been hidden";

impl Hub {
    /// Says something in a discussion of a repo opened with [`Action::Propose`](crate::Action::Propose).
    pub async fn comment(
        &self,
        caller: &Caller,
        repo: &Repo,
        number: i64,
        text: &str,
    ) -> Result<DiscussionEvent> {
        check_comment(text)?;
        let row = self.discussion_row(repo, number).await?;
        let news = News::comment(self.inner.entropy.id(), text)?;
        self.add(caller, &row, Deed { action: "comment", change: Change::Nothing, news: vec![news.clone()] })
            .await?;
        self.event(repo, number, &news.id).await
    }

    /// Makes a comment read otherwise: for its author and writers of the repo. The former versions stay readable.
    pub async fn edit_comment(
        &self,
        caller: &Caller,
        repo: &Repo,
        number: i64,
        id: &str,
        text: &str,
    ) -> Result<DiscussionEvent> {
        check_comment(text)?;
        let (by, text, at) = (caller.signed_in()?.user_id, text.to_owned(), self.inner.clock.now());
        self.change_comment(caller, repo, number, id, "edit-comment", |author, comment| {
            if comment.hidden {
                return Err(Error::new(ErrorKind::Forbidden, "a hidden comment cannot be edited"));
            }
            if comment.history.len() >= MAX_EDITS {
                let message = format!("a comment can be edited at most {MAX_EDITS} times; write another one");
                return Err(Error::new(ErrorKind::TooLarge, message));
            }
            let by = (author != Some(by)).then_some(by);
            let latest = StoredVersion { raw: text, at: Some(at.0), by };
            comment.history.push(std::mem::replace(&mut comment.latest, latest));
            comment.edited = true;
            Ok(())
        })
        .await
    }

    /// Takes a comment away for good, with its former versions: for its author and writers of the repo.
    pub async fn hide_comment(
        &self,
        caller: &Caller,
        repo: &Repo,
        number: i64,
        id: &str,
    ) -> Result<DiscussionEvent> {
        let (by, at) = (caller.signed_in()?.user_id, self.inner.clock.now());
        self.change_comment(caller, repo, number, id, "hide-comment", |_, comment| {
            comment.hidden_by = comment.hidden_by.or(Some(by));
            if !comment.hidden {
                comment.latest = StoredVersion { raw: HIDDEN.to_owned(), at: Some(at.0), by: None };
            }
            comment.history = Vec::new();
            comment.hidden = true;
            Ok(())
        })
        .await
    }

    /// Gives a discussion another title: for its author and writers of the repo.
    pub async fn rename_discussion(
        &self,
        caller: &Caller,
        repo: &Repo,
        number: i64,
        title: &str,
    ) -> Result<DiscussionEvent> {
        let title = check_title(title)?;
        let row = self.discussion_row(repo, number).await?;
        self.check_author_or_writer(caller, repo, row.author_id, "change the title").await?;
        let news = News::title(self.inner.entropy.id(), &row.title, &title)?;
        let deed =
            Deed { action: "rename-discussion", change: Change::Title(title), news: vec![news.clone()] };
        self.add(caller, &row, deed).await?;
        self.event(repo, number, &news.id).await
    }

    /// Opens or closes a discussion, perhaps with a word on it: for its author and writers of the repo. A draft that is
    /// opened can be merged.
    pub async fn set_discussion_open(
        &self,
        caller: &Caller,
        repo: &Repo,
        number: i64,
        open: bool,
        comment: Option<&str>,
    ) -> Result<DiscussionEvent> {
        let row = self.discussion_row(repo, number).await?;
        self.check_author_or_writer(caller, repo, row.author_id, "open or close it").await?;
        let to = if open { DiscussionStatus::Open } else { DiscussionStatus::Closed };
        if row.status == to || row.status == DiscussionStatus::Merged {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("discussion {number} is {} already", row.status),
            ));
        }
        let mut news = Vec::new();
        if let Some(text) = comment {
            check_comment(text)?;
            news.push(News::comment(self.inner.entropy.id(), text)?);
        }
        let change = News::status(self.inner.entropy.id(), to)?;
        news.push(change.clone());
        let action = if open { "open-discussion" } else { "close-discussion" };
        self.add(caller, &row, Deed { action, change: Change::Status(to), news }).await?;
        self.event(repo, number, &change.id).await
    }

    /// Does something to a discussion and tells of it, in one transaction.
    async fn add(&self, caller: &Caller, row: &lyceum_db::Discussion, deed: Deed) -> Result<()> {
        let (actor, now) = (caller.signed_in()?.user_id, self.inner.clock.now());
        let (repo_id, num, from) = (row.repo_id, row.num, row.status);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let ids: Vec<_> = deed.news.iter().map(|news| news.id.as_str()).collect();
                    let detail = json!({ "number": num, "events": ids });
                    // The audit log first: it locks the repo's row, as everything does that changes a repo.
                    append_event(tx, Some(repo_id), Some(actor), deed.action, &detail, now).await?;
                    match &deed.change {
                        Change::Nothing => {}
                        Change::Title(title) => {
                            if !tx.set_discussion_title(repo_id, num, title, now).await? {
                                return Err(changed(num));
                            }
                        }
                        Change::Status(to) => {
                            if !tx.set_discussion_status(repo_id, num, from, *to, now).await? {
                                return Err(changed(num));
                            }
                        }
                    }
                    for news in &deed.news {
                        let row = tx.discussion(repo_id, num).await?.ok_or_else(|| changed(num))?;
                        news.add(tx, &row, actor, now).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Changes a stored comment, in one transaction.
    async fn change_comment(
        &self,
        caller: &Caller,
        repo: &Repo,
        number: i64,
        id: &str,
        action: &'static str,
        change: impl FnOnce(Option<i64>, &mut StoredComment) -> Result<()>,
    ) -> Result<DiscussionEvent> {
        let row = self.discussion_row(repo, number).await?;
        let found = self.inner.db.read().await?.discussion_event(row.repo_id, number, id).await?;
        let event = found.filter(|event| event.kind == COMMENT).ok_or_else(|| no_event(number, id))?;
        self.check_author_or_writer(caller, repo, event.author_id, "change this comment").await?;
        let mut comment: StoredComment = load(&event.data)?;
        change(event.author_id, &mut comment)?;
        let data = store(&comment)?;
        check_room(&row, data.len().saturating_sub(event.data.len()))?;
        let (actor, now, repo_id) = (caller.signed_in()?.user_id, self.inner.clock.now(), row.repo_id);
        let (old, id) = (event.data, event.id.clone());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let detail = json!({ "number": number, "event": id });
                    append_event(tx, Some(repo_id), Some(actor), action, &detail, now).await?;
                    crate::attachment::bind(tx, actor, &data, repo_id).await?;
                    if tx.set_discussion_event_data(repo_id, number, &id, &old, &data).await? {
                        return Ok(());
                    }
                    Err(changed(number))
                })
            })
            .await?;
        self.event(repo, number, &event.id).await
    }
}

/// Something done to a discussion, with what is told of it.
#[derive(Debug, Clone)]
struct Deed {
    /// Its name in the audit log.
    action: &'static str,
    change: Change,
    news: Vec<News>,
}

#[derive(Debug, Clone)]
enum Change {
    Nothing,
    Title(String),
    Status(DiscussionStatus),
}

impl PullCommit {
    /// Notes a commit that lands on an open pull request.
    pub(crate) async fn add(
        &self,
        tx: &mut lyceum_db::Queries,
        (repo_id, number): (i64, i64),
        author_id: i64,
        now: Timestamp,
    ) -> Result<()> {
        let row = tx.discussion(repo_id, number).await?.ok_or_else(|| changed(number))?;
        may_take_commits(&row)?;
        News::commit(self.event_id.clone(), &self.subject, self.oid)?.add(tx, &row, author_id, now).await
    }
}

pub(super) fn check_comment(text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "the comment is empty"));
    }
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("a comment may have at most {MAX_MESSAGE_BYTES} bytes"),
        ));
    }
    Ok(())
}

fn changed(number: i64) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("discussion {number} was changed at the same time; please look again"),
    )
}
