//! Lists of repos and catalogues of tags.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_core::RepoKind;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_hub::{ListQuery, ListSort, RepoInfo, Visibility};
use serde_json::Value;

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Counted, Json, Params, Query, kind_of};
use crate::link;
use crate::wire::info::Properties;

/// Repos per page when the client does not say.
const DEFAULT_PAGE_ENTRIES: usize = 1000;
/// The same when each comes with its files.
const DEFAULT_FULL_PAGE_ENTRIES: usize = 100;
/// Most words that are searched for.
const MAX_SEARCH_WORDS: usize = 16;
/// Most tags that are filtered by.
const MAX_FILTERS: usize = 32;
/// Filters that this hub has no facts for; to ignore them would answer with repos that were not asked for.
const UNSUPPORTED: &[&str] = &["apps", "datasets", "linked", "models", "num_parameters", "trained_dataset"];

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Catalogue, "", list);
    routes.get(Scope::Root, "/api/models-tags-by-type", model_tags);
    routes.get(Scope::Root, "/api/datasets-tags-by-type", dataset_tags);
}

async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    Query(query): Query,
) -> ApiResult {
    let kind = kind_of(uri.path());
    let properties = properties(kind, &query)?;
    // No model is served here, so none matches a filter by inference.
    if query.filled("inference").is_some() || query.filled("inference_provider").is_some() {
        return Ok(Json(Value::Array(Vec::new())).into_response());
    }
    let page = api.hub.list_repos(&caller, parse(kind, &query, properties.siblings())?).await?;
    let repos: Value = page.repos.into_iter().map(|info| properties.render(&listed(info))).collect();
    let next = page.next.map(|cursor| link::next_page(&base, &uri, &query, "cursor", &cursor));
    Ok(match next {
        Some(next) => (next, Json(repos)).into_response(),
        None => Json(repos).into_response(),
    })
}

/// Leaves out the files of a protected space: a list does not ask who its members are.
fn listed(mut info: RepoInfo) -> RepoInfo {
    if info.visibility == Visibility::Protected {
        info.siblings = None;
    }
    info
}

async fn model_tags(State(api): State<Api>, _: Counted) -> ApiResult {
    Ok(Json(&*api.hub.tags_by_type(RepoKind::Model).await?).into_response())
}

async fn dataset_tags(State(api): State<Api>, _: Counted) -> ApiResult {
    Ok(Json(&*api.hub.tags_by_type(RepoKind::Dataset).await?).into_response())
}

fn properties(kind: RepoKind, query: &Params) -> ApiResult<Properties> {
    match Properties::expand(kind, query.all("expand"))? {
        Some(properties) => Ok(properties),
        None => {
            Ok(Properties::list(kind, query.flag("full")?, query.flag("config")?, query.flag("cardData")?))
        }
    }
}

fn parse(kind: RepoKind, query: &Params, siblings: bool) -> ApiResult<ListQuery> {
    if let Some(name) = UNSUPPORTED.iter().find(|name| query.filled(name).is_some()) {
        return Err(ApiError::invalid(format!("this hub cannot filter by `{name}`")));
    }
    let words = query.all("search").flat_map(str::split_whitespace);
    let search: Vec<String> = words.map(str::to_owned).take(MAX_SEARCH_WORDS + 1).collect();
    if search.len() > MAX_SEARCH_WORDS {
        return Err(ApiError::invalid(format!("`search` has more than {MAX_SEARCH_WORDS} words")));
    }
    let library = query.all("library").filter(|library| !library.is_empty());
    let filters = query.all("filter").flat_map(|filter| filter.split(','));
    let tags: Vec<String> = filters
        .chain(query.all("tags"))
        .chain(library)
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .take(MAX_FILTERS + 1)
        .collect();
    if tags.len() > MAX_FILTERS {
        return Err(ApiError::invalid(format!("there are more than {MAX_FILTERS} filters")));
    }
    let gated = if query.filled("gated").is_some() { Some(query.flag("gated")?) } else { None };
    let default_limit = if siblings { DEFAULT_FULL_PAGE_ENTRIES } else { DEFAULT_PAGE_ENTRIES };
    Ok(ListQuery {
        kind,
        author: query.filled("author").map(str::to_owned),
        search,
        tags,
        gated,
        pipeline_tag: query.filled("pipeline_tag").map(str::to_owned),
        sort: sort(query.filled("sort"))?,
        // Without a direction the newest or largest comes first.
        ascending: query.filled("direction") == Some("1"),
        after: query.filled("cursor").map(str::to_owned),
        limit: query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(default_limit).max(1),
        siblings,
    })
}

fn sort(name: Option<&str>) -> ApiResult<ListSort> {
    match name {
        None | Some("trendingScore" | "trending_score" | "trending") => Ok(ListSort::Trending),
        Some("lastModified" | "last_modified" | "modified") => Ok(ListSort::LastModified),
        Some("createdAt" | "created_at" | "created") => Ok(ListSort::CreatedAt),
        Some("downloads") => Ok(ListSort::Downloads),
        Some("likes") => Ok(ListSort::Likes),
        Some(_) => Err(ApiError::invalid(
            "`sort` must be one of `lastModified`, `createdAt`, `downloads`, `likes` and `trendingScore`",
        )),
    }
}

#[cfg(test)]
mod tests;
