//! `/{repo}/discussions/{number}`: what was said, oldest first, and what a pull request changes.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_core::Revision;
use lyceum_hub::{Action, DiscussionEvent, DiscussionStatus, DiscussionView, EventData, Mergeability};
use lyceum_markup::Place;
use serde::Deserialize;

use crate::error::PageError;
use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::prose::Prose;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// Events on one page.
const PAGE: u32 = 100;

struct Event {
    id: String,
    author: String,
    date: String,
    what: String,
    /// What was said.
    prose: Option<Prose>,
    text: Option<String>,
    /// Where more is to be seen.
    link: Option<String>,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    p: Option<u32>,
}

#[derive(Template)]
#[template(path = "discussion.html")]
struct DiscussionPage {
    layout: Layout,
    head: RepoHead,
    number: i64,
    title: String,
    author: String,
    status: DiscussionStatus,
    created: String,
    changes: Option<String>,
    target: Option<String>,
    conflicts: Vec<String>,
    unknown: bool,
    events: Vec<Event>,
    diff: Option<String>,
    newer: Option<String>,
    older: Option<String>,
}

/// Answers a discussion or pull request.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let Some(number) = visit.address.number else {
        return Err(PageError::not_found().into());
    };
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "discussions");
    let at = wanted.p.unwrap_or(0);
    let skip = at.saturating_mul(PAGE);
    // What is changed stands on the first page alone.
    let view = DiscussionView { diff: at == 0, skip, limit: Some(PAGE) };
    let details = visit.web.hub.discussion(&visit.session.caller, &repo, number, &view).await?;
    let found = details.discussion;
    let page_link = |at: u32| format!("{}/discussions/{number}?p={at}", head.link.path());
    let more = u64::from(skip.saturating_add(PAGE)) < details.event_count;
    let (conflicts, unknown) = match details.mergeability {
        Mergeability::Clean => (Vec::new(), false),
        Mergeability::Conflicts(paths) => (paths, false),
        Mergeability::Unknown => (Vec::new(), true),
    };
    let place = visit.place(&head.link, Revision::main().as_str());
    let mut events = Vec::with_capacity(details.events.len());
    for event in details.events {
        events.push(Event::new(event, &head.link, &place).await?);
    }
    let page = DiscussionPage {
        layout: Layout::new(format!("{} in {}", found.title, head.link.id), &visit.session),
        number,
        title: found.title,
        author: format::author(found.author),
        status: found.status,
        created: format::time(found.created_at),
        changes: found.pull_request.then(|| head.link.commits(&format!("refs/pr/{number}"))),
        target: found.target_branch,
        conflicts,
        unknown,
        events,
        diff: details.diff.filter(|diff| !diff.is_empty()),
        // Reading goes on to what came later.
        newer: at.checked_sub(1).map(page_link),
        older: more.then(|| page_link(at.saturating_add(1))),
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

impl Event {
    async fn new(event: DiscussionEvent, repo: &RepoLink, place: &Place) -> Result<Self, PageError> {
        let mut prose = None;
        let (what, text, link) = match event.data {
            EventData::Comment(comment) if comment.hidden => {
                ("wrote a comment that was hidden".to_owned(), None, None)
            }
            EventData::Comment(comment) => {
                let what = if comment.edited { "commented (edited)" } else { "commented" };
                // Most pull requests are opened without a word.
                if !comment.latest.text.is_empty() {
                    prose = Some(Prose::render(comment.latest.text, place).await?);
                }
                (what.to_owned(), None, None)
            }
            EventData::Commit { subject, oid } => {
                ("committed".to_owned(), Some(subject), Some(repo.commit(&oid.to_string())))
            }
            EventData::Status(status) => (format!("set it to {status}"), None, None),
            EventData::Title { from, to } => {
                ("changed the title".to_owned(), Some(format!("{from} → {to}")), None)
            }
        };
        let date = format::time(event.created_at);
        Ok(Self { id: event.id, author: format::author(event.author), date, what, prose, text, link })
    }
}
