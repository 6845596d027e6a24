//! `/{repo}/discussions/{number}`: what was said, oldest first, and what a pull request changes.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_core::Revision;
use lyceum_hub::{Action, DiscussionEvent, DiscussionStatus, DiscussionView, EventData, Mergeability};
use lyceum_markup::Place;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::diff::{Diff, Pair, Sign};
use crate::error::PageError;
use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::prose::Prose;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// Events on one page.
pub(crate) const PAGE: u32 = 100;

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
    /// Where it is corrected, for who may.
    edit: Option<String>,
    /// Where is shown how it read before.
    versions: Option<String>,
}

/// What stands in the forms.
#[derive(Default)]
pub(crate) struct Draft {
    /// Whether what is changed stands side by side.
    pub(crate) split: bool,
    pub(crate) text: String,
    /// A title that was sent.
    pub(crate) title: Option<String>,
    pub(crate) preview: Option<Prose>,
    pub(crate) problem: Option<String>,
}

/// What an event's author and readers may do with it.
struct Reader<'a> {
    name: Option<String>,
    writes: bool,
    proposes: bool,
    /// Address of the discussion.
    base: &'a str,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    p: Option<u32>,
    view: Option<String>,
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
    /// Whether the caller may close it and change its title.
    steers: bool,
    closed: bool,
    reopens: bool,
    mergeable: bool,
    sign_in: Option<String>,
    /// Where its forms are sent.
    action: String,
    files: Option<String>,
    retitled: Option<String>,
    draft: String,
    preview: Option<Prose>,
    problem: Option<String>,
    diff: Option<Diff>,
    split: bool,
    other_view: String,
    diff_revision: String,
    newer: Option<String>,
    older: Option<String>,
}

/// Answers a discussion or pull request.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let split = wanted.view.as_deref() == Some("split");
    page(&visit, wanted.p.unwrap_or(0), StatusCode::OK, Draft { split, ..Draft::default() }).await
}

/// Answers a page of a discussion, with what stands in its forms.
pub(crate) async fn page(
    visit: &Visit,
    at: u32,
    status: StatusCode,
    draft: Draft,
) -> Result<Response, Detour> {
    let number = visit.number()?;
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "discussions");
    let skip = at.saturating_mul(PAGE);
    // What is changed stands on the first page alone.
    let view = DiscussionView { diff: at == 0, skip, limit: Some(PAGE) };
    let details = visit.web.hub.discussion(&visit.session.caller, &repo, number, &view).await?;
    let found = details.discussion;
    let split = draft.split;
    let here = format!("{}/discussions/{number}", head.link.path());
    let page_link = |at: u32| format!("{}/discussions/{number}?p={at}", head.link.path());
    let more = u64::from(skip.saturating_add(PAGE)) < details.event_count;
    let (conflicts, unknown) = match details.mergeability {
        Mergeability::Clean => (Vec::new(), false),
        Mergeability::Conflicts(paths) => (paths, false),
        Mergeability::Unknown => (Vec::new(), true),
    };
    let place = visit.place(&head.link, Revision::main().as_str(), "");
    let action = format!("{}/discussions/{number}", head.link.path());
    let permitted = head.permitted;
    let reader = Reader {
        name: visit.user_name(),
        writes: permitted.write,
        proposes: permitted.propose,
        base: &action,
    };
    let steers =
        permitted.propose && (permitted.write || (found.author.is_some() && found.author == reader.name));
    let pending = found.pull_request && !found.status.closed();
    let clean = pending && found.status == DiscussionStatus::Open && conflicts.is_empty() && !unknown;
    let mut events = Vec::with_capacity(details.events.len());
    for event in details.events {
        events.push(Event::new(event, &head.link, &place, &reader).await?);
    }
    let page = DiscussionPage {
        layout: Layout::new(format!("{} in {}", found.title, head.link.id), &visit.session),
        number,
        title: found.title,
        author: format::author(found.author),
        status: found.status,
        created: format::time(found.created_at),
        steers,
        closed: found.status.closed(),
        reopens: matches!(found.status, DiscussionStatus::Closed | DiscussionStatus::Draft),
        mergeable: clean && permitted.write,
        sign_in: visit
            .session
            .anonymous()
            .then(|| format!("/login?next={}", utf8_percent_encode(&action, NON_ALPHANUMERIC))),
        files: pending.then(|| head.link.tree(&format!("refs/pr/{number}"), "")),
        retitled: draft.title.filter(|title| !title.is_empty()),
        draft: draft.text,
        preview: draft.preview,
        problem: draft.problem,
        changes: found.pull_request.then(|| head.link.commits(&format!("refs/pr/{number}"))),
        target: found.target_branch,
        conflicts,
        unknown,
        events,
        diff: details.diff.filter(|diff| !diff.is_empty()).map(|diff| Diff::parse(&diff)),
        split,
        other_view: if split { here } else { format!("{here}?view=split") },
        diff_revision: format!("refs/pr/{number}"),
        // Reading goes on to what came later.
        newer: at.checked_sub(1).map(page_link),
        older: more.then(|| page_link(at.saturating_add(1))),
        action,
        head,
    };
    Ok(render(status, CachePolicy::Revalidate, &page))
}

impl Event {
    async fn new(
        event: DiscussionEvent,
        repo: &RepoLink,
        place: &Place,
        reader: &Reader<'_>,
    ) -> Result<Self, PageError> {
        let (mut prose, mut edit, mut versions) = (None, None, None);
        let mine = event.author.is_some() && event.author == reader.name;
        let (what, text, link) = match event.data {
            EventData::Comment(comment) if comment.hidden => {
                ("wrote a comment that was hidden".to_owned(), None, None)
            }
            EventData::Comment(comment) => {
                let page = format!("{}/comments/{}", reader.base, event.id);
                edit = (reader.proposes && (mine || reader.writes)).then(|| page.clone());
                versions = comment.edited.then_some(page);
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
        Ok(Self {
            id: event.id,
            author: format::author(event.author),
            date,
            what,
            prose,
            text,
            link,
            edit,
            versions,
        })
    }
}
