//! `/admin/mirrors`: repos that follow those of other hubs.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use lyceum_core::{RepoId, RepoKind};
use lyceum_hub::MirrorInfo;
use serde::Deserialize;

use super::{Admin, Menu, with_query};
use crate::error::{PageError, PageResult};
use crate::form::{Form, Query};
use crate::format;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::response::{CachePolicy, render};

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
}

/// The form with a mirror.
#[derive(Deserialize)]
pub(crate) struct Look {
    token: String,
    kind: String,
    id: String,
}

struct Row {
    path: String,
    kind: &'static str,
    id: String,
    source: String,
    every: String,
    synced: String,
    received: String,
    error: String,
}

#[derive(Template)]
#[template(path = "admin/mirrors.html")]
struct Mirrors {
    layout: Layout,
    menu: Menu,
    rows: Vec<Row>,
    next: Option<String>,
}

impl From<MirrorInfo> for Row {
    fn from(mirror: MirrorInfo) -> Self {
        let every = match mirror.every_seconds {
            None => "when asked for".to_owned(),
            Some(seconds) if seconds % 3600 == 0 => format!("every {} h", seconds / 3600),
            Some(seconds) => format!("every {} min", seconds.div_ceil(60)),
        };
        Self {
            path: RepoLink { kind: mirror.kind, id: mirror.id.clone() }.path(),
            kind: mirror.kind.singular(),
            id: mirror.id.to_string(),
            source: mirror.source.to_string(),
            every,
            synced: mirror.synced_at.map_or_else(|| "never".to_owned(), format::time),
            received: format::size(mirror.received_bytes),
            error: mirror.error.unwrap_or_default(),
        }
    }
}

/// Answers a page of mirrors.
pub(crate) async fn show(admin: Admin, Query(wanted): Query<Wanted>) -> PageResult {
    let found = admin.hub.mirrors(wanted.after.as_deref()).await?;
    let page = Mirrors {
        layout: admin.layout("Mirrors"),
        menu: Menu { open: "/admin/mirrors" },
        rows: found.mirrors.into_iter().map(Row::from).collect(),
        next: found.next.map(|after| with_query("/admin/mirrors", &[("after", &after)])),
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}

/// Has a mirror looked at now.
pub(crate) async fn look(admin: Admin, Form(sent): Form<Look>) -> PageResult {
    admin.session.check_form(&sent.token)?;
    let missing = || PageError::not_found().seen_by(false);
    let kind = RepoKind::parse(&sent.kind).ok_or_else(missing)?;
    admin.hub.look_at_mirror(kind, &RepoId::parse(&sent.id)?).await?;
    Ok(Redirect::to("/admin/mirrors").into_response())
}
