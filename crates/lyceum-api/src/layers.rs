//! What every request passes through: request id, tracing span, access log, metrics, CORS and panics.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, EXPECT, HeaderMap, ORIGIN, USER_AGENT,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use lyceum_core::limits::MAX_SHARD_BYTES;
use lyceum_core::{ClientAddress, Entropy};
use rest::{Rest, watch};
use tracing::Instrument as _;

use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::rate::{Limiter, Meter, client_address};
use crate::routes::DownloadWindow;
use crate::upload::BodyMemory;

mod rest;

/// Names a request in logs and in what clients print.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Longest id that is taken over from a client.
const MAX_REQUEST_ID_BYTES: usize = 128;
/// Longest list of headers that a browser may ask to send.
const MAX_CORS_HEADERS_BYTES: usize = 1024;

/// Memory for all shards that are being verified: one of the largest size, or a thousand usual ones.
const MAX_SHARD_MEMORY_BYTES: usize = 96 * 1024 * 1024;

/// Headers that scripts of other origins may read: what transformers.js and `@huggingface/hub` need.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Link, RateLimit, RateLimit-Policy, Retry-After, X-Error-Code, \
     X-Error-Message, X-Linked-Etag, X-Linked-Size, X-Repo-Commit, X-Request-Id, X-Total-Count, \
     X-Xet-Access-Token, X-Xet-Cas-Url, X-Xet-Hash, X-Xet-Token-Expiration",
);

/// What the layers and some routes share in one process.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Counts of requests.
    pub(crate) metrics: Metrics,
    /// Source of request ids and of boundaries between parts.
    pub(crate) entropy: Entropy,
    /// Memory for shards, which are verified whole.
    pub(crate) shards: BodyMemory,
    /// Downloads that were counted lately.
    pub(crate) downloads: DownloadWindow,
    /// Counts of requests per caller, if they are limited.
    limiter: Option<Arc<Limiter>>,
    /// Whether a proxy of ours tells where requests come from.
    trust_forwarded: bool,
}

impl Shared {
    /// Returns fresh counts.
    pub(crate) fn new(entropy: Entropy, limiter: Option<Arc<Limiter>>, trust_forwarded: bool) -> Arc<Self> {
        let shards = BodyMemory::new(MAX_SHARD_MEMORY_BYTES, MAX_SHARD_BYTES);
        let (metrics, downloads) = (Metrics::default(), DownloadWindow::default());
        Arc::new(Self { metrics, entropy, shards, downloads, limiter, trust_forwarded })
    }
}

/// Wraps a whole router, its fallback included.
pub(crate) fn wrap(router: Router, shared: Arc<Shared>) -> Router {
    router.layer(from_fn_with_state(shared, observe))
}

async fn observe(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let running = shared.metrics.start();
    let request_id = request_id(request.headers(), &shared.entropy);
    let method = request.method().clone();
    let cross_origin = request.headers().contains_key(ORIGIN);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    // The query is left out on purpose: it may carry signatures.
    let path = request.uri().path().to_owned();
    let user_agent = request.headers().get(USER_AGENT).cloned();
    request.extensions_mut().insert(Arc::clone(&shared));
    let address = client_address(request.headers(), request.extensions(), shared.trust_forwarded);
    request.extensions_mut().insert(ClientAddress(address));
    let meter = shared.limiter.as_ref().map(Meter::new);
    if let Some(meter) = &meter {
        request.extensions_mut().insert(meter.clone());
    }
    let (request, rest) = watch_body(request);

    let span = tracing::info_span!("request", id = request_id.to_str().unwrap_or_default(), %method, path);
    let mut response = if preflight(&request) {
        allow(request.headers())
    } else {
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
        answer.unwrap_or_else(|panic| span.in_scope(|| panicked(panic.as_ref())))
    };

    let failed = response.status().is_client_error() || response.status().is_server_error();
    if let Some(rest) = rest.filter(|_| failed) {
        rest.discard().await;
    }
    if let Some(meter) = meter {
        meter.tell(response.headers_mut());
    }
    if cross_origin {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response.headers_mut().insert(X_REQUEST_ID, request_id);
    let elapsed = started.elapsed();
    let status = response.status();
    shared.metrics.record(&method, route, status, elapsed);
    drop(running);
    span.in_scope(|| {
        let user_agent = user_agent.as_ref().and_then(|agent| agent.to_str().ok());
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(target: "lyceum::access", status = status.as_u16(), elapsed_us, user_agent, "answered");
    });
    response
}

fn watch_body(request: Request) -> (Request, Option<Rest>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    let (body, rest) = watch(body, parts.headers.contains_key(EXPECT));
    (Request::from_parts(parts, body), Some(rest))
}

/// Returns the id under which the client knows the request, else a new one.
fn request_id(headers: &HeaderMap, entropy: &Entropy) -> HeaderValue {
    let sent = |name| {
        headers.get(name).filter(|id: &&HeaderValue| {
            (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
        })
    };
    match sent(X_REQUEST_ID).or_else(|| sent(X_AMZN_TRACE_ID)) {
        Some(id) => id.clone(),
        None => HeaderValue::try_from(entropy.id()).expect("hexadecimal digits make a header value"),
    }
}

/// Reports whether a browser asks for permission to send a request of another origin.
fn preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Allows any origin: what can be read is public or needs a token, and cookies are not sent along.
fn allow(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, PATCH"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    if let Some(names) =
        asked.get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|n| n.len() <= MAX_CORS_HEADERS_BYTES)
    {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}

/// Turns a bug into an answer, so that one request does not cost the client its connection.
fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!(panic = text, "handler panicked");
    let error = ApiError::new(lyceum_hub::ErrorKind::Internal, "internal error");
    error.into_response()
}

#[cfg(test)]
mod tests;
