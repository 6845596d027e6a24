//! Storing xorbs, and finding out which are stored.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http::{HeaderName, HeaderValue, StatusCode};
use lyceum_core::limits::MAX_XORB_BYTES;
use lyceum_hub::ErrorKind;

use super::super::{Routes, Scope};
use super::access::{Hash, Reader, Writer};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::Json;
use crate::upload::{body_stream, discard};
use crate::wire::cas::StoredXorb;

/// Room for the footer that older clients append: 40 bytes for each of 8,192 chunks, and its frame.
const MAX_FOOTER_BYTES: u64 = 512 * 1024;
/// Largest request for an upload grant that is read to its end.
const MAX_GRANT_REQUEST_BYTES: u64 = 64 * 1024;

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Root, "/xet/{instance}/v1/xorbs/{prefix}/{hash}", put);
    routes.head(Scope::Root, "/xet/{instance}/v1/xorbs/{prefix}/{hash}", size);
    routes.post(Scope::Root, "/xet/{instance}/v1/xorb-grants/{prefix}/{hash}", grant);
    routes.get(Scope::Root, "/xet/{instance}/v1/chunks/{prefix}/{hash}", dedup);
}

async fn put(
    State(api): State<Api>,
    Writer(grant): Writer,
    Hash(xorb): Hash,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<StoredXorb>> {
    let body = body_stream(&headers, body, MAX_XORB_BYTES + MAX_FOOTER_BYTES)?;
    let was_inserted = api.hub.put_xorb(&grant, xorb, body).await?;
    Ok(Json(StoredXorb { was_inserted }))
}

async fn size(
    State(api): State<Api>,
    Reader(grant): Reader,
    Hash(xorb): Hash,
) -> ApiResult<[(HeaderName, HeaderValue); 1]> {
    match api.hub.xorb_size(&grant, xorb).await? {
        Some(size) => Ok([(CONTENT_LENGTH, size.into())]),
        None => Err(ApiError::new(ErrorKind::NotFound, format!("xorb `{xorb}` not found"))),
    }
}

/// Answers 200 for a xorb that is stored, which spares the client its upload. Everything else is 404: no grants are
/// given here, and the client goes on with a plain upload.
async fn grant(
    State(api): State<Api>,
    Writer(grant): Writer,
    Hash(xorb): Hash,
    body: Body,
) -> ApiResult<StatusCode> {
    discard(body, MAX_GRANT_REQUEST_BYTES).await?;
    match api.hub.xorb_size(&grant, xorb).await? {
        Some(_) => Ok(StatusCode::OK),
        None => Err(ApiError::new(ErrorKind::NotFound, "no grants here: upload the xorb")),
    }
}

/// Answers with a shard of keyed hashes of the chunks around one that is stored.
async fn dedup(State(api): State<Api>, Reader(grant): Reader, Hash(chunk): Hash) -> ApiResult<Response> {
    match api.hub.dedup_shard(&grant, chunk).await? {
        Some(shard) => Ok(([(CONTENT_TYPE, "application/octet-stream")], shard).into_response()),
        None => Err(ApiError::new(ErrorKind::NotFound, "chunk not found")),
    }
}
