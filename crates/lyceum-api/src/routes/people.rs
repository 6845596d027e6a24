//! Users and organisations as others see them: overviews, followers, members.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::Uri;
use lyceum_core::AccountName;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_hub::{AccountKind, ErrorKind, PeopleOf, PeoplePage};

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, Params, PathParams, Query};
use crate::link;
use crate::wire::people::{OverviewWire, PersonWire};

/// Entries per page when the client does not say.
const DEFAULT_PAGE_ENTRIES: usize = 500;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/api/users/{user}/overview", user_overview);
    routes.get(Scope::Root, "/api/users/{user}/followers", user_followers);
    routes.get(Scope::Root, "/api/users/{user}/following", user_following);
    routes.post(Scope::Root, "/api/users/{user}/follow", follow_user);
    routes.delete(Scope::Root, "/api/users/{user}/follow", unfollow_user);
    routes.get(Scope::Root, "/api/organizations/{namespace}/overview", org_overview);
    routes.get(Scope::Root, "/api/organizations/{namespace}/followers", org_followers);
    routes.get(Scope::Root, "/api/organizations/{namespace}/members", org_members);
    routes.post(Scope::Root, "/api/organizations/{namespace}/follow", follow_org);
    routes.delete(Scope::Root, "/api/organizations/{namespace}/follow", unfollow_org);
}

/// What every list of people takes from the request.
type ListParts = (State<Api>, Auth, BaseUrl, Uri, PathParams, Query);

async fn user_overview(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<Json<OverviewWire>> {
    let name = account_name(&params, "user")?;
    Ok(Json(api.hub.overview(&caller, &name, AccountKind::User).await?.into()))
}

async fn org_overview(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<Json<OverviewWire>> {
    let name = account_name(&params, "namespace")?;
    Ok(Json(api.hub.overview(&caller, &name, AccountKind::Org).await?.into()))
}

async fn user_followers(parts: ListParts) -> ApiResult {
    list(parts, "user", PeopleOf::Followers(AccountKind::User)).await
}

async fn user_following(parts: ListParts) -> ApiResult {
    list(parts, "user", PeopleOf::Following).await
}

async fn org_followers(parts: ListParts) -> ApiResult {
    list(parts, "namespace", PeopleOf::Followers(AccountKind::Org)).await
}

async fn org_members(parts: ListParts) -> ApiResult {
    list(parts, "namespace", PeopleOf::Members).await
}

async fn list(
    (State(api), Auth(caller), base, uri, params, Query(query)): ListParts,
    parameter: &str,
    of: PeopleOf,
) -> ApiResult {
    let name = account_name(&params, parameter)?;
    let page = api.hub.people(&caller, &name, of, query.filled("cursor"), page_limit(&query)?).await?;
    Ok(people(&base, &uri, &query, page))
}

async fn follow_user(parts: (State<Api>, Auth, PathParams)) -> ApiResult<&'static str> {
    follow(parts, "user", AccountKind::User, true).await
}

async fn unfollow_user(parts: (State<Api>, Auth, PathParams)) -> ApiResult<&'static str> {
    follow(parts, "user", AccountKind::User, false).await
}

async fn follow_org(parts: (State<Api>, Auth, PathParams)) -> ApiResult<&'static str> {
    follow(parts, "namespace", AccountKind::Org, true).await
}

async fn unfollow_org(parts: (State<Api>, Auth, PathParams)) -> ApiResult<&'static str> {
    follow(parts, "namespace", AccountKind::Org, false).await
}

async fn follow(
    (State(api), Auth(caller), params): (State<Api>, Auth, PathParams),
    parameter: &str,
    kind: AccountKind,
    follow: bool,
) -> ApiResult<&'static str> {
    api.hub.set_follow(&caller, &account_name(&params, parameter)?, kind, follow).await?;
    Ok("OK")
}

/// Reads an account's name from the path; one that breaks the rules cannot exist.
pub(super) fn account_name(params: &PathParams, parameter: &str) -> ApiResult<AccountName> {
    let name = params.get(parameter)?;
    AccountName::parse(name).map_err(|error| ApiError::new(ErrorKind::NotFound, error.to_string()))
}

/// Reads how many entries a page is to have.
pub(super) fn page_limit(query: &Params) -> ApiResult<usize> {
    Ok(query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(DEFAULT_PAGE_ENTRIES).max(1))
}

/// Writes a page of people.
pub(super) fn people(base: &BaseUrl, uri: &Uri, query: &Params, page: PeoplePage) -> Response {
    let body = Json(page.people.into_iter().map(PersonWire::from).collect::<Vec<_>>());
    match page.next {
        Some(next) => (link::next_page(base, uri, query, "cursor", &next), body).into_response(),
        None => body.into_response(),
    }
}
