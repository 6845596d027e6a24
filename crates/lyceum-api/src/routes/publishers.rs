//! Trusted publishers of a repo or an organisation. The exchange of their tokens is in [`oauth`](super::oauth).

use axum::extract::State;
use lyceum_hub::{Action, Caller, ErrorKind, Publishers};
use serde_json::{Value, json};

use super::people::account_name;
use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, Json, PathParams, RepoAddress};
use crate::wire::publishers::{NewPublisherWire, PublisherWire};

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/publishers", of_repo);
    routes.post(Scope::Repo, "/publishers", add_to_repo);
    routes.delete(Scope::Repo, "/publishers/{publisher}", remove_from_repo);
    let organisation = "/api/organizations/{namespace}/publishers";
    routes.get(Scope::Root, organisation, of_organisation);
    routes.post(Scope::Root, organisation, add_to_organisation);
    routes.delete(Scope::Root, &format!("{organisation}/{{publisher}}"), remove_from_organisation);
}

async fn of_repo(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
) -> ApiResult<Json<Vec<PublisherWire>>> {
    list(&api, &in_repo(&api, &caller, &address).await?).await
}

async fn add_to_repo(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<NewPublisherWire>,
) -> ApiResult<Json<PublisherWire>> {
    let place = in_repo(&api, &caller, &address).await?;
    Ok(Json(api.hub.add_publisher(&place, wire.into(), None).await?.into()))
}

async fn remove_from_repo(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
) -> ApiResult<Json<Value>> {
    remove(&api, &in_repo(&api, &caller, &address).await?, &params).await
}

async fn of_organisation(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<Json<Vec<PublisherWire>>> {
    let name = account_name(&params, "namespace")?;
    list(&api, &api.hub.publishers_of_organisation(&caller, &name).await?).await
}

async fn add_to_organisation(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
    Json(wire): Json<NewPublisherWire>,
) -> ApiResult<Json<PublisherWire>> {
    let name = account_name(&params, "namespace")?;
    let place = api.hub.publishers_of_organisation(&caller, &name).await?;
    Ok(Json(api.hub.add_publisher(&place, wire.into(), None).await?.into()))
}

async fn remove_from_organisation(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<Json<Value>> {
    let name = account_name(&params, "namespace")?;
    remove(&api, &api.hub.publishers_of_organisation(&caller, &name).await?, &params).await
}

async fn in_repo(api: &Api, caller: &Caller, address: &RepoAddress) -> ApiResult<Publishers> {
    let repo = address.open(&api.hub, caller, Action::Administer).await?;
    Ok(api.hub.publishers_of_repo(caller, &repo)?)
}

async fn list(api: &Api, place: &Publishers) -> ApiResult<Json<Vec<PublisherWire>>> {
    Ok(Json(api.hub.list_publishers(place).await?.into_iter().map(PublisherWire::from).collect()))
}

async fn remove(api: &Api, place: &Publishers, params: &PathParams) -> ApiResult<Json<Value>> {
    let missing = || ApiError::new(ErrorKind::NotFound, "there is no such publisher");
    let id = params.get("publisher")?.parse().map_err(|_| missing())?;
    api.hub.remove_publisher(place, id).await?;
    Ok(Json(json!({ "success": true })))
}
