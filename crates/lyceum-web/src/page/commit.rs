//! `/{repo}/commit/{id}`: one commit.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, ErrorKind};

use crate::error::PageError;
use crate::layout::Layout;
use crate::page::commits::CommitRow;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

struct Parent {
    path: String,
    short: String,
}

#[derive(Template)]
#[template(path = "commit.html")]
struct CommitPage {
    layout: Layout,
    head: RepoHead,
    row: CommitRow,
    id: String,
    message: String,
    parents: Vec<Parent>,
    files: String,
}

/// Answers a commit.
pub(crate) async fn show(visit: Visit) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let mut head = visit.head(&repo, "history");
    let found = visit.web.hub.commits(&repo, &visit.address.revision(), 0, 1).await?;
    let Some(commit) = found.commits.first() else {
        return Err(PageError::new(ErrorKind::RevisionNotFound, "this commit does not exist").into());
    };
    let id = commit.id.to_string();
    head.revision.clone_from(&id);
    let parent = |oid: &lyceum_core::Oid| {
        let id = oid.to_string();
        Parent { path: head.link.commit(&id), short: id[..8].to_owned() }
    };
    let page = CommitPage {
        layout: Layout::new(format!("{} in {}", commit.title, head.link.id), &visit.session),
        row: CommitRow::new(&head.link, commit),
        message: commit.message.trim().to_owned(),
        parents: commit.parents.iter().map(parent).collect(),
        files: head.link.tree(&id, ""),
        id,
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
