//! Collections of repos, papers and other collections.

use axum::extract::{FromRequestParts, State};
use axum::response::IntoResponse as _;
use http::Uri;
use http::request::Parts;
use lyceum_core::AccountName;
use lyceum_hub::{CollectionFilter, CollectionMade, CollectionSlug, CollectionSort, ErrorKind};
use serde_json::Value;

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, Params, PathParams, Query};
use crate::link;
use crate::wire::collections::{
    ChangeWire, ChangedWire, CollectionWire, ItemChangeWire, NewCollectionWire, NewItemWire,
    ResourceGroupWire,
};

/// Collections per page when the client does not say.
const DEFAULT_PAGE_ENTRIES: usize = 20;
/// Most collections per page.
const MAX_PAGE_ENTRIES: usize = 100;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/api/collections", list);
    routes.post(Scope::Root, "/api/collections", create);
    routes.get(Scope::Root, "/api/collections/{namespace}/{slug}", details);
    routes.patch(Scope::Root, "/api/collections/{namespace}/{slug}", change);
    routes.delete(Scope::Root, "/api/collections/{namespace}/{slug}", delete);
    routes.post(Scope::Root, "/api/collections/{namespace}/{slug}/items", add_item);
    routes.patch(Scope::Root, "/api/collections/{namespace}/{slug}/items/{item}", change_item);
    routes.delete(Scope::Root, "/api/collections/{namespace}/{slug}/items/{item}", delete_item);
    routes.post(Scope::Root, "/api/collections/{namespace}/{slug}/upvote", upvote);
    routes.delete(Scope::Root, "/api/collections/{namespace}/{slug}/upvote", withdraw_upvote);
    routes.post(Scope::Root, "/api/collections/{namespace}/{slug}/resource-group", resource_group);
}

/// Which collection a request is about. A slug that breaks the rules is answered as one that does not exist.
struct Address(CollectionSlug);

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = PathParams::from_request_parts(parts, state).await?;
        let slug = CollectionSlug::from_parts(params.get("namespace")?, params.get("slug")?);
        slug.map(Self).ok_or_else(|| ApiError::new(ErrorKind::NotFound, "Collection not found"))
    }
}

async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    Query(query): Query,
) -> ApiResult {
    let page = api.hub.collections(&caller, filter(&query)?).await?;
    let listed = |collection| CollectionWire::listed(&base, collection);
    let body = Json(page.collections.into_iter().map(listed).collect::<Vec<_>>());
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), body).into_response(),
        None => body.into_response(),
    })
}

async fn create(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Json(wire): Json<NewCollectionWire>,
) -> ApiResult<Json<CollectionWire>> {
    let own: AccountName = caller.signed_in()?.name.clone();
    let (new, items) = wire.parse(own)?;
    let mut collection = match api.hub.create_collection(&caller, new).await? {
        CollectionMade::New(collection) => *collection,
        CollectionMade::Exists(slug) => return Err(ApiError::TitleTaken { slug: slug.to_string() }),
    };
    if let Some(item) = items {
        let slug = collection.slug.clone();
        collection = api.hub.add_collection_item(&caller, &slug, item.kind, &item.id, item.note).await?;
    }
    Ok(Json(CollectionWire::new(&base, collection)))
}

async fn details(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Address(slug): Address,
) -> ApiResult<Json<CollectionWire>> {
    Ok(Json(CollectionWire::new(&base, api.hub.collection(&caller, &slug).await?)))
}

async fn change(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Address(slug): Address,
    Json(wire): Json<ChangeWire>,
) -> ApiResult<Json<ChangedWire>> {
    let collection = api.hub.change_collection(&caller, &slug, wire.into()).await?;
    Ok(Json(ChangedWire { success: true, data: CollectionWire::new(&base, collection) }))
}

async fn delete(
    State(api): State<Api>,
    Auth(caller): Auth,
    Address(slug): Address,
) -> ApiResult<Json<Value>> {
    api.hub.delete_collection(&caller, &slug).await?;
    Ok(success())
}

async fn add_item(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Address(slug): Address,
    Json(wire): Json<NewItemWire>,
) -> ApiResult<Json<CollectionWire>> {
    let item = wire.parse()?;
    let collection = api.hub.add_collection_item(&caller, &slug, item.kind, &item.id, item.note).await?;
    Ok(Json(CollectionWire::new(&base, collection)))
}

async fn change_item(
    State(api): State<Api>,
    Auth(caller): Auth,
    Address(slug): Address,
    params: PathParams,
    Json(wire): Json<ItemChangeWire>,
) -> ApiResult<Json<Value>> {
    api.hub.change_collection_item(&caller, &slug, params.get("item")?, wire.into()).await?;
    Ok(success())
}

async fn delete_item(
    State(api): State<Api>,
    Auth(caller): Auth,
    Address(slug): Address,
    params: PathParams,
) -> ApiResult<Json<Value>> {
    api.hub.delete_collection_item(&caller, &slug, params.get("item")?).await?;
    Ok(success())
}

async fn upvote(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Address(slug): Address,
) -> ApiResult<Json<CollectionWire>> {
    Ok(Json(CollectionWire::new(&base, api.hub.set_upvote(&caller, &slug, true).await?)))
}

async fn withdraw_upvote(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    Address(slug): Address,
) -> ApiResult<Json<CollectionWire>> {
    Ok(Json(CollectionWire::new(&base, api.hub.set_upvote(&caller, &slug, false).await?)))
}

/// There are no resource groups of collections here, so leaving one is done and joining one is refused.
async fn resource_group(
    State(api): State<Api>,
    Auth(caller): Auth,
    Address(slug): Address,
    Json(wire): Json<ResourceGroupWire>,
) -> ApiResult<Json<Value>> {
    api.hub.collection(&caller, &slug).await?;
    wire.check()?;
    Ok(success())
}

fn success() -> Json<Value> {
    Json(serde_json::json!({ "success": true }))
}

fn filter(query: &Params) -> ApiResult<CollectionFilter> {
    let sort = match query.filled("sort") {
        None | Some("lastModified") => CollectionSort::LastModified,
        // What is in demand is what is recommended.
        Some("trending" | "upvotes") => CollectionSort::Upvotes,
        Some(_) => {
            return Err(ApiError::invalid("`sort` must be one of `lastModified`, `trending` and `upvotes`"));
        }
    };
    let all = |name: &str| query.all(name).filter(|value| !value.is_empty()).map(str::to_owned).collect();
    Ok(CollectionFilter {
        owners: all("owner"),
        items: all("item"),
        search: query.filled("q").map(str::to_owned),
        sort,
        after: query.filled("cursor").map(str::to_owned),
        limit: query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(DEFAULT_PAGE_ENTRIES),
    })
}
