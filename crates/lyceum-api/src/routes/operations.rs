//! For whoever runs the hub: is it alive, can it serve, what has it done.

use std::sync::Arc;

use axum::extract::{Extension, State};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::{Routes, Scope};
use crate::error::ApiResult;
use crate::extract::Json;
use crate::layers::Shared;
use crate::{Api, openapi};

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/api/openapi.json", document);
    routes.get(Scope::Root, "/healthz", alive);
    routes.get(Scope::Root, "/readyz", ready);
    routes.get(Scope::Root, "/metrics", metrics);
}

/// Describes every address.
async fn document(State(api): State<Api>) -> Json<&'static Value> {
    Json(openapi(api.version))
}

/// The process answers; what it depends on is not looked at, so that a broken database does not restart it.
async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(api): State<Api>) -> ApiResult<&'static str> {
    api.hub.ready().await?;
    Ok("ready\n")
}

async fn metrics(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
) -> ([(HeaderName, HeaderValue); 1], String) {
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let mut text = shared.metrics.render(api.version);
    let (received, reused) = api.hub.mirrored_bytes();
    text.extend([
        counter("received", "Bytes of large files that came from other hubs.", received),
        counter(
            "reused",
            "Bytes of mirrored files that did not need to come, because they were here.",
            reused,
        ),
    ]);
    ([(CONTENT_TYPE, media_type)], text)
}

/// Returns one number of the mirrors.
fn counter(name: &str, help: &str, value: u64) -> String {
    let name = format!("lyceum_mirror_{name}_bytes_total");
    format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n")
}

#[cfg(test)]
mod tests;
