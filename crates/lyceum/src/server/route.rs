//! Joining the machine interfaces and the pages.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::ACCEPT;
use http::{Method, StatusCode};
use lyceum_api::Api;
use lyceum_core::Entropy;
use lyceum_hub::Hub;
use lyceum_web::Web;

use crate::settings::Settings;

/// Below these only programs ask.
const PROGRAM_PATHS: [&str; 4] = ["/api/", "/xet/", "/v1/", "/v2/"];

/// Returns every route of the server.
pub(crate) fn router(hub: &Hub, settings: &Settings) -> Router {
    let api = Api {
        hub: hub.clone(),
        base_url: settings.public_url().map(Into::into),
        trust_forwarded: settings.trust_proxy,
        version: env!("CARGO_PKG_VERSION"),
    };
    let web = Web {
        hub: hub.clone(),
        entropy: Entropy::system(),
        public_url: settings.public_url().map(str::to_owned),
    };
    lyceum_api::router_with_pages(api, lyceum_web::router(web)).layer(from_fn(show_missing))
}

/// Shows a page instead of JSON to a person whose address leads nowhere.
async fn show_missing(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let person = request.method() == Method::GET
        && !PROGRAM_PATHS.iter().any(|program| path.starts_with(program))
        && request
            .headers()
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
    let response = next.run(request).await;
    let json = response
        .headers()
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|media_type| media_type.as_bytes().starts_with(b"application/json"));
    let missing = matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED);
    if !person || !missing || !json {
        return response;
    }
    let request_id = response.headers().get("x-request-id").cloned();
    let mut page = lyceum_web::not_found();
    if let Some(request_id) = request_id {
        page.headers_mut().insert("x-request-id", request_id);
    }
    page
}
