//! Large objects over plain HTTP: whole or in parts up, whole or by range down.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use http::header::{ACCEPT_RANGES, CONTENT_TYPE, ETAG, HeaderMap};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use lyceum_core::Sha256;
use lyceum_core::limits::MAX_FILE_BYTES;
use lyceum_hub::ErrorKind;

use super::super::{Routes, Scope};
use crate::Api;
use crate::byteranges::{respond, select};
use crate::error::{ApiError, ApiResult};
use crate::extract::{Json, PathParams, Query};
use crate::layers::Shared;
use crate::upload::body_stream;
use crate::wire::lfs::CompleteRequest;

pub(super) fn register(routes: &mut Routes) {
    routes.put(Scope::Root, "/api/lfs/objects/{oid}", put);
    routes.put(Scope::Root, "/api/lfs/objects/{oid}/parts/{number}", put_part);
    routes.post(Scope::Root, "/api/lfs/objects/{oid}/complete", complete);
    routes.get(Scope::Root, "/api/lfs/objects/{oid}", get);
}

async fn put(
    State(api): State<Api>,
    Query(query): Query,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<StatusCode> {
    let body = body_stream(&headers, body, MAX_FILE_BYTES)?;
    api.hub.lfs_put(query.required("grant")?, body).await?;
    Ok(StatusCode::OK)
}

async fn put_part(
    State(api): State<Api>,
    path: PathParams,
    Query(query): Query,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<[(HeaderName, HeaderValue); 1]> {
    let number = path.get("number")?.parse().map_err(|_| ApiError::invalid("part numbers start at 1"))?;
    let body = body_stream(&headers, body, MAX_FILE_BYTES)?;
    let etag = api.hub.lfs_put_part(query.required("grant")?, number, body).await?;
    let etag = HeaderValue::try_from(format!("\"{etag}\"")).map_err(lyceum_hub::Error::internal)?;
    Ok([(ETAG, etag)])
}

async fn complete(
    State(api): State<Api>,
    Query(query): Query,
    Json(request): Json<CompleteRequest>,
) -> ApiResult<Json<serde_json::Value>> {
    let unquoted = |etag: &str| etag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    let parts: Vec<_> = request.parts.iter().map(|part| (part.part_number, unquoted(&part.etag))).collect();
    api.hub.lfs_complete(query.required("grant")?, &parts).await?;
    Ok(Json(serde_json::json!({})))
}

async fn get(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    path: PathParams,
    Query(query): Query,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let (object, content) = api.hub.lfs_open(query.required("grant")?).await?;
    if path.get("oid")?.parse::<Sha256>() != Ok(object.sha256) {
        return Err(ApiError::new(ErrorKind::NotFound, "the grant is for another object"));
    }
    let etag = format!("\"{}\"", object.sha256);
    let selection = select(&headers, object.size, &etag)?;
    let mut response = Response::default();
    let described = response.headers_mut();
    described.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    described.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    described.insert(ETAG, HeaderValue::try_from(etag).expect("a hash is a header value"));
    let hub = api.hub.clone();
    let read = move |range| {
        let (hub, content) = (hub.clone(), content.clone());
        async move { hub.lfs_read(content, range).await }
    };
    let boundary = || shared.entropy.id();
    respond(response, selection, Some(object.size), method == Method::HEAD, boundary, read).await
}
