//! `/settings/sessions`: the browsers that are signed in.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use lyceum_hub::TokenKind;
use serde::Deserialize;

use super::owner;
use crate::Web;
use crate::error::{PageError, PageResult};
use crate::form::Form;
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::Session;

const PATH: &str = "/settings/sessions";

struct Row {
    id: i64,
    current: bool,
    begun: String,
    seen: Option<String>,
}

#[derive(Template)]
#[template(path = "settings_sessions.html")]
struct Sessions {
    layout: Layout,
    rows: Vec<Row>,
}

/// The form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    token: String,
}

/// Lists the sessions.
pub(crate) async fn show(State(web): State<Web>, session: Session) -> PageResult {
    let owner = match owner(&session, PATH) {
        Ok(owner) => owner,
        Err(elsewhere) => return Ok(elsewhere.into_response()),
    };
    let now = web.hub.clock().now();
    let current = session.caller.identity().and_then(|identity| identity.token_id);
    let tokens = web.hub.tokens(&owner, 0).await?.into_iter();
    let rows = tokens
        .filter(|token| token.kind == TokenKind::Session && token.expires_at.is_none_or(|end| end > now))
        .map(|token| Row {
            id: token.id,
            current: current == Some(token.id),
            begun: format::time(token.created_at),
            seen: token.last_used_at.map(format::time),
        });
    let page = Sessions { rows: rows.rev().collect(), layout: Layout::new("Sessions", &session) };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}

/// Ends a session.
pub(crate) async fn end(
    State(web): State<Web>,
    session: Session,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let owner = session.caller.signed_in()?.name.clone();
    let id = id.parse().map_err(|_| PageError::not_found())?;
    web.hub.revoke_token(&owner, id).await?;
    Ok(Redirect::to(PATH).into_response())
}

/// Ends all sessions but this one.
pub(crate) async fn end_others(
    State(web): State<Web>,
    session: Session,
    Form(sent): Form<Sent>,
) -> PageResult {
    session.check_form(&sent.token)?;
    web.hub.end_other_sessions(&session.caller).await?;
    Ok(Redirect::to(PATH).into_response())
}
