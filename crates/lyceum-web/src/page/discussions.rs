//! `/{repo}/discussions`: discussions and pull requests.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, DiscussionFilter, DiscussionStatus};
use serde::Deserialize;

use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

struct Row {
    path: String,
    number: i64,
    title: String,
    author: String,
    status: DiscussionStatus,
    pull_request: bool,
    created: String,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    p: Option<usize>,
    status: Option<String>,
    r#type: Option<String>,
}

/// A choice of what to list.
struct Choice {
    name: &'static str,
    path: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "discussions.html")]
struct Discussions {
    layout: Layout,
    head: RepoHead,
    choices: Vec<Choice>,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// Answers a page of the list.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "discussions");
    let number = wanted.p.unwrap_or(0);
    let open = match wanted.status.as_deref() {
        Some("open") => Some(true),
        Some("closed") => Some(false),
        _ => None,
    };
    let pull_request = match wanted.r#type.as_deref() {
        Some("discussion") => Some(false),
        Some("pull_request") => Some(true),
        _ => None,
    };
    let filter = DiscussionFilter { open, pull_request, page: number, author: None };
    let found = visit.web.hub.discussions(&repo, filter).await?;
    let base = format!("{}/discussions", head.link.path());
    let shown = found.start.saturating_add(i64::try_from(found.discussions.len()).unwrap_or(i64::MAX));
    let rows = found.discussions.into_iter().map(|discussion| Row {
        path: format!("{base}/{}", discussion.number),
        number: discussion.number,
        title: discussion.title,
        author: format::author(discussion.author),
        status: discussion.status,
        pull_request: discussion.pull_request,
        created: format::time(discussion.created_at),
    });
    let page = |number: usize| address(&base, open, pull_request, number);
    let choice = |name, open_wanted, pull_wanted| Choice {
        name,
        path: address(&base, open_wanted, pull_wanted, 0),
        chosen: (open_wanted, pull_wanted) == (open, pull_request),
    };
    let page = Discussions {
        layout: Layout::new(format!("Discussions of {}", head.link.id), &visit.session),
        choices: vec![
            choice("All", None, None),
            choice("Open", Some(true), None),
            choice("Closed", Some(false), None),
            choice("Discussions", None, Some(false)),
            choice("Pull requests", None, Some(true)),
        ],
        rows: rows.collect(),
        newer: number.checked_sub(1).map(page),
        older: (shown < found.count).then(|| page(number + 1)),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Returns the address of a page of the list.
fn address(base: &str, open: Option<bool>, pull_request: Option<bool>, page: usize) -> String {
    let open = open.map(|open| if open { "status=open" } else { "status=closed" }.to_owned());
    let kind = pull_request.map(|pull| if pull { "type=pull_request" } else { "type=discussion" }.to_owned());
    let page = (page > 0).then(|| format!("p={page}"));
    let query: Vec<String> = [open, kind, page].into_iter().flatten().collect();
    if query.is_empty() { base.to_owned() } else { format!("{base}?{}", query.join("&")) }
}
