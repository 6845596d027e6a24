//! Creating, deleting, moving, duplicating and changing repos.

use axum::extract::State;
use lyceum_core::{RepoId, RepoKind};
use lyceum_hub::{Action, Caller, Error, ErrorKind, NewRepo, RepoChange};

use super::organisations::group_id;
use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, RepoAddress};
use crate::link;
use crate::wire::repos::{
    CreateWire, DeleteWire, DuplicateWire, MoveWire, RepoUrlWire, SettingsAnswerWire, SettingsWire,
};

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Root, "/api/repos/create", create);
    routes.delete(Scope::Root, "/api/repos/delete", delete);
    routes.post(Scope::Root, "/api/repos/move", rename);
    routes.put(Scope::Repo, "/settings", change);
    routes.post(Scope::Repo, "/duplicate", duplicate);
}

async fn create(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Json(wire): Json<CreateWire>,
) -> ApiResult<Json<RepoUrlWire>> {
    let own = caller.signed_in()?.name.clone();
    let group = wire.resource_group.as_deref().map(group_id).transpose()?;
    let repo = NewRepo::try_from(wire)?;
    let (kind, asked) = (repo.kind, RepoId::new(repo.namespace.clone().unwrap_or(own), &repo.name));
    match api.hub.create_repo_in(&caller, repo, group).await {
        Ok(id) => Ok(Json(created(&api, &caller, &base, kind, &id).await?)),
        Err(error) => Err(taken(&api, &caller, &base, kind, asked?, error).await),
    }
}

async fn delete(
    State(api): State<Api>,
    Auth(caller): Auth,
    Json(wire): Json<DeleteWire>,
) -> ApiResult<&'static str> {
    let (kind, id) = wire.target(&caller.signed_in()?.name)?;
    let repo = api.hub.open(&caller, kind, &id, Action::Administer).await?;
    // The old id of a moved repo still leads to it, but is not enough to destroy it.
    if repo.id().key() != id.key() {
        return Err(ApiError::repo_not_found());
    }
    api.hub.delete_repo(&caller, &repo).await?;
    Ok("OK")
}

async fn rename(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Json(wire): Json<MoveWire>,
) -> ApiResult<Json<RepoUrlWire>> {
    let (kind, from, to) = wire.parse()?;
    let repo = api.hub.open(&caller, kind, &from, Action::Administer).await?;
    match api.hub.move_repo(&caller, &repo, &to).await {
        Ok(()) => Ok(Json(located(&base, kind, &to))),
        Err(error) => Err(taken(&api, &caller, &base, kind, to, error).await),
    }
}

async fn change(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<SettingsWire>,
) -> ApiResult<Json<SettingsAnswerWire>> {
    let change = RepoChange::try_from(wire)?;
    let repo = address.open(&api.hub, &caller, Action::Administer).await?;
    let answer = SettingsAnswerWire::from(&change);
    api.hub.change_repo(&caller, &repo, change).await?;
    Ok(Json(answer))
}

async fn duplicate(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    address: RepoAddress,
    Json(wire): Json<DuplicateWire>,
) -> ApiResult<Json<RepoUrlWire>> {
    let (to, visibility) = wire.parse(&caller.signed_in()?.name)?;
    let repo = address.open(&api.hub, &caller, Action::Read).await?;
    match api.hub.duplicate_repo(&caller, &repo, &to, visibility).await {
        Ok(id) => {
            Ok(Json(RepoUrlWire { files_copy_pending: Some(false), ..located(&base, repo.kind(), &id) }))
        }
        Err(error) => Err(taken(&api, &caller, &base, repo.kind(), to, error).await),
    }
}

/// Tells where a new repo is, and its number, by which some clients know it.
pub(super) async fn created(
    api: &Api,
    caller: &Caller,
    base: &BaseUrl,
    kind: RepoKind,
    id: &RepoId,
) -> ApiResult<RepoUrlWire> {
    let repo = api.hub.open(caller, kind, id, Action::Discover).await?;
    Ok(RepoUrlWire { id: Some(repo.number().to_string()), ..located(base, kind, id) })
}

pub(super) fn located(base: &BaseUrl, kind: RepoKind, id: &RepoId) -> RepoUrlWire {
    RepoUrlWire { url: link::repo(base, kind, id), name: id.to_string(), id: None, files_copy_pending: None }
}

/// Adds the address of the repo that is in the way: with `exist_ok` clients go on with it.
pub(super) async fn taken(
    api: &Api,
    caller: &Caller,
    base: &BaseUrl,
    kind: RepoKind,
    id: RepoId,
    error: Error,
) -> ApiError {
    if error.kind() != ErrorKind::AlreadyExists {
        return error.into();
    }
    // As it is written there, which may differ in case.
    let found = api.hub.open(caller, kind, &id, Action::Discover).await;
    let id = found.map_or(id, |repo| repo.id().clone());
    ApiError::Taken { message: error.message().to_owned(), url: link::repo(base, kind, &id) }
}
