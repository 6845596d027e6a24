//! Files shown in comments: uploaded as they are, and served so that nothing in them can run.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderMap, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method};
use lyceum_core::limits::MAX_ATTACHMENT_BYTES;

use super::{Routes, Scope};
use crate::Api;
use crate::byteranges::{Selection, respond, select};
use crate::error::ApiResult;
use crate::extract::{Auth, BaseUrl, PathParams, Viewer};
use crate::layers::Shared;
use crate::upload::body_stream;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Root, "/uploads", upload);
    routes.get(Scope::Root, "/uploads/{attachment}", serve);
}

/// Answers with the address alone, as text.
async fn upload(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<String> {
    // One byte more, so that the hub itself sees that it is too much.
    let body = body_stream(&headers, body, MAX_ATTACHMENT_BYTES + 1)?;
    let attachment = api.hub.attach(&caller, body).await?;
    Ok(format!("{base}/uploads/{}", attachment.name))
}

async fn serve(
    State(api): State<Api>,
    Viewer(caller): Viewer,
    Extension(shared): Extension<Arc<Shared>>,
    path: PathParams,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let attachment = api.hub.attachment(&caller, path.get("attachment")?).await?;
    let etag = format!("\"{}\"", attachment.name);
    let mut response = Response::default();
    let described = response.headers_mut();
    let media_type = HeaderValue::try_from(&attachment.media_type).map_err(lyceum_hub::Error::internal)?;
    described.insert(CONTENT_TYPE, media_type);
    described.insert(ETAG, HeaderValue::try_from(&etag).map_err(lyceum_hub::Error::internal)?);
    described.insert(VARY, HeaderValue::from_static("Authorization, Cookie"));
    described.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    described.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable"));
    described.insert(CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    described.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    described.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    described.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    let (size, head) = (attachment.bytes, method == Method::HEAD);
    let selection = if head { Selection::Whole } else { select(&headers, size, &etag)? };
    let (hub, attachment) = (api.hub.clone(), Arc::new(attachment));
    let read = move |range| {
        let (hub, attachment) = (hub.clone(), Arc::clone(&attachment));
        async move { hub.read_attachment(&attachment, range).await }
    };
    let boundary = || shared.entropy.id();
    respond(response, selection, Some(size), head, boundary, read).await
}
