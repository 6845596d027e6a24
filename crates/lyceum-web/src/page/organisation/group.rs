//! `/organizations/{namespace}/settings/groups/{group}`: a resource group with its members and repos.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_core::{AccountName, RepoId, RepoKind};
use lyceum_hub::{Action, ErrorKind, NewResourceGroup, Role};
use serde::Deserialize;

use super::{Choice, Leaver, Member, choices, role, settings_path, user};
use crate::Web;
use crate::error::{PageError, PageResult};
use crate::form::Form;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// The form with a new group.
#[derive(Deserialize)]
pub(crate) struct NewGroup {
    token: String,
    name: String,
    description: String,
}

/// A form that is only a button.
#[derive(Deserialize)]
pub(crate) struct Button {
    token: String,
}

/// The form with a repo of the organisation.
#[derive(Deserialize)]
pub(crate) struct OfRepo {
    token: String,
    kind: String,
    name: String,
}

struct MemberRow {
    name: String,
    roles: Vec<Choice>,
}

struct RepoRow {
    path: String,
    kind: &'static str,
    name: String,
}

#[derive(Template)]
#[template(path = "organisation_group.html")]
struct Group {
    layout: Layout,
    organisation: String,
    path: String,
    name: String,
    description: String,
    members: Vec<MemberRow>,
    roles: Vec<Choice>,
    kinds: Vec<&'static str>,
    repos: Vec<RepoRow>,
}

/// Answers the group.
pub(crate) async fn show(
    State(web): State<Web>,
    session: Session,
    Path((organisation, group)): Path<(String, String)>,
) -> PageResult {
    let (organisation, id) = address(&organisation, &group)?;
    let seen = |error: lyceum_hub::Error| PageError::from(error).seen_by(session.anonymous());
    // Only administrators of the organisation have use for the forms.
    web.hub.members(&session.caller, &organisation, None, 1).await.map_err(seen)?;
    let group = web.hub.resource_group(&session.caller, &organisation, id).await.map_err(seen)?;
    let members = group.members.into_iter();
    let repos = group.repos.into_iter().map(|(kind, id)| RepoRow {
        name: id.name().to_owned(),
        kind: kind.singular(),
        path: RepoLink { kind, id }.path(),
    });
    let page = Group {
        layout: Layout::new(format!("{} · {organisation}", group.name), &session),
        path: group_path(&organisation, id),
        organisation: organisation.to_string(),
        name: group.name,
        description: group.description,
        members: members
            .map(|member| MemberRow { name: member.user.to_string(), roles: choices(member.role) })
            .collect(),
        roles: choices(Role::Read),
        kinds: RepoKind::ALL.into_iter().chain([RepoKind::Bucket]).map(RepoKind::singular).collect(),
        repos: repos.collect(),
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}

/// Makes a group.
pub(crate) async fn create(
    State(web): State<Web>,
    session: Session,
    Path(organisation): Path<String>,
    Form(sent): Form<NewGroup>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let organisation = AccountName::parse(&organisation)?;
    let new = NewResourceGroup { name: sent.name, description: sent.description };
    let made = web.hub.create_resource_group(&session.caller, &organisation, new).await?;
    Ok(Redirect::to(&group_path(&organisation, made.id)).into_response())
}

/// Deletes a group without repos.
pub(crate) async fn delete(
    State(web): State<Web>,
    session: Session,
    Path((organisation, group)): Path<(String, String)>,
    Form(sent): Form<Button>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let (organisation, id) = address(&organisation, &group)?;
    web.hub.delete_resource_group(&session.caller, &organisation, id).await?;
    Ok(Redirect::to(&settings_path(&organisation)).into_response())
}

/// Adds a member to a group, or changes his role there.
pub(crate) async fn set_member(
    State(web): State<Web>,
    session: Session,
    Path((organisation, group)): Path<(String, String)>,
    Form(sent): Form<Member>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let (organisation, id) = address(&organisation, &group)?;
    let members = vec![(user(&sent.user)?, Some(role(&sent.role)?))];
    web.hub.set_group_members(&session.caller, &organisation, id, members).await?;
    Ok(back(&organisation, id))
}

/// Removes a member from a group.
pub(crate) async fn remove_member(
    State(web): State<Web>,
    session: Session,
    Path((organisation, group)): Path<(String, String)>,
    Form(sent): Form<Leaver>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let (organisation, id) = address(&organisation, &group)?;
    let members = vec![(user(&sent.user)?, None)];
    web.hub.set_group_members(&session.caller, &organisation, id, members).await?;
    Ok(back(&organisation, id))
}

/// Moves a repo of the organisation into a group.
pub(crate) async fn add_repo(
    State(web): State<Web>,
    session: Session,
    Path((organisation, group)): Path<(String, String)>,
    Form(sent): Form<OfRepo>,
) -> PageResult {
    move_repo(&web, &session, &organisation, &group, &sent, true).await
}

/// Moves a repo of the organisation out of a group.
pub(crate) async fn remove_repo(
    State(web): State<Web>,
    session: Session,
    Path((organisation, group)): Path<(String, String)>,
    Form(sent): Form<OfRepo>,
) -> PageResult {
    move_repo(&web, &session, &organisation, &group, &sent, false).await
}

async fn move_repo(
    web: &Web,
    session: &Session,
    organisation: &str,
    group: &str,
    sent: &OfRepo,
    into: bool,
) -> PageResult {
    session.check_form(&sent.token)?;
    let (organisation, id) = address(organisation, group)?;
    let missing = || PageError::new(ErrorKind::Invalid, "there is no such type of repository");
    let kind = RepoKind::parse(&sent.kind).ok_or_else(missing)?;
    let name = RepoId::new(organisation.clone(), sent.name.trim())
        .map_err(|error| PageError::new(ErrorKind::Invalid, error.to_string()))?;
    let repo = web.hub.open(&session.caller, kind, &name, Action::Administer).await?;
    web.hub.set_group_of(&session.caller, &repo, into.then_some(id)).await?;
    Ok(back(&organisation, id))
}

fn address(organisation: &str, group: &str) -> Result<(AccountName, i64), PageError> {
    Ok((AccountName::parse(organisation)?, group.parse().map_err(|_| PageError::not_found())?))
}

fn group_path(organisation: &AccountName, id: i64) -> String {
    format!("{}/groups/{id}", settings_path(organisation))
}

fn back(organisation: &AccountName, id: i64) -> Response {
    Redirect::to(&group_path(organisation, id)).into_response()
}
