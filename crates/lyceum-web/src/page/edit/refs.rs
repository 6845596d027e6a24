//! `/{repo}/settings/refs`: branches and tags, made and deleted.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_core::Revision;
use lyceum_hub::{Action, ErrorKind, NewBranch, Reference};
use serde::Deserialize;

use crate::error::PageError;
use crate::form::Form;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::page::community::unknown_button;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// Most branches, and most tags, that the page shows.
const MAX_ROWS: usize = 500;

struct Row {
    name: String,
    path: String,
    commit: String,
    short: String,
    /// Whether it may be deleted.
    lasting: bool,
}

struct Group {
    title: &'static str,
    /// What one is called.
    one: &'static str,
    rows: Vec<Row>,
    more: bool,
}

#[derive(Template)]
#[template(path = "edit/refs.html")]
struct RefsPage {
    layout: Layout,
    head: RepoHead,
    groups: Vec<Group>,
    sent: Sent,
    problem: Option<String>,
}

/// The forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    token: String,
    /// Which of the buttons was used.
    #[serde(rename = "do")]
    button: String,
    name: String,
    start: String,
    message: String,
}

/// Lists them.
pub(super) async fn show(visit: Visit) -> Result<Response, Detour> {
    page(&visit, StatusCode::OK, Sent::default(), None).await
}

/// Makes or deletes one.
pub(super) async fn submit(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    match act(&visit, &sent).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => {
            let (status, problem) = visit.mend(error, &sent.message)?;
            page(&visit, status, sent, Some(problem)).await
        }
    }
}

async fn act(visit: &Visit, sent: &Sent) -> Result<String, Detour> {
    let repo = visit.open_form(&sent.token, Action::Write).await?;
    let (hub, caller) = (&visit.web.hub, &visit.session.caller);
    let name = sent.name.trim();
    let start = match sent.start.trim() {
        "" => None,
        start => Some(
            Revision::parse(start).map_err(|error| PageError::new(ErrorKind::Invalid, error.to_string()))?,
        ),
    };
    let done = match sent.button.as_str() {
        "create-branch" => {
            hub.create_branch(caller, &repo, name, NewBranch { start, ..NewBranch::default() }).await
        }
        "create-tag" => {
            let message = sent.message.replace("\r\n", "\n");
            hub.create_tag(caller, &repo, &start.unwrap_or_else(Revision::main), name, Some(&message)).await
        }
        "delete-branch" => hub.delete_branch(caller, &repo, name).await,
        "delete-tag" => hub.delete_tag(caller, &repo, name).await,
        _ => return Err(unknown_button().into()),
    };
    // A name that was typed is not an address.
    done.map_err(|error| match error.kind() {
        ErrorKind::RevisionNotFound => PageError::new(ErrorKind::Invalid, error.message()),
        _ => error.into(),
    })?;
    Ok(format!("{}/settings/refs", visit.head(&repo, "settings").link.path()))
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    sent: Sent,
    problem: Option<String>,
) -> Result<Response, Detour> {
    let repo = visit.open(Action::Write).await?;
    let head = visit.head(&repo, "settings");
    let found = visit.web.hub.references(&repo, false).await?;
    let page = RefsPage {
        layout: Layout::new(format!("Branches and tags of {}", head.link.id), &visit.session),
        groups: vec![
            group("Branches", "branch", &found.branches, &head.link),
            group("Tags", "tag", &found.tags, &head.link),
        ],
        sent,
        problem,
        head,
    };
    Ok(render(status, CachePolicy::Revalidate, &page))
}

fn group(title: &'static str, one: &'static str, references: &[Reference], link: &RepoLink) -> Group {
    let rows = references.iter().take(MAX_ROWS).map(|reference| {
        let (name, commit) = (reference.name.short().to_owned(), reference.commit.to_string());
        Row {
            path: link.tree(&name, ""),
            short: commit[..8].to_owned(),
            commit: link.commit(&commit),
            lasting: one == "branch" && name == "main",
            name,
        }
    });
    Group { title, one, rows: rows.collect(), more: references.len() > MAX_ROWS }
}
