//! `/organizations/{namespace}/settings`: members and resource groups, for the organisation's administrators.

mod group;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use http::StatusCode;
use lyceum_core::AccountName;
use lyceum_hub::{ErrorKind, Role};
use serde::Deserialize;

use crate::Web;
use crate::error::{PageError, PageResult};
use crate::form::{Form, Query};
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// Members, and groups, on one page.
const PAGE: usize = 100;

/// Returns the pages.
pub(crate) fn routes() -> Router<Web> {
    let settings = "/organizations/{namespace}/settings";
    let group = format!("{settings}/groups/{{group}}");
    Router::new()
        .route(settings, get(show))
        .route(&format!("{settings}/members"), post(set_member))
        .route(&format!("{settings}/members/remove"), post(remove_member))
        .route(&format!("{settings}/groups"), post(group::create))
        .route(&group, get(group::show))
        .route(&format!("{group}/delete"), post(group::delete))
        .route(&format!("{group}/members"), post(group::set_member))
        .route(&format!("{group}/members/remove"), post(group::remove_member))
        .route(&format!("{group}/repos"), post(group::add_repo))
        .route(&format!("{group}/repos/remove"), post(group::remove_repo))
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
}

/// The form with a member and his role.
#[derive(Deserialize)]
pub(crate) struct Member {
    token: String,
    user: String,
    role: String,
}

/// The form with a member who goes.
#[derive(Deserialize)]
pub(crate) struct Leaver {
    token: String,
    user: String,
}

/// A role that can be chosen.
pub(crate) struct Choice {
    pub(crate) role: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) chosen: bool,
}

struct MemberRow {
    name: String,
    service: bool,
    disabled: bool,
    roles: Vec<Choice>,
}

struct GroupRow {
    path: String,
    name: String,
    description: String,
    members: u64,
}

#[derive(Template)]
#[template(path = "organisation_settings.html")]
struct Settings {
    layout: Layout,
    name: String,
    members: Vec<MemberRow>,
    roles: Vec<Choice>,
    groups: Vec<GroupRow>,
    next: Option<String>,
}

/// Answers the members and groups.
pub(crate) async fn show(
    State(web): State<Web>,
    session: Session,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> PageResult {
    let name = AccountName::parse(&name)?;
    let seen = |error: lyceum_hub::Error| PageError::from(error).seen_by(session.anonymous());
    let page = web.hub.members(&session.caller, &name, wanted.after.as_deref(), PAGE).await.map_err(seen)?;
    let groups = web.hub.resource_groups(&session.caller, &name, None, PAGE).await.map_err(seen)?;
    let base = settings_path(&name);
    let members = page.members.into_iter().map(|(account, role)| MemberRow {
        name: account.name.to_string(),
        service: account.service,
        disabled: account.disabled,
        roles: choices(role),
    });
    let groups = groups.groups.into_iter().map(|group| GroupRow {
        path: format!("{base}/groups/{}", group.id),
        name: group.name,
        description: group.description,
        members: group.members_count,
    });
    let page = Settings {
        layout: Layout::new(format!("Settings of {name}"), &session),
        name: name.to_string(),
        members: members.collect(),
        roles: choices(Role::Read),
        groups: groups.collect(),
        next: page.next.map(|after| format!("{base}?after={after}")),
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}

/// Adds a member, or changes the role of one.
pub(crate) async fn set_member(
    State(web): State<Web>,
    session: Session,
    Path(name): Path<String>,
    Form(sent): Form<Member>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let name = AccountName::parse(&name)?;
    let (user, role) = (user(&sent.user)?, role(&sent.role)?);
    web.hub.set_member(&session.caller, &name, &user, role).await?;
    Ok(back(&name))
}

/// Removes a member; whoever removes himself has nothing to see here any more.
pub(crate) async fn remove_member(
    State(web): State<Web>,
    session: Session,
    Path(name): Path<String>,
    Form(sent): Form<Leaver>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let name = AccountName::parse(&name)?;
    let user = user(&sent.user)?;
    web.hub.remove_member(&session.caller, &name, &user).await?;
    if session.caller.identity().is_some_and(|identity| identity.name.key() == user.key()) {
        return Ok(Redirect::to(&format!("/{name}")).into_response());
    }
    Ok(back(&name))
}

/// Returns every role, one of them chosen.
fn choices(chosen: Role) -> Vec<Choice> {
    [
        (Role::Read, "sees private repositories"),
        (Role::Contributor, "also creates repositories and changes own ones"),
        (Role::Write, "also changes all repositories"),
        (Role::Admin, "also manages members and settings"),
    ]
    .into_iter()
    .map(|(role, meaning)| Choice { role: role.as_str(), meaning, chosen: role == chosen })
    .collect()
}

fn role(text: &str) -> Result<Role, PageError> {
    Role::parse(text).ok_or_else(|| PageError::new(ErrorKind::Invalid, "there is no such role"))
}

fn user(text: &str) -> Result<AccountName, PageError> {
    AccountName::parse(text.trim()).map_err(|error| PageError::new(ErrorKind::Invalid, error.to_string()))
}

fn settings_path(name: &AccountName) -> String {
    format!("/organizations/{name}/settings")
}

fn back(name: &AccountName) -> Response {
    Redirect::to(&settings_path(name)).into_response()
}
