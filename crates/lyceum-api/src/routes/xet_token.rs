//! Tokens for the Xet store.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use lyceum_hub::{Action, Caller, Repo, XetScope};

use super::cas::StoreUrl;
use super::{Routes, Scope};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, BaseUrl, Json, PathParams, Query, RepoAddress};
use crate::wire::xet_token::XetTokenWire;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/xet-read-token/{revision}", read);
    routes.get(Scope::Repo, "/xet-write-token/{revision}", write);
    routes.get(Scope::Root, "/api/buckets/{namespace}/{name}/xet-read-token", read_bucket);
    routes.get(Scope::Root, "/api/buckets/{namespace}/{name}/xet-write-token", write_bucket);
}

async fn read(State(api): State<Api>, Auth(caller): Auth, address: RepoAddress, base: BaseUrl) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::Read).await?;
    Ok(respond(token(&api, &base, &caller, &repo, XetScope::Read).await?))
}

/// The revision is looked at only for who may ask: clients send the literal `None` when they open a pull request.
async fn write(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    base: BaseUrl,
    path: PathParams,
    Query(query): Query,
) -> ApiResult {
    let action = write_action(path.get("revision")?, query.flag("create_pr")?);
    let repo = address.open(&api.hub, &caller, action).await?;
    Ok(respond(token(&api, &base, &caller, &repo, XetScope::Write).await?))
}

async fn read_bucket(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    base: BaseUrl,
) -> ApiResult {
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Read).await?;
    Ok(respond(token(&api, &base, &caller, &bucket, XetScope::Read).await?))
}

async fn write_bucket(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    base: BaseUrl,
) -> ApiResult {
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Write).await?;
    Ok(respond(token(&api, &base, &caller, &bucket, XetScope::Write).await?))
}

/// Every signed-in reader may upload for a pull request, only writers for anything else.
fn write_action(revision: &str, create_pr: bool) -> Action {
    if create_pr || revision.starts_with("refs/pr/") { Action::Propose } else { Action::Write }
}

/// Makes a token for a repo that was opened for it.
pub(super) async fn token(
    api: &Api,
    base: &BaseUrl,
    caller: &Caller,
    repo: &Repo,
    scope: XetScope,
) -> ApiResult<XetTokenWire> {
    let token = api.hub.xet_token(caller, repo, scope).await?;
    Ok(XetTokenWire {
        cas_url: StoreUrl::new(base, api).0,
        exp: token.expires_at.seconds(),
        access_token: token.token,
    })
}

/// Answers twice: Python reads the headers, `hf-xet` the body.
fn respond(token: XetTokenWire) -> Response {
    (AppendHeaders(named_pairs(&token)), Json(token)).into_response()
}

/// Returns the token as names and values, as `git-xet` looks them up: it minds their case.
pub(super) fn named_pairs(token: &XetTokenWire) -> [(&'static str, String); 3] {
    [
        ("X-Xet-Cas-Url", token.cas_url.clone()),
        ("X-Xet-Access-Token", token.access_token.clone()),
        ("X-Xet-Token-Expiration", token.exp.to_string()),
    ]
}
