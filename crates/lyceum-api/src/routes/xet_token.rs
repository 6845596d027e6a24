//! Tokens for the Xet store.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue};
use lyceum_hub::{Action, Repo, XetScope};

use super::cas::StoreUrl;
use super::{Routes, Scope};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, BaseUrl, Json, PathParams, Query, RepoAddress};
use crate::wire::xet_token::XetTokenWire;

const X_XET_CAS_URL: HeaderName = HeaderName::from_static("x-xet-cas-url");
const X_XET_ACCESS_TOKEN: HeaderName = HeaderName::from_static("x-xet-access-token");
const X_XET_TOKEN_EXPIRATION: HeaderName = HeaderName::from_static("x-xet-token-expiration");

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/xet-read-token/{revision}", read);
    routes.get(Scope::Repo, "/xet-write-token/{revision}", write);
}

async fn read(State(api): State<Api>, Auth(caller): Auth, address: RepoAddress, base: BaseUrl) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::Read).await?;
    Ok(respond(token(&api, &base, &repo, XetScope::Read)?))
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
    Ok(respond(token(&api, &base, &repo, XetScope::Write)?))
}

/// Every signed-in reader may upload for a pull request, only writers for anything else.
pub(super) fn write_action(revision: &str, create_pr: bool) -> Action {
    if create_pr || revision.starts_with("refs/pr/") { Action::Propose } else { Action::Write }
}

/// Makes a token for a repo that was opened for it.
pub(super) fn token(api: &Api, base: &BaseUrl, repo: &Repo, scope: XetScope) -> ApiResult<XetTokenWire> {
    let token = api.hub.xet_token(repo, scope)?;
    Ok(XetTokenWire {
        cas_url: StoreUrl::new(base, api).0,
        exp: token.expires_at.seconds(),
        access_token: token.token,
    })
}

/// Answers twice: Python reads the headers, `hf-xet` the body.
fn respond(token: XetTokenWire) -> Response {
    let headers = header_pairs(&token).map(|(name, text)| {
        (name, HeaderValue::try_from(text).expect("addresses, tokens and numbers are header values"))
    });
    (headers, Json(token)).into_response()
}

/// Returns the token as headers.
pub(super) fn header_pairs(token: &XetTokenWire) -> [(HeaderName, String); 3] {
    [
        (X_XET_CAS_URL, token.cas_url.clone()),
        (X_XET_ACCESS_TOKEN, token.access_token.clone()),
        (X_XET_TOKEN_EXPIRATION, token.exp.to_string()),
    ]
}
