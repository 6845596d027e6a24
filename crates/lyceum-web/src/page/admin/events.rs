//! `/admin/events`: the audit log, by who, what, where and when.

use askama::Template;
use http::StatusCode;
use lyceum_core::Timestamp;
use lyceum_hub::{AuditEvent, ErrorKind, EventFilter};
use serde::Deserialize;

use super::{Admin, Menu, with_query};
use crate::error::{PageError, PageResult};
use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::response::{CachePolicy, render};

const DAY_SECONDS: i64 = 24 * 3600;

/// What the address may say.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Wanted {
    actor: String,
    action: String,
    target: String,
    since: String,
    until: String,
    before: Option<String>,
}

struct Row {
    at: String,
    actor: String,
    action: String,
    repo: Option<(String, String)>,
    detail: String,
}

#[derive(Template)]
#[template(path = "admin/events.html")]
struct Events {
    layout: Layout,
    menu: Menu,
    wanted: Wanted,
    rows: Vec<Row>,
    next: Option<String>,
}

impl From<AuditEvent> for Row {
    fn from(event: AuditEvent) -> Self {
        let actor = match event.actor {
            Some(name) => name.to_string(),
            None if event.by_user => "deleted".to_owned(),
            None => "the hub".to_owned(),
        };
        let repo = event.repo.map(|(kind, id)| {
            let link = RepoLink { kind, id };
            (link.path(), format!("{}{}", link.kind.url_prefix(), link.id))
        });
        let detail = if event.detail == "{}" { String::new() } else { event.detail };
        Self { at: format::time(event.at), actor, action: event.action, repo, detail }
    }
}

/// Answers a page of the log.
pub(crate) async fn show(admin: Admin, Query(wanted): Query<Wanted>) -> PageResult {
    let trimmed = |text: &str| text.trim().to_owned();
    let filter = EventFilter {
        actor: trimmed(&wanted.actor),
        action: trimmed(&wanted.action),
        target: trimmed(&wanted.target),
        since: day(&wanted.since)?,
        until: day(&wanted.until)?.map(|day| day.plus_seconds(DAY_SECONDS)),
    };
    let found = admin.hub.events(&filter, wanted.before.as_deref()).await?;
    let next = found.next.map(|before| {
        let fields = [
            ("actor", wanted.actor.as_str()),
            ("action", &wanted.action),
            ("target", &wanted.target),
            ("since", &wanted.since),
            ("until", &wanted.until),
            ("before", &before),
        ];
        with_query("/admin/events", &fields)
    });
    let page = Events {
        layout: admin.layout("Audit log"),
        menu: Menu { open: "/admin/events" },
        wanted,
        rows: found.events.into_iter().map(Row::from).collect(),
        next,
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}

/// Reads the beginning of a day, in UTC.
fn day(text: &str) -> Result<Option<Timestamp>, PageError> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = Timestamp::parse(&format!("{text}T00:00:00.000Z"));
    day.map(Some).map_err(|_| PageError::new(ErrorKind::Invalid, "a day has the form 2026-01-31"))
}
