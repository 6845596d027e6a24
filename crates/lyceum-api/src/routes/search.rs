//! The search box.

use axum::extract::State;
use lyceum_core::RepoKind;
use lyceum_hub::QuickQuery;
use serde_json::Value;

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, Params, Query};
use crate::wire::search;

/// Hits of each sort when the client does not say.
const DEFAULT_HITS: usize = 5;
/// Most hits of each sort.
const MAX_HITS: usize = 50;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/api/quicksearch", quick);
}

async fn quick(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Query(query): Query,
) -> ApiResult<Json<Value>> {
    let asked = parse(&query)?;
    let text = asked.text.clone();
    Ok(Json(search::hits(&base, &text, api.hub.quick_search(&caller, asked).await?)))
}

/// Reads what to look for; without a type, or with `all`, everything.
fn parse(query: &Params) -> ApiResult<QuickQuery> {
    let mut asked = QuickQuery {
        text: query.filled("q").unwrap_or_default().to_owned(),
        kinds: Vec::new(),
        users: false,
        organisations: false,
        collections: false,
        limit: query.number("limit", MAX_HITS)?.unwrap_or(DEFAULT_HITS),
    };
    let mut types: Vec<&str> = query.all("type").filter(|word| !word.is_empty()).collect();
    if types.is_empty() || types.contains(&"all") {
        types = vec!["model", "dataset", "space", "user", "org", "collection"];
    }
    for word in types {
        match word {
            "user" => asked.users = true,
            "org" | "organization" => asked.organisations = true,
            "collection" => asked.collections = true,
            // There are no papers here to be found.
            "paper" => {}
            _ => {
                let kind = RepoKind::parse(word).ok_or_else(|| {
                    ApiError::invalid(
                        "`type` must be a kind of repository, `user`, `org`, `collection` or `all`",
                    )
                })?;
                if !asked.kinds.contains(&kind) {
                    asked.kinds.push(kind);
                }
            }
        }
    }
    Ok(asked)
}
