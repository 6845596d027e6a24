//! Discussions and pull requests.

use axum::extract::State;
use lyceum_hub::{Action, Caller, DiscussionFilter, DiscussionView, ErrorKind, Repo};

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, OptionalJson, Params, PathParams, Query, RepoAddress};
use crate::link;
use crate::wire::discussions::{
    ChangedWire, DiscussionPageWire, DiscussionWire, EditWire, MergeWire, NewCommentWire, NewDiscussionWire,
    StatusWire, TitleWire, parse_open,
};

/// Last page that can be asked for; far beyond any discussion.
const MAX_PAGE: usize = 1_000_000;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/discussions", list);
    routes.post(Scope::Repo, "/discussions", create);
    routes.get(Scope::Repo, "/discussions/{number}", details);
    routes.post(Scope::Repo, "/discussions/{number}/comment", comment);
    routes.post(Scope::Repo, "/discussions/{number}/comment/{comment}/edit", edit);
    routes.post(Scope::Repo, "/discussions/{number}/comment/{comment}/hide", hide);
    routes.post(Scope::Repo, "/discussions/{number}/title", rename);
    routes.post(Scope::Repo, "/discussions/{number}/status", set_status);
    routes.post(Scope::Repo, "/discussions/{number}/merge", merge);
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
    let made = api.hub.create_discussion(&caller, &repo, &wire.title, description, pull_request).await?;
    let details = api.hub.discussion(&caller, &repo, made.number, &DiscussionView::default()).await?;
    let url = link::discussion(&base, repo.kind(), repo.id(), made.number);
    Ok(Json(DiscussionWire::details(&repo, details, url)))
}

async fn details(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    address: RepoAddress,
    params: PathParams,
    Query(query): Query,
) -> ApiResult<Json<DiscussionWire>> {
    let view = DiscussionView { diff: query.flag("diff")?, ..DiscussionView::default() };
    let (repo, number) = open(&api, &caller, &address, &params, Action::Discover).await?;
    let details = api.hub.discussion(&caller, &repo, number, &view).await?;
    let url = link::discussion(&base, repo.kind(), repo.id(), number);
    Ok(Json(DiscussionWire::details(&repo, details, url)))
}

async fn comment(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    Json(wire): Json<NewCommentWire>,
) -> ApiResult<Json<ChangedWire>> {
    let (repo, number) = open(&api, &caller, &address, &params, Action::Propose).await?;
    let event = api.hub.comment(&caller, &repo, number, &wire.comment).await?;
    Ok(Json(ChangedWire::NewMessage(event.into())))
}

async fn edit(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    Json(wire): Json<EditWire>,
) -> ApiResult<Json<ChangedWire>> {
    let (repo, number) = open(&api, &caller, &address, &params, Action::Propose).await?;
    let event = api.hub.edit_comment(&caller, &repo, number, params.get("comment")?, &wire.content).await?;
    Ok(Json(ChangedWire::UpdatedComment(event.into())))
}

async fn hide(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
) -> ApiResult<Json<ChangedWire>> {
    let (repo, number) = open(&api, &caller, &address, &params, Action::Propose).await?;
    let event = api.hub.hide_comment(&caller, &repo, number, params.get("comment")?).await?;
    Ok(Json(ChangedWire::UpdatedComment(event.into())))
}

async fn rename(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    Json(wire): Json<TitleWire>,
) -> ApiResult<Json<ChangedWire>> {
    let (repo, number) = open(&api, &caller, &address, &params, Action::Propose).await?;
    let event = api.hub.rename_discussion(&caller, &repo, number, &wire.title).await?;
    Ok(Json(ChangedWire::NewTitle(event.into())))
}

async fn set_status(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    Json(wire): Json<StatusWire>,
) -> ApiResult<Json<ChangedWire>> {
    let (repo, number) = open(&api, &caller, &address, &params, Action::Propose).await?;
    let open = parse_open(&wire.status)
        .ok_or_else(|| ApiError::invalid("`status` must be one of `open` and `closed`"))?;
    let event = api.hub.set_discussion_open(&caller, &repo, number, open, wire.comment.as_deref()).await?;
    Ok(Json(ChangedWire::NewStatus(event.into())))
}

async fn merge(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    OptionalJson(wire): OptionalJson<MergeWire>,
) -> ApiResult<Json<ChangedWire>> {
    let (repo, number) = open(&api, &caller, &address, &params, Action::Write).await?;
    let event = api.hub.merge_pull_request(&caller, &repo, number, wire.comment.as_deref()).await?;
    Ok(Json(ChangedWire::NewStatus(event.into())))
}

/// Opens the repo, and only then looks at the number: a hidden repo answers alike whatever it is.
async fn open(
    api: &Api,
    caller: &Caller,
    address: &RepoAddress,
    params: &PathParams,
    action: Action,
) -> ApiResult<(Repo, i64)> {
    let number = params.get("number")?.parse::<i64>().ok().filter(|number| *number > 0);
    let repo = address.open(&api.hub, caller, action).await?;
    let number = number.ok_or_else(|| ApiError::new(ErrorKind::NotFound, "discussion not found"))?;
    Ok((repo, number))
}

fn filter(query: &Params) -> ApiResult<DiscussionFilter> {
    Ok(DiscussionFilter {
        words: Vec::new(),
        before: None,
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
