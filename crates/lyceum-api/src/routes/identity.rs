//! Who the caller is and what he may do.

use axum::extract::State;
use lyceum_hub::Action;

use super::{Routes, Scope};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, Json, RepoAddress};
use crate::wire::identity::WhoAmIWire;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/api/whoami-v2", whoami);
    routes.get(Scope::Repo, "/auth-check", check_read);
    routes.get(Scope::Repo, "/auth-check/write", check_write);
}

async fn whoami(State(api): State<Api>, Auth(caller): Auth) -> ApiResult<Json<WhoAmIWire>> {
    Ok(Json(api.hub.whoami(&caller).await?.into()))
}

async fn check_read(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
) -> ApiResult<&'static str> {
    address.open(&api.hub, &caller, Action::Read).await?;
    Ok("OK")
}

async fn check_write(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
) -> ApiResult<&'static str> {
    address.open(&api.hub, &caller, Action::Write).await?;
    Ok("OK")
}
