//! Discussions and pull requests, as far as opening, listing and reading them.

use axum::extract::State;
use lyceum_hub::{Action, DiscussionFilter, ErrorKind};

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, Params, PathParams, Query, RepoAddress};
use crate::link;
use crate::wire::discussions::{DiscussionPageWire, DiscussionWire, NewDiscussionWire};

/// Last page that can be asked for; far beyond any discussion.
const MAX_PAGE: usize = 1_000_000;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/discussions", list);
    routes.post(Scope::Repo, "/discussions", create);
    routes.get(Scope::Repo, "/discussions/{number}", details);
}

async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Query(query): Query,
) -> ApiResult<Json<DiscussionPageWire>> {
    let filter = filter(&query)?;
    let repo = address.open(&api.hub, &caller, Action::Discover).await?;
    let page = api.hub.discussions(&repo, filter).await?;
    Ok(Json(DiscussionPageWire::new(&repo, page)))
}

async fn create(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    address: RepoAddress,
    Json(wire): Json<NewDiscussionWire>,
) -> ApiResult<Json<DiscussionWire>> {
    let repo = address.open(&api.hub, &caller, Action::Propose).await?;
    let description = wire.description.as_deref().unwrap_or_default();
    let pull_request = wire.pull_request.unwrap_or(false);
    let discussion =
        api.hub.create_discussion(&caller, &repo, &wire.title, description, pull_request).await?;
    let url = link::discussion(&base, repo.kind(), repo.id(), discussion.number);
    Ok(Json(DiscussionWire::details(&repo, discussion, url)))
}

async fn details(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    address: RepoAddress,
    params: PathParams,
) -> ApiResult<Json<DiscussionWire>> {
    let number = params.get("number")?;
    let number = number.parse::<i64>().ok().filter(|number| *number > 0);
    let repo = address.open(&api.hub, &caller, Action::Discover).await?;
    let number = number.ok_or_else(|| ApiError::new(ErrorKind::NotFound, "discussion not found"))?;
    let discussion = api.hub.discussion(&repo, number).await?;
    let url = link::discussion(&base, repo.kind(), repo.id(), number);
    Ok(Json(DiscussionWire::details(&repo, discussion, url)))
}

fn filter(query: &Params) -> ApiResult<DiscussionFilter> {
    Ok(DiscussionFilter {
        pull_request: match query.filled("type") {
            None | Some("all") => None,
            Some("discussion") => Some(false),
            Some("pull_request") => Some(true),
            Some(_) => {
                let message = "`type` must be one of `all`, `discussion` and `pull_request`";
                return Err(ApiError::invalid(message));
            }
        },
        open: match query.filled("status") {
            None | Some("all") => None,
            Some("open") => Some(true),
            Some("closed") => Some(false),
            Some(_) => {
                return Err(ApiError::invalid("`status` must be one of `all`, `open` and `closed`"));
            }
        },
        author: query.filled("author").map(str::to_owned),
        page: query.number("p", MAX_PAGE)?.unwrap_or(0),
    })
}
