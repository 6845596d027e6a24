//! `/{repo}/discussions`: discussions and pull requests.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, DiscussionFilter};
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
    status: String,
    pull_request: bool,
    created: String,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    p: Option<usize>,
}

#[derive(Template)]
#[template(path = "discussions.html")]
struct Discussions {
    layout: Layout,
    head: RepoHead,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// Answers a page of the list.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "discussions");
    let number = wanted.p.unwrap_or(0);
    let filter = DiscussionFilter { page: number, ..DiscussionFilter::default() };
    let found = visit.web.hub.discussions(&repo, filter).await?;
    let base = format!("{}/discussions", head.link.path());
    let shown = found.start.saturating_add(i64::try_from(found.discussions.len()).unwrap_or(i64::MAX));
    let rows = found.discussions.into_iter().map(|discussion| Row {
        path: format!("{base}/{}", discussion.number),
        number: discussion.number,
        title: discussion.title,
        author: discussion.author,
        status: discussion.status,
        pull_request: discussion.pull_request,
        created: format::time(discussion.created_at),
    });
    let page = Discussions {
        layout: Layout::new(format!("Discussions of {}", head.link.id), &visit.session),
        rows: rows.collect(),
        newer: number.checked_sub(1).map(|number| format!("{base}?p={number}")),
        older: (shown < found.count).then(|| format!("{base}?p={}", number + 1)),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
