//! `/{repo}/discussions/{number}`: what was said, oldest first.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, DiscussionEvent};
use serde_json::Value;

use crate::error::PageError;
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

struct Event {
    author: String,
    date: String,
    what: String,
    text: Option<String>,
}

#[derive(Template)]
#[template(path = "discussion.html")]
struct DiscussionPage {
    layout: Layout,
    head: RepoHead,
    number: i64,
    title: String,
    author: String,
    status: String,
    created: String,
    changes: Option<String>,
    target: Option<String>,
    events: Vec<Event>,
}

/// Answers a discussion or pull request.
pub(crate) async fn show(visit: Visit) -> Result<Response, Detour> {
    let Some(number) = visit.address.number else {
        return Err(PageError::not_found().into());
    };
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "discussions");
    let found = visit.web.hub.discussion(&repo, number).await?;
    let page = DiscussionPage {
        layout: Layout::new(format!("{} in {}", found.title, head.link.id), &visit.session),
        number,
        title: found.title,
        author: found.author,
        status: found.status,
        created: format::time(found.created_at),
        changes: found.pull_request.then(|| head.link.commits(&format!("refs/pr/{number}"))),
        target: found.target_branch,
        events: found.events.into_iter().map(Event::from).collect(),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

impl From<DiscussionEvent> for Event {
    fn from(event: DiscussionEvent) -> Self {
        let text = |pointer| event.data.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let what = match event.kind.as_str() {
            "comment" => "commented".to_owned(),
            "commit" => "committed".to_owned(),
            "status-change" => text("/status")
                .map_or("changed the status".to_owned(), |status| format!("set it to {status}")),
            "title-change" => "changed the title".to_owned(),
            other => other.to_owned(),
        };
        let words = text("/latest/raw").or_else(|| text("/subject")).or_else(|| text("/to"));
        Self { author: event.author, date: format::time(event.created_at), what, text: words }
    }
}
