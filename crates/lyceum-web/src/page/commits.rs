//! `/{repo}/commits/{revision}`: the history.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, CommitInfo};
use serde::Deserialize;

use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::page::picker::Picker;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// Commits on a page.
const PAGE: usize = 50;
/// Last page that is looked for: what lies further back is found by starting from an older commit.
const MAX_PAGE: usize = 2000;

/// A commit as pages show it.
pub(crate) struct CommitRow {
    pub(crate) path: String,
    pub(crate) short: String,
    pub(crate) title: String,
    pub(crate) authors: String,
    pub(crate) date: String,
    /// The date without its clock.
    pub(crate) day: String,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    p: Option<usize>,
}

#[derive(Template)]
#[template(path = "commits.html")]
struct Commits {
    layout: Layout,
    head: RepoHead,
    picker: Picker,
    commits: Vec<CommitRow>,
    newer: Option<String>,
    older: Option<String>,
}

impl CommitRow {
    /// Returns the row of a commit.
    pub(crate) fn new(link: &RepoLink, commit: &CommitInfo) -> Self {
        let id = commit.id.to_string();
        Self {
            path: link.commit(&id),
            short: id[..8].to_owned(),
            title: commit.title.clone(),
            authors: commit.authors.join(", "),
            date: format::time(commit.date),
            day: commit.date.day(),
        }
    }
}

/// Answers a page of the history.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "history");
    let number = wanted.p.unwrap_or(0).min(MAX_PAGE);
    let found = visit.web.hub.commits(&repo, &visit.address.revision(), number, PAGE).await?;
    let link = |number| format!("{}?p={number}", head.link.commits(&head.revision));
    let page = Commits {
        layout: Layout::new(format!("History of {}", head.link.id), &visit.session),
        picker: Picker::new(&visit, &repo, &head, |revision| head.link.commits(revision)).await?,
        commits: found.commits.iter().map(|commit| CommitRow::new(&head.link, commit)).collect(),
        newer: number.checked_sub(1).map(link),
        older: (found.more && number < MAX_PAGE).then(|| link(number + 1)),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
