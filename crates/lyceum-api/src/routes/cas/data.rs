//! Bytes of xorbs, for whoever has the signed address that a reconstruction gave.
//!
//! 403 means that the address expired and nothing else: clients answer it by asking for the reconstruction again,
//! without end. Without a range there is no answer, because clients take any body for the range they asked for.

use axum::extract::{Extension, State};
use axum::response::Response;
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, RANGE};
use http::{HeaderValue, Method};
use lyceum_core::{ByteRange, RangeHeader};
use lyceum_hub::ErrorKind;
use std::sync::Arc;

use super::super::{Routes, Scope};
use super::access::{Hash, StoreUrl};
use crate::Api;
use crate::byteranges::{respond, select_ranges, union};
use crate::error::{ApiError, ApiResult};
use crate::extract::Query;
use crate::layers::Shared;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/xet/{instance}/data/{hash}", data);
}

async fn data(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    _store: StoreUrl,
    Hash(xorb): Hash,
    Query(query): Query,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let (granted_xorb, granted) = match api.hub.data_grant(query.required("grant")?) {
        Ok(grant) => grant,
        Err(error) if error.kind() == ErrorKind::Forbidden => return Err(error.into()),
        Err(error) => return Err(ApiError::invalid(error.message())),
    };
    if granted_xorb != xorb {
        return Err(ApiError::invalid("the grant is for another xorb"));
    }
    let asked = asked(&headers)?;
    if !covers(&union(granted), &asked) {
        return Err(ApiError::invalid("the asked range is not what the grant allows"));
    }

    let mut response = Response::default();
    let described = response.headers_mut();
    described.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    described.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    described.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600, immutable"));
    described.insert(ETAG, HeaderValue::try_from(format!("\"{xorb}\"")).expect("a hash is a header value"));
    let hub = api.hub.clone();
    let read = move |range| {
        let hub = hub.clone();
        async move { hub.read_xorb(xorb, range).await }
    };
    let boundary = || shared.entropy.id();
    respond(response, select_ranges(asked), None, method == Method::HEAD, boundary, read).await
}

/// Reads the ranges that are asked for.
fn asked(headers: &HeaderMap) -> ApiResult<Vec<ByteRange>> {
    let required = || ApiError::invalid("a Range header in bytes is required");
    let header = headers.get(RANGE).and_then(|header| header.to_str().ok()).ok_or_else(required)?;
    let ranges = RangeHeader::parse(header)?.ok_or_else(required)?.resolve(u64::MAX);
    if ranges.is_empty() { Err(required()) } else { Ok(ranges) }
}

/// Reports whether every asked byte is granted. `granted` is a union.
fn covers(granted: &[ByteRange], asked: &[ByteRange]) -> bool {
    asked.iter().all(|range| {
        let before = granted.partition_point(|other| other.start <= range.start);
        granted[..before].last().is_some_and(|other| range.end <= other.end)
    })
}

#[cfg(test)]
mod tests;
