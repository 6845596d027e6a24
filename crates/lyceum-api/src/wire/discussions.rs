//! Discussions and pull requests.

use lyceum_hub::{Discussion, DiscussionEvent, DiscussionPage, Repo};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
        let DiscussionPage { count, start, discussions } = page;
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
    status: String,
    is_pull_request: bool,
    created_at: String,
    author: AuthorWire,
    repo: RepoWire,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<EventWire>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ChangesWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files_with_conflicts: Option<Vec<String>>,
}

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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventWire {
    id: String,
    r#type: String,
    created_at: String,
    author: AuthorWire,
    data: Value,
}

impl DiscussionWire {
    /// Writes a discussion as it stands in a list.
    pub(crate) fn summary(repo: &Repo, discussion: Discussion) -> Self {
        Self {
            num: discussion.number,
            title: discussion.title,
            status: discussion.status,
            is_pull_request: discussion.pull_request,
            created_at: discussion.created_at.to_string(),
            author: AuthorWire { name: discussion.author },
            repo: RepoWire { name: repo.id().to_string(), r#type: repo.kind().singular() },
            url: None,
            events: None,
            changes: None,
            files_with_conflicts: None,
        }
    }

    /// Writes a discussion with everything that happened in it.
    pub(crate) fn details(repo: &Repo, mut discussion: Discussion, url: String) -> Self {
        let events = std::mem::take(&mut discussion.events);
        let changes = discussion.pull_request.then(|| ChangesWire {
            base: discussion.target_branch.clone().unwrap_or_else(|| "refs/heads/main".to_owned()),
            merge_commit_id: discussion.merge_commit.map(|commit| commit.to_string()),
        });
        Self {
            url: Some(url),
            events: Some(events.into_iter().map(EventWire::from).collect()),
            files_with_conflicts: changes.is_some().then(Vec::new),
            changes,
            ..Self::summary(repo, discussion)
        }
    }
}

impl From<DiscussionEvent> for EventWire {
    fn from(event: DiscussionEvent) -> Self {
        Self {
            id: event.id,
            r#type: event.kind,
            created_at: event.created_at.to_string(),
            author: AuthorWire { name: event.author },
            data: event.data,
        }
    }
}
