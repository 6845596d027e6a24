//! Managing the members of an organisation, and its resource groups.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_hub::{Action, ErrorKind};
use serde_json::Value;

use super::people::{account_name, page_limit};
use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, PathParams, Query, RepoAddress};
use crate::link;
use crate::wire::organisations::{
    GroupMembersWire, GroupWire, MemberWire, NewGroupWire, RepoGroupWire, RoleWire,
};

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Root, "/api/organizations/{namespace}/members", add_member);
    routes.put(Scope::Root, "/api/organizations/{namespace}/members/{user}/role", set_role);
    routes.delete(Scope::Root, "/api/organizations/{namespace}/members/{user}", remove_member);
    routes.get(Scope::Root, "/api/organizations/{namespace}/resource-groups", groups);
    routes.post(Scope::Root, "/api/organizations/{namespace}/resource-groups", create_group);
    routes.get(Scope::Root, "/api/organizations/{namespace}/resource-groups/{group}", group);
    routes.delete(Scope::Root, "/api/organizations/{namespace}/resource-groups/{group}", delete_group);
    routes.post(
        Scope::Root,
        "/api/organizations/{namespace}/resource-groups/{group}/users",
        set_group_members,
    );
    routes.delete(
        Scope::Root,
        "/api/organizations/{namespace}/resource-groups/{group}/users/{user}",
        remove_group_member,
    );
    routes.get(Scope::Repo, "/resource-group", group_of_repo);
    routes.post(Scope::Repo, "/resource-group", set_group_of_repo);
}

async fn add_member(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
    Json(wire): Json<MemberWire>,
) -> ApiResult<&'static str> {
    let (user, role) = wire.parse()?;
    api.hub.set_member(&caller, &account_name(&params, "namespace")?, &user, role).await?;
    Ok("OK")
}

async fn set_role(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
    Json(wire): Json<RoleWire>,
) -> ApiResult<&'static str> {
    let (organisation, user) = (account_name(&params, "namespace")?, account_name(&params, "user")?);
    api.hub.set_member(&caller, &organisation, &user, wire.parse()?).await?;
    Ok("OK")
}

async fn remove_member(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<&'static str> {
    let (organisation, user) = (account_name(&params, "namespace")?, account_name(&params, "user")?);
    api.hub.remove_member(&caller, &organisation, &user).await?;
    Ok("OK")
}

async fn groups(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    params: PathParams,
    Query(query): Query,
) -> ApiResult {
    let organisation = account_name(&params, "namespace")?;
    let limit = page_limit(&query)?;
    let page = api.hub.resource_groups(&caller, &organisation, query.filled("cursor"), limit).await?;
    let body = Json(page.groups.into_iter().map(GroupWire::listed).collect::<Vec<_>>());
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), body).into_response(),
        None => body.into_response(),
    })
}

async fn create_group(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
    Json(wire): Json<NewGroupWire>,
) -> ApiResult<Json<GroupWire>> {
    let organisation = account_name(&params, "namespace")?;
    let made = api.hub.create_resource_group(&caller, &organisation, wire.into()).await?;
    Ok(Json(GroupWire::listed(made)))
}

async fn group(State(api): State<Api>, Auth(caller): Auth, params: PathParams) -> ApiResult<Json<GroupWire>> {
    let organisation = account_name(&params, "namespace")?;
    let found = api.hub.resource_group(&caller, &organisation, group_id(params.get("group")?)?).await?;
    Ok(Json(GroupWire::whole(found)))
}

async fn delete_group(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<&'static str> {
    let organisation = account_name(&params, "namespace")?;
    api.hub.delete_resource_group(&caller, &organisation, group_id(params.get("group")?)?).await?;
    Ok("OK")
}

async fn set_group_members(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
    Json(wire): Json<GroupMembersWire>,
) -> ApiResult<&'static str> {
    let organisation = account_name(&params, "namespace")?;
    let group = group_id(params.get("group")?)?;
    api.hub.set_group_members(&caller, &organisation, group, wire.parse()?).await?;
    Ok("OK")
}

async fn remove_group_member(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<&'static str> {
    let (organisation, user) = (account_name(&params, "namespace")?, account_name(&params, "user")?);
    let group = group_id(params.get("group")?)?;
    api.hub.set_group_members(&caller, &organisation, group, vec![(user, None)]).await?;
    Ok("OK")
}

async fn group_of_repo(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
) -> ApiResult<Json<Value>> {
    let repo = address.open(&api.hub, &caller, Action::Discover).await?;
    let found = api.hub.group_of(&caller, &repo).await?;
    Ok(Json(found.map_or(Value::Null, GroupWire::brief)))
}

async fn set_group_of_repo(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<RepoGroupWire>,
) -> ApiResult<Json<Value>> {
    let repo = address.open(&api.hub, &caller, Action::Administer).await?;
    let group = wire.resource_group_id.as_deref().map(group_id).transpose()?;
    api.hub.set_group_of(&caller, &repo, group).await?;
    // The repo was opened before: what it is in now is asked for anew.
    let repo = address.open(&api.hub, &caller, Action::Administer).await?;
    Ok(Json(api.hub.group_of(&caller, &repo).await?.map_or(Value::Null, GroupWire::brief)))
}

/// Reads the id of a group; what is none of ours names no group.
pub(super) fn group_id(id: &str) -> ApiResult<i64> {
    id.parse().map_err(|_| ApiError::new(ErrorKind::NotFound, "there is no such resource group"))
}
