//! What an account stores, repo by repo.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{Caller, ErrorKind, ListQuery, ListSort, RepoInfo};

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, PathParams, Query};
use crate::link;
use crate::wire::storage::StorageWire;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/api/settings/repositories", of_caller);
    routes.get(Scope::Root, "/api/organizations/{namespace}/settings/repositories", of_organisation);
}

/// Where a page begins: kinds follow one another, each in its own order.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    kind: usize,
    after: Option<String>,
}

async fn of_caller(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    query: Query,
) -> ApiResult {
    let own = caller.signed_in()?.name.clone();
    page(&api, &caller, own, &base, &uri, query).await
}

async fn of_organisation(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    params: PathParams,
    query: Query,
) -> ApiResult {
    let name = AccountName::parse(params.get("namespace")?)?;
    let me = api.hub.whoami(&caller).await?;
    let member = me.memberships.iter().any(|member| member.organisation.name.key() == name.key());
    if !member {
        let message = format!("you are not a member of an organisation `{name}`");
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    page(&api, &caller, name, &base, &uri, query).await
}

async fn page(
    api: &Api,
    caller: &Caller,
    owner: AccountName,
    base: &BaseUrl,
    uri: &Uri,
    Query(query): Query,
) -> ApiResult {
    let limit = query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(MAX_PAGE_ENTRIES).max(1);
    let cursor = query.filled("cursor");
    let mut position = cursor.map_or(Ok(Position { kind: 0, after: None }), Position::parse)?;
    let mut repos: Vec<RepoInfo> = Vec::new();
    while repos.len() < limit && position.kind < RepoKind::ALL.len() {
        let found = api.hub.list_repos(caller, position.query(&owner, limit - repos.len())).await?;
        repos.extend(found.repos);
        match found.next {
            Some(after) => position.after = Some(after),
            None => position = Position { kind: position.kind + 1, after: None },
        }
    }
    let more = position.kind < RepoKind::ALL.len();
    // Only a page that holds everything knows the whole.
    let total = (!more && cursor.is_none()).then(|| repos.iter().map(|repo| repo.used_storage).sum());
    let body = Json(repos.iter().map(|repo| StorageWire::new(repo, total)).collect::<Vec<_>>());
    Ok(if more {
        (link::next_page(base, uri, &query, "cursor", &position.cursor()), body).into_response()
    } else {
        body.into_response()
    })
}

impl Position {
    fn parse(cursor: &str) -> ApiResult<Self> {
        let parsed = cursor.split_once(':').and_then(|(kind, after)| {
            let kind = RepoKind::ALL.iter().position(|known| known.singular() == kind)?;
            Some(Self { kind, after: (!after.is_empty()).then(|| after.to_owned()) })
        });
        parsed.ok_or_else(|| ApiError::invalid("invalid `cursor`"))
    }

    fn cursor(&self) -> String {
        format!("{}:{}", RepoKind::ALL[self.kind].singular(), self.after.as_deref().unwrap_or_default())
    }

    fn query(&self, owner: &AccountName, limit: usize) -> ListQuery {
        ListQuery {
            kind: RepoKind::ALL[self.kind],
            author: Some(owner.to_string()),
            search: Vec::new(),
            tags: Vec::new(),
            gated: None,
            pipeline_tag: None,
            sort: ListSort::LastModified,
            ascending: false,
            after: self.after.clone(),
            limit,
            siblings: false,
        }
    }
}

#[cfg(test)]
mod tests;
