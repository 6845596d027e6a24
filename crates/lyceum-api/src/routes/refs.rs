//! Branches, tags, history and squashing.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, Uri};
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_hub::{Action, Comparison, NewBranch};

use super::{Routes, Scope};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{
    Auth, BaseUrl, Json, OptionalJson, PathParams, Query, RepoAddress, Rev, parse_revision,
};
use crate::link;
use crate::wire::refs::{CommitWire, NewBranchWire, NewTagWire, ReferencesWire, SquashWire};

/// How many commits lead to the revision.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// Commits per page when the client does not say.
const DEFAULT_COMMITS: usize = 50;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Repo, "/refs", list);
    routes.get(Scope::Repo, "/commits/{revision}", commits);
    routes.post(Scope::Repo, "/branch/{branch}", create_branch);
    routes.delete(Scope::Repo, "/branch/{branch}", delete_branch);
    routes.post(Scope::Repo, "/tag/{revision}", create_tag);
    routes.delete(Scope::Repo, "/tag/{revision}", delete_tag);
    routes.post(Scope::Repo, "/super-squash/{branch}", squash);
    routes.get(Scope::Repo, "/compare/{comparison}", compare);
}

async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Query(query): Query,
) -> ApiResult<Json<ReferencesWire>> {
    let pull_requests = query.flag("include_prs")?;
    let repo = address.open_listing(&api.hub, &caller).await?;
    Ok(Json(ReferencesWire::new(api.hub.references(&repo, pull_requests).await?, pull_requests)))
}

async fn commits(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    address: RepoAddress,
    Rev(revision): Rev,
    Query(query): Query,
) -> ApiResult {
    let formatted = query.all("expand").any(|name| name == "formatted");
    let number = query.number("p", usize::MAX)?.unwrap_or(0);
    let limit = query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(DEFAULT_COMMITS).max(1);
    let repo = address.open_listing(&api.hub, &caller).await?;
    let page = api.hub.commits(&repo, &revision, number, limit).await?;
    let total = match page.commits.first().filter(|_| number == 0) {
        Some(head) => api.hub.count_commits(&repo, head.id).await?,
        None => None,
    };
    let commits: Vec<CommitWire> =
        page.commits.into_iter().map(|commit| CommitWire::new(commit, formatted)).collect();
    let mut response = Json(commits).into_response();
    if let Some(total) = total {
        response.headers_mut().insert(X_TOTAL_COUNT, total.into());
    }
    if page.more {
        let next = number.saturating_add(1).to_string();
        let [(name, value)] = link::next_page(&base, &uri, &query, "p", &next);
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

async fn create_branch(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    OptionalJson(wire): OptionalJson<NewBranchWire>,
) -> ApiResult<&'static str> {
    let branch = NewBranch::try_from(wire)?;
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    api.hub.create_branch(&caller, &repo, params.get("branch")?, branch).await?;
    Ok("OK")
}

async fn delete_branch(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
) -> ApiResult<&'static str> {
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    api.hub.delete_branch(&caller, &repo, params.get("branch")?).await?;
    Ok("OK")
}

async fn create_tag(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Rev(revision): Rev,
    Json(wire): Json<NewTagWire>,
) -> ApiResult<&'static str> {
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    let message = wire.message.as_deref().filter(|message| !message.is_empty());
    api.hub.create_tag(&caller, &repo, &revision, &wire.tag, message).await?;
    Ok("OK")
}

/// The last part is the tag here; the router wants one name for it.
async fn delete_tag(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
) -> ApiResult<&'static str> {
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    api.hub.delete_tag(&caller, &repo, params.get("revision")?).await?;
    Ok("OK")
}

/// Answers with a patch, or with the names of what differs when `raw` is asked for.
async fn compare(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    Query(query): Query,
) -> ApiResult {
    let raw = query.flag("raw")?;
    let (base, head) = match params.get("comparison")?.split_once("..") {
        Some((base, head)) => (Some(parse_revision(base)?), parse_revision(head)?),
        None => (None, parse_revision(params.get("comparison")?)?),
    };
    let comparison = Comparison { base, head };
    let repo = address.open(&api.hub, &caller, Action::Read).await?;
    let text = match raw {
        true => api.hub.compare_raw(&repo, &comparison).await?,
        false => api.hub.compare(&repo, &comparison).await?,
    };
    // Never anything that a browser would take for a page of ours.
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, text).into_response())
}

async fn squash(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    OptionalJson(wire): OptionalJson<SquashWire>,
) -> ApiResult<&'static str> {
    let branch = parse_revision(params.get("branch")?)?;
    let repo = address.open(&api.hub, &caller, Action::Write).await?;
    let message = wire.message.as_deref().filter(|message| !message.is_empty());
    api.hub.super_squash(&caller, &repo, &branch, message).await?;
    Ok("OK")
}
