//! `/{repo}/delete/{revision}/{path}`: deleting a file or a folder.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_core::RepoPath;
use lyceum_hub::{EntryKind, ErrorKind, Operation};
use serde::Deserialize;

use super::{Message, branch, change_one, of_pull_request, open, open_to_show, seen_at};
use crate::error::PageError;
use crate::form::Form;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

#[derive(Template)]
#[template(path = "edit/delete.html")]
struct DeletePage {
    layout: Layout,
    head: RepoHead,
    branch: String,
    of_pull_request: bool,
    path: String,
    folder: bool,
    action: String,
    back: String,
    was: String,
    message: Message,
    usual: String,
    problem: Option<String>,
}

/// The form.
#[derive(Deserialize)]
pub(super) struct Sent {
    token: String,
    #[serde(default)]
    was: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    description: String,
    #[serde(default, rename = "where")]
    place: String,
}

/// Asks whether it is meant.
pub(super) async fn show(visit: Visit) -> Result<Response, Detour> {
    form(&visit, StatusCode::OK, Message::default(), None).await
}

/// Deletes it.
pub(super) async fn submit(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    let message = Message { summary: sent.summary, description: sent.description, place: sent.place };
    match delete(&visit, &sent.token, &sent.was, &message).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => {
            let (status, problem) = visit.mend(error, &message.description)?;
            form(&visit, status, message, Some(problem)).await
        }
    }
}

async fn delete(visit: &Visit, token: &str, was: &str, message: &Message) -> Result<String, Detour> {
    visit.session.check_form(token)?;
    let path = path(visit)?;
    let repo = open(visit, message.proposed()).await?;
    let operation = Operation::DeletedFile(path.clone());
    let committed =
        change_one(visit, &repo, message, &format!("Delete {path}"), was, path, operation).await?;
    let head = visit.head(&repo, "files");
    let root = head.link.tree(&head.revision, "");
    Ok(seen_at(&head, &committed, root))
}

async fn form(
    visit: &Visit,
    status: StatusCode,
    message: Message,
    problem: Option<String>,
) -> Result<Response, Detour> {
    let path = path(visit)?;
    let repo = open_to_show(visit).await?;
    let listed =
        visit.web.hub.paths_info(&repo, &visit.address.revision(), &[path.to_string()], false).await?;
    let Some(entry) = listed.entries.first() else {
        let message = format!("`{path}` does not exist, or not any more");
        return Err(PageError::new(ErrorKind::EntryNotFound, message).into());
    };
    let head = visit.head(&repo, "files");
    let folder = entry.kind == EntryKind::Folder;
    let page = DeletePage {
        layout: Layout::new(format!("Delete {path} of {}", head.link.id), &visit.session),
        branch: branch(visit),
        of_pull_request: of_pull_request(visit),
        path: path.to_string(),
        folder,
        action: head.link.below("delete", &head.revision, path.as_str()),
        back: head.link.below(if folder { "tree" } else { "blob" }, &head.revision, path.as_str()),
        was: listed.commit.to_string(),
        message,
        usual: format!("Delete {path}"),
        problem,
        head,
    };
    Ok(render(status, CachePolicy::Revalidate, &page))
}

fn path(visit: &Visit) -> Result<&RepoPath, PageError> {
    visit.address.path.as_ref().ok_or_else(PageError::not_found)
}
