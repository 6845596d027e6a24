//! `/{repo}/discussions`: discussions and pull requests.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, DiscussionFilter, DiscussionStatus};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
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

/// What the address may say; what is no choice is taken for none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    status: String,
    #[serde(rename = "type")]
    kind: String,
    author: String,
    search: String,
    /// Those with lower numbers.
    before: Option<i64>,
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
    wanted: Wanted,
    count: String,
    /// Whether everything is listed.
    all: bool,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// Answers a page of the list.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "discussions");
    let author = wanted.author.trim();
    let filter = DiscussionFilter {
        open: match wanted.status.as_str() {
            "open" => Some(true),
            "closed" => Some(false),
            _ => None,
        },
        pull_request: match wanted.kind.as_str() {
            "discussion" => Some(false),
            "pull_request" => Some(true),
            _ => None,
        },
        author: (!author.is_empty()).then(|| author.to_owned()),
        words: wanted.search.split_whitespace().map(str::to_owned).collect(),
        before: wanted.before,
        page: 0,
    };
    let found = visit.web.hub.discussions(&repo, filter).await?;
    let base = format!("{}/discussions", head.link.path());
    let rows = found.discussions.into_iter().map(|discussion| Row {
        path: format!("{base}/{}", discussion.number),
        number: discussion.number,
        title: discussion.title,
        author: format::author(discussion.author),
        status: discussion.status,
        pull_request: discussion.pull_request,
        created: format::time(discussion.created_at),
    });
    let choice = |name, status: &str, kind: &str| {
        let chosen = wanted.status == status && wanted.kind == kind;
        let to = Wanted { status: status.to_owned(), kind: kind.to_owned(), before: None, ..wanted.clone() };
        Choice { name, path: to.address(&base), chosen }
    };
    let page = Discussions {
        layout: Layout::new(format!("Discussions of {}", head.link.id), &visit.session),
        choices: vec![
            choice("All", "", ""),
            choice("Open", "open", ""),
            choice("Closed", "closed", ""),
            choice("Discussions", "", "discussion"),
            choice("Pull requests", "", "pull_request"),
        ],
        count: format::count(u64::try_from(found.count).unwrap_or(0)),
        all: wanted.address("").is_empty(),
        rows: rows.collect(),
        newer: wanted.before.map(|_| Wanted { before: None, ..wanted.clone() }.address(&base)),
        older: found.next.map(|before| Wanted { before: Some(before), ..wanted.clone() }.address(&base)),
        wanted,
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

impl Wanted {
    /// Returns the address of this list.
    fn address(&self, base: &str) -> String {
        let before = self.before.map(|before| before.to_string()).unwrap_or_default();
        let parts = [
            ("status", self.status.as_str()),
            ("type", self.kind.as_str()),
            ("author", self.author.as_str()),
            ("search", self.search.as_str()),
            ("before", before.as_str()),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        if parts.is_empty() { base.to_owned() } else { format!("{base}?{}", parts.join("&")) }
    }
}
