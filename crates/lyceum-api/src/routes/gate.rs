//! Gated repos: asking to be let in, and answering who asks.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_hub::{Action, ErrorKind, RequestState};
use serde_json::{Map, Value};

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Form, Json, PathParams, Query, RepoAddress};
use crate::link;
use crate::wire::gate::{AccessRequestWire, AnswerWire, GateStandingWire, GrantWire};

/// Requests per page when the client does not say.
const DEFAULT_REQUESTS: usize = 100;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/user-access-request/{state}", list);
    routes.post(Scope::Repo, "/user-access-request/handle", answer);
    routes.post(Scope::Repo, "/user-access-request/grant", grant);
    routes.post(Scope::Files, "/ask-access", ask);
}

async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    address: RepoAddress,
    params: PathParams,
    Query(query): Query,
) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::SeeRequests).await?;
    let state = RequestState::parse(params.get("state")?).ok_or_else(|| {
        ApiError::new(ErrorKind::NotFound, "requests are `pending`, `accepted` or `rejected`")
    })?;
    let limit = query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(DEFAULT_REQUESTS).max(1);
    let page = api.hub.access_requests(&repo, state, query.filled("cursor"), limit).await?;
    let requests: Vec<AccessRequestWire> = page.requests.into_iter().map(Into::into).collect();
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), Json(requests)).into_response(),
        None => Json(requests).into_response(),
    })
}

async fn answer(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<AnswerWire>,
) -> ApiResult<Json<AccessRequestWire>> {
    let repo = address.open(&api.hub, &caller, Action::AnswerRequests).await?;
    let (target, answer) = wire.parse()?;
    Ok(Json(api.hub.answer_access(&caller, &repo, &target, answer).await?.into()))
}

async fn grant(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<GrantWire>,
) -> ApiResult<Json<AccessRequestWire>> {
    let repo = address.open(&api.hub, &caller, Action::AnswerRequests).await?;
    let (user, expires_at) = wire.parse()?;
    Ok(Json(api.hub.grant_access(&caller, &repo, &user, expires_at).await?.into()))
}

/// Takes what the card's form asks for, by name.
async fn ask(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Form(form): Form,
) -> ApiResult<Json<GateStandingWire>> {
    let repo = address.open(&api.hub, &caller, Action::Discover).await?;
    let fields: Map<String, Value> =
        form.pairs().map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).collect();
    Ok(Json(api.hub.ask_access(&caller, &repo, fields).await?.into()))
}
