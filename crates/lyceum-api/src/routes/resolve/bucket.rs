//! Content of a bucket's files: `/buckets/{bucket}/resolve/{path}`, without a revision.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HeaderMap, VARY};
use http::{HeaderValue, Method};
use lyceum_hub::Action;

use super::{Found, X_LINKED_ETAG, X_LINKED_SIZE, XetLinks, cache_control, deliver, harden, media, value};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, BaseUrl, FilePath, Query, RepoAddress};
use crate::layers::Shared;
use crate::routes::{Routes, Scope};

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/buckets/{namespace}/{name}/resolve/{*path}", resolve);
}

#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
async fn resolve(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    Auth(caller): Auth,
    address: RepoAddress,
    FilePath(path): FilePath,
    Query(query): Query,
    base: BaseUrl,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Read).await?;
    let file = api.hub.bucket_file(&bucket, &path).await?;
    let etag = format!("\"{}\"", file.xet_hash);
    let mut response = Response::default();
    let described = response.headers_mut();
    described.insert(ETAG, value(etag.clone()));
    described.insert(X_LINKED_ETAG, value(etag.clone()));
    described.insert(X_LINKED_SIZE, file.size.into());
    described.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    described.insert(VARY, HeaderValue::from_static("Accept, Authorization, Origin"));
    described.insert(CACHE_CONTROL, cache_control(false));
    described.insert(CONTENT_TYPE, media::content_type(path.file_name(), true));
    described.insert(CONTENT_DISPOSITION, media::disposition(path.file_name(), query.flag("download")?));
    harden(described);
    let token = format!("{base}/api/buckets/{}/xet-read-token", bucket.id());
    let xet = Some(XetLinks::new(&api, &base, token, file.xet_hash));
    let (hub, size, file) = (api.hub.clone(), file.size, Arc::new(file));
    let read = move |range| {
        let (hub, file) = (hub.clone(), Arc::clone(&file));
        async move { hub.read_bucket_file(&file, range).await }
    };
    deliver(&shared, &method, &headers, Found { response, etag, size, xet }, read).await
}
