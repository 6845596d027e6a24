//! What is known of one repo.

use axum::extract::State;
use lyceum_core::{RepoKind, Revision};
use lyceum_hub::Action;
use serde_json::Value;

use super::{Routes, Scope};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, FilePath, Json, Query, RepoAddress, Rev};
use crate::wire::info::Properties;
use crate::wire::organisations::GroupWire;
use crate::wire::safetensors::SafetensorsWire;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "", head);
    routes.get(Scope::Repo, "/revision/{revision}", at_revision);
    routes.get(Scope::Repo, "/safetensors-metadata/{*path}", safetensors);
}

async fn head(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    query: Query,
) -> ApiResult<Json<Value>> {
    info(&api, Auth(caller), &address, query, None).await
}

async fn at_revision(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Rev(revision): Rev,
    query: Query,
) -> ApiResult<Json<Value>> {
    info(&api, Auth(caller), &address, query, Some(&revision)).await
}

async fn info(
    api: &Api,
    Auth(caller): Auth,
    address: &RepoAddress,
    Query(query): Query,
    revision: Option<&Revision>,
) -> ApiResult<Json<Value>> {
    let (repo, sha) = match revision {
        None => address.open_head(&api.hub, &caller, Action::Discover).await?,
        Some(revision) => {
            let repo = address.open(&api.hub, &caller, Action::Discover).await?;
            let sha = api.hub.resolve(&repo, revision).await?;
            (repo, Some(sha))
        }
    };
    let properties = match Properties::expand(address.kind, query.all("expand"))? {
        Some(properties) => properties,
        None => Properties::info(query.flag("blobs")?, query.flag("securityStatus")?),
    };
    let hidden = address.kind == RepoKind::Space && address.open_listing(&api.hub, &caller).await.is_err();
    let siblings = properties.siblings() && !hidden;
    let info = api.hub.repo_info(&repo, sha, siblings).await?;
    let mut body = properties.render(&info);
    if properties.resource_group()
        && let Some(group) = api.hub.group_of(&caller, &repo).await?
    {
        body["resourceGroup"] = GroupWire::brief(group);
    }
    Ok(Json(body))
}

async fn safetensors(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    FilePath(path): FilePath,
) -> ApiResult<Json<SafetensorsWire>> {
    let repo = address.open(&api.hub, &caller, Action::Read).await?;
    Ok(Json(api.hub.safetensors_metadata(&repo, &path).await?.into()))
}
