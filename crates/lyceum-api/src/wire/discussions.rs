//! Discussions and pull requests.

use lyceum_hub::{
    Comment, CommentVersion, Discussion, DiscussionDetails, DiscussionEvent, DiscussionPage,
    DiscussionStatus, EventData, Mergeability, Repo,
};
use serde::{Deserialize, Serialize};

use super::refs::escape;

/// Body of `POST …/discussions`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewDiscussionWire {
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) pull_request: Option<bool>,
}

/// Body of `POST …/comment`.
#[derive(Debug, Deserialize)]
pub(crate) struct NewCommentWire {
    pub(crate) comment: String,
}

/// Body of `POST …/comment/{id}/edit`.
#[derive(Debug, Deserialize)]
pub(crate) struct EditWire {
    pub(crate) content: String,
}

/// Body of `POST …/title`.
#[derive(Debug, Deserialize)]
pub(crate) struct TitleWire {
    pub(crate) title: String,
}

/// Body of `POST …/status`.
#[derive(Debug, Deserialize)]
pub(crate) struct StatusWire {
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) comment: Option<String>,
}

/// Body of `POST …/merge`, which may be missing.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct MergeWire {
    #[serde(default)]
    pub(crate) comment: Option<String>,
}

/// What a change answers: the event under the name that the clients look for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ChangedWire {
    NewMessage(EventWire),
    UpdatedComment(EventWire),
    NewTitle(EventWire),
    NewStatus(EventWire),
}

/// One page of discussions.
#[derive(Debug, Serialize)]
pub(crate) struct DiscussionPageWire {
    discussions: Vec<DiscussionWire>,
    count: i64,
    start: i64,
}

impl DiscussionPageWire {
    /// Writes a page of a repo's discussions.
    pub(crate) fn new(repo: &Repo, page: DiscussionPage) -> Self {
        let DiscussionPage { count, start, discussions, next: _ } = page;
        let discussions = discussions.into_iter().map(|found| DiscussionWire::summary(repo, found)).collect();
        Self { discussions, count, start }
    }
}

/// A discussion; what is only told of one alone is left out in lists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiscussionWire {
    num: i64,
    title: String,
    status: &'static str,
    is_pull_request: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<AuthorWire>,
    repo: RepoWire,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<EventWire>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ChangesWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files_with_conflicts: Option<ConflictsWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

/// An account; the clients take a missing one for deleted.
#[derive(Debug, Serialize)]
struct AuthorWire {
    name: String,
}

#[derive(Debug, Serialize)]
struct RepoWire {
    name: String,
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangesWire {
    base: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    merge_commit_id: Option<String>,
}

/// The files in conflict, or `true` if there are some that cannot be told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ConflictsWire {
    Files(Vec<String>),
    Unknown(bool),
}

/// An event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventWire {
    id: String,
    r#type: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<AuthorWire>,
    data: DataWire,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum DataWire {
    Comment(Box<CommentWire>),
    Commit { subject: String, oid: String },
    Status { status: &'static str },
    Title { from: String, to: String },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CommentWire {
    edited: bool,
    hidden: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden_by: Option<String>,
    num_edits: usize,
    latest: VersionWire,
    history: Vec<VersionWire>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionWire {
    raw: String,
    html: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<AuthorWire>,
}

impl DiscussionWire {
    /// Writes a discussion as it stands in a list.
    pub(crate) fn summary(repo: &Repo, discussion: Discussion) -> Self {
        Self {
            num: discussion.number,
            title: discussion.title,
            status: discussion.status.as_str(),
            is_pull_request: discussion.pull_request,
            created_at: discussion.created_at.to_string(),
            author: discussion.author.map(|name| AuthorWire { name }),
            repo: RepoWire { name: repo.id().to_string(), r#type: repo.kind().singular() },
            url: None,
            events: None,
            changes: None,
            files_with_conflicts: None,
            diff: None,
        }
    }

    /// Writes a discussion with everything that happened in it.
    pub(crate) fn details(repo: &Repo, details: DiscussionDetails, url: String) -> Self {
        let DiscussionDetails { discussion, events, mergeability, diff, event_count: _ } = details;
        let changes = discussion.pull_request.then(|| ChangesWire {
            base: discussion.target_branch.clone().unwrap_or_default(),
            merge_commit_id: discussion.merge_commit.map(|commit| commit.to_string()),
        });
        Self {
            url: Some(url),
            events: Some(events.into_iter().map(EventWire::from).collect()),
            files_with_conflicts: changes.is_some().then(|| mergeability.into()),
            changes,
            diff,
            ..Self::summary(repo, discussion)
        }
    }
}

impl From<Mergeability> for ConflictsWire {
    fn from(mergeability: Mergeability) -> Self {
        match mergeability {
            Mergeability::Clean => Self::Files(Vec::new()),
            Mergeability::Conflicts(paths) => Self::Files(paths),
            Mergeability::Unknown => Self::Unknown(true),
        }
    }
}

impl From<DiscussionEvent> for EventWire {
    fn from(event: DiscussionEvent) -> Self {
        let (kind, data) = match event.data {
            EventData::Comment(comment) => ("comment", DataWire::Comment(Box::new(comment.into()))),
            EventData::Commit { subject, oid } => {
                ("commit", DataWire::Commit { subject, oid: oid.to_string() })
            }
            EventData::Status(status) => ("status-change", DataWire::Status { status: status.as_str() }),
            EventData::Title { from, to } => ("title-change", DataWire::Title { from, to }),
        };
        Self {
            id: event.id,
            r#type: kind,
            created_at: event.created_at.to_string(),
            author: event.author.map(|name| AuthorWire { name }),
            data,
        }
    }
}

impl From<Comment> for CommentWire {
    fn from(comment: Comment) -> Self {
        Self {
            edited: comment.edited,
            hidden: comment.hidden,
            hidden_by: comment.hidden_by,
            num_edits: comment.history.len(),
            latest: comment.latest.into(),
            history: comment.history.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<CommentVersion> for VersionWire {
    fn from(version: CommentVersion) -> Self {
        Self {
            html: html(&version.text),
            raw: version.text,
            updated_at: version.at.to_string(),
            author: version.author.map(|name| AuthorWire { name }),
        }
    }
}

/// Parses the states that a discussion can be set to.
pub(crate) fn parse_open(status: &str) -> Option<bool> {
    match DiscussionStatus::parse(status)? {
        DiscussionStatus::Open => Some(true),
        DiscussionStatus::Closed => Some(false),
        DiscussionStatus::Draft | DiscussionStatus::Merged => None,
    }
}

/// Writes text as paragraphs of HTML, with nothing in it that could be taken for markup.
fn html(text: &str) -> String {
    let text = escape(text.trim()).replace("\r\n", "\n");
    let paragraphs = text.split("\n\n").map(|part| format!("<p>{}</p>", part.replace('\n', "<br>\n")));
    paragraphs.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
