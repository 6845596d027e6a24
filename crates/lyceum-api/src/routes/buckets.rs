//! Buckets: creating, describing, listing and changing them. Moving one is `/api/repos/move`, its tokens are with the
//! others, its content is below `/buckets`.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use lyceum_core::AccountName;
use lyceum_core::limits::{MAX_BUCKET_OPERATIONS, MAX_PAGE_ENTRIES, TREE_PAGE_ENTRIES};
use lyceum_hub::{Action, ErrorKind, RepoChange};

use super::repos::{created, taken};
use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, FolderPath, Json, OptionalJson, PathParams, Query, RepoAddress};
use crate::link;
use crate::ndjson::Lines;
use crate::upload::body_stream;
use crate::wire::buckets::{
    BatchWire, BucketWire, CreateBucketWire, EntryWire, FileWire, PathsWire, parse_operation,
};
use crate::wire::repos::{RepoUrlWire, SettingsAnswerWire, SettingsWire};

mod events;

/// Longest line of a batch: the longest path, escaped, with room for the rest.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Largest body of a batch.
const MAX_BATCH_BYTES: u64 = 16 * 1024 * 1024;
/// The namespace that stands for the caller's own.
const ME: &str = "me";

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/api/buckets/{namespace}", list);
    routes.post(Scope::Root, "/api/buckets/{namespace}/{name}", create);
    routes.get(Scope::Root, "/api/buckets/{namespace}/{name}", info);
    routes.delete(Scope::Root, "/api/buckets/{namespace}/{name}", delete);
    routes.put(Scope::Root, "/api/buckets/{namespace}/{name}/settings", change);
    routes.get(Scope::Root, "/api/buckets/{namespace}/{name}/tree", tree);
    routes.get(Scope::Root, "/api/buckets/{namespace}/{name}/tree/", tree);
    routes.get(Scope::Root, "/api/buckets/{namespace}/{name}/tree/{*path}", tree);
    routes.post(Scope::Root, "/api/buckets/{namespace}/{name}/paths-info", paths_info);
    routes.post(Scope::Root, "/api/buckets/{namespace}/{name}/batch", batch);
    routes.get(Scope::Root, "/api/buckets/{namespace}/{name}/events", events::follow);
}

async fn list(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    params: PathParams,
    Query(query): Query,
) -> ApiResult {
    let namespace = match params.get("namespace")? {
        ME => caller.signed_in()?.name.clone(),
        name => AccountName::parse(name).map_err(|_| ApiError::repo_not_found())?,
    };
    let limit = query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(MAX_PAGE_ENTRIES).max(1);
    let search = query.filled("search").unwrap_or_default();
    let page = api.hub.list_buckets(&caller, &namespace, search, query.filled("cursor"), limit).await?;
    let buckets: Vec<BucketWire> = page.buckets.iter().map(BucketWire::from).collect();
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), Json(buckets)).into_response(),
        None => Json(buckets).into_response(),
    })
}

async fn create(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    address: RepoAddress,
    OptionalJson(wire): OptionalJson<CreateBucketWire>,
) -> ApiResult<Json<RepoUrlWire>> {
    let id = address.resolve_me(&caller)?.id;
    let visibility = wire.visibility()?;
    let kind = lyceum_core::RepoKind::Bucket;
    match api.hub.create_bucket(&caller, id.namespace(), id.name(), visibility).await {
        Ok(id) => Ok(Json(created(&api, &caller, &base, kind, &id).await?)),
        Err(error) => Err(taken(&api, &caller, &base, kind, id, error).await),
    }
}

async fn info(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
) -> ApiResult<Json<BucketWire>> {
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Discover).await?;
    Ok(Json(BucketWire::from(&api.hub.bucket_info(&bucket).await?)))
}

async fn delete(State(api): State<Api>, Auth(caller): Auth, address: RepoAddress) -> ApiResult<&'static str> {
    let address = address.resolve_me(&caller)?;
    let bucket = api.hub.open(&caller, address.kind, &address.id, Action::Administer).await?;
    // The old id of a moved bucket still leads to it, but is not enough to destroy it.
    if bucket.id().key() != address.id.key() {
        return Err(ApiError::repo_not_found());
    }
    api.hub.delete_repo(&caller, &bucket).await?;
    Ok("OK")
}

async fn change(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<SettingsWire>,
) -> ApiResult<Json<SettingsAnswerWire>> {
    let change = RepoChange::try_from(wire)?;
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Administer).await?;
    let answer = SettingsAnswerWire::from(&change);
    api.hub.change_repo(&caller, &bucket, change).await?;
    Ok(Json(answer))
}

async fn tree(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    address: RepoAddress,
    FolderPath(folder): FolderPath,
    Query(query): Query,
) -> ApiResult {
    // Unlike in a repo, everything is listed unless the client asks for one level.
    let recursive = query.first("recursive").is_none() || query.flag("recursive")?;
    let limit = query.number("limit", TREE_PAGE_ENTRIES)?;
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Read).await?;
    let after = query.filled("cursor");
    let page = api.hub.bucket_tree(&bucket, folder.as_ref(), recursive, after, limit).await?;
    let entries: Vec<EntryWire> = page.entries.into_iter().map(EntryWire::from).collect();
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), Json(entries)).into_response(),
        None => Json(entries).into_response(),
    })
}

async fn paths_info(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Json(wire): Json<PathsWire>,
) -> ApiResult<Json<Vec<FileWire>>> {
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Read).await?;
    let files = api.hub.bucket_paths_info(&bucket, &wire.paths).await?;
    Ok(Json(files.into_iter().map(FileWire::from).collect()))
}

/// Lines that fail do not keep the others from being applied; only when all fail is the answer an error.
async fn batch(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response> {
    let mut lines = Lines::new(body_stream(&headers, body, MAX_BATCH_BYTES)?, MAX_LINE_BYTES);
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Write).await?;
    let mut operations = Vec::new();
    while let Some(line) = lines.next().await? {
        if operations.len() == MAX_BUCKET_OPERATIONS {
            let message = format!("a batch may have at most {MAX_BUCKET_OPERATIONS} lines");
            return Err(ApiError::new(ErrorKind::TooLarge, message));
        }
        operations.push(parse_operation(line.number, &line.bytes)?);
    }
    let outcome = api.hub.change_bucket_files(&caller, &bucket, operations).await?;
    let refused = outcome.succeeded == 0 && !outcome.failed.is_empty();
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, Json(BatchWire::from(outcome))).into_response())
}
