//! Who likes what.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_hub::Action;

use super::people::{account_name, page_limit, people};
use super::{Routes, Scope};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, BaseUrl, Json, PathParams, Query, RepoAddress};
use crate::link;
use crate::wire::people::LikeWire;

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Repo, "/like", like);
    routes.delete(Scope::Repo, "/like", unlike);
    routes.get(Scope::Repo, "/likers", likers);
    routes.get(Scope::Root, "/api/users/{user}/likes", liked);
}

async fn like(State(api): State<Api>, Auth(caller): Auth, address: RepoAddress) -> ApiResult<&'static str> {
    let repo = address.open(&api.hub, &caller, Action::Discover).await?;
    api.hub.set_like(&caller, &repo, true).await?;
    Ok("OK")
}

async fn unlike(State(api): State<Api>, Auth(caller): Auth, address: RepoAddress) -> ApiResult<&'static str> {
    let repo = address.open(&api.hub, &caller, Action::Discover).await?;
    api.hub.set_like(&caller, &repo, false).await?;
    Ok("OK")
}

async fn likers(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    address: RepoAddress,
    Query(query): Query,
) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::Discover).await?;
    let page = api.hub.likers(&caller, &repo, query.filled("cursor"), page_limit(&query)?).await?;
    Ok(people(&base, &uri, &query, page))
}

async fn liked(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    params: PathParams,
    Query(query): Query,
) -> ApiResult {
    let user = account_name(&params, "user")?;
    let page = api.hub.likes_of(&caller, &user, query.filled("cursor"), page_limit(&query)?).await?;
    let body = Json(page.likes.into_iter().map(LikeWire::from).collect::<Vec<_>>());
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), body).into_response(),
        None => body.into_response(),
    })
}
