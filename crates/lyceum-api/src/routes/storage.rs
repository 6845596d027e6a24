//! What an account stores, repo by repo.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{Caller, ErrorKind, ListQuery, ListSort};

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

/// What is listed, in this order.
const KINDS: [RepoKind; 5] =
    [RepoKind::Model, RepoKind::Dataset, RepoKind::Space, RepoKind::Kernel, RepoKind::Bucket];

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
    let mut rows: Vec<StorageWire> = Vec::new();
    while rows.len() < limit && position.kind < KINDS.len() {
        let wanted = limit - rows.len();
        let next = if KINDS[position.kind] == RepoKind::Bucket {
            let found = api.hub.list_buckets(caller, &owner, "", position.after.as_deref(), wanted).await?;
            rows.extend(found.buckets.iter().map(StorageWire::from));
            found.next
        } else {
            let found = api.hub.list_repos(caller, position.query(&owner, wanted)).await?;
            rows.extend(found.repos.iter().map(StorageWire::from));
            found.next
        };
        match next {
            Some(after) => position.after = Some(after),
            None => position = Position { kind: position.kind + 1, after: None },
        }
    }
    let more = position.kind < KINDS.len();
    // Only a page that holds everything knows the whole.
    if !more && cursor.is_none() {
        let total = rows.iter().map(StorageWire::bytes).sum();
        rows.iter_mut().for_each(|row| row.share(total));
    }
    let body = Json(rows);
    Ok(if more {
        (link::next_page(base, uri, &query, "cursor", &position.cursor()), body).into_response()
    } else {
        body.into_response()
    })
}

impl Position {
    fn parse(cursor: &str) -> ApiResult<Self> {
        let parsed = cursor.split_once(':').and_then(|(kind, after)| {
            let kind = KINDS.iter().position(|known| known.singular() == kind)?;
            Some(Self { kind, after: (!after.is_empty()).then(|| after.to_owned()) })
        });
        parsed.ok_or_else(|| ApiError::invalid("invalid `cursor`"))
    }

    fn cursor(&self) -> String {
        format!("{}:{}", KINDS[self.kind].singular(), self.after.as_deref().unwrap_or_default())
    }

    fn query(&self, owner: &AccountName, limit: usize) -> ListQuery {
        ListQuery {
            kind: KINDS[self.kind],
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
