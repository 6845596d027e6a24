//! Joining the machine interfaces and the pages.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use lyceum_api::Api;
use lyceum_core::Entropy;
use lyceum_hub::Hub;
use lyceum_web::Web;

use super::machine::machine;
use crate::settings::Loaded;

/// Below these only programs ask.
const PROGRAM_PATHS: [&str; 4] = ["/api/", "/xet/", "/v1/", "/v2/"];
const NOTHING: &str = "nothing answers at this address";
const X_ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-error-message");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns every route of the server.
pub(crate) fn router(hub: &Hub, loaded: &Loaded) -> Router {
    let settings = &loaded.settings;
    let api = Api {
        hub: hub.clone(),
        base_url: settings.public_url().map(Into::into),
        trust_forwarded: settings.trust_proxy,
        rates: settings.rates.limits(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let web = Web {
        hub: hub.clone(),
        entropy: Entropy::system(),
        public_url: settings.public_url().map(str::to_owned),
        machine: machine(hub, loaded),
    };
    lyceum_api::router_with_pages(api, lyceum_web::router(web)).layer(from_fn(show_missing))
}

/// Gives an address that leads nowhere the answer that fits who asks: a page for people, JSON for programs.
async fn show_missing(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let program = PROGRAM_PATHS.iter().any(|program| path.starts_with(program));
    let page = !program && request.method() == Method::GET && accepts_html(&request);
    let response = next.run(request).await;
    let media_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let html = media_type.starts_with(b"text/html");
    let json = media_type.starts_with(b"application/json");
    let mut other = match response.status() {
        StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED if page && json => lyceum_web::not_found(),
        // `/api/nothing` has the form of a repo's page, though no account can be called so.
        StatusCode::NOT_FOUND if program && html => {
            let error = serde_json::json!({ "error": NOTHING });
            let headers = [(CONTENT_TYPE, "application/json"), (X_ERROR_MESSAGE, NOTHING)];
            (StatusCode::NOT_FOUND, headers, error.to_string()).into_response()
        }
        _ => return response,
    };
    if let Some(request_id) = response.headers().get(X_REQUEST_ID) {
        other.headers_mut().insert(X_REQUEST_ID, request_id.clone());
    }
    other
}

fn accepts_html(request: &Request) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
