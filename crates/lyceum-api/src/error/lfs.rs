//! Failures as git-lfs reads them.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use lyceum_hub::Error;
use serde_json::json;

/// Media type of the Git LFS API.
pub(crate) const LFS_JSON: HeaderValue = HeaderValue::from_static("application/vnd.git-lfs+json");

const LFS_AUTHENTICATE: HeaderName = HeaderName::from_static("lfs-authenticate");
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"Lyceum\"");

/// Reports whether an address belongs to the Git LFS API.
pub(super) fn speaks_lfs(path: &str) -> bool {
    path.contains("/info/lfs/")
}

/// Gives a failed response the body that git-lfs shows, and has it ask for a password where one may help. Hub
/// clients, which call the same addresses, go by the headers that are there already.
pub(super) fn reshape(response: &mut Response, error: &Error) {
    let body = json!({ "message": error.message(), "error": error.message() }).to_string();
    *response.body_mut() = Body::from(body);
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, LFS_JSON);
    if unauthorized {
        headers.insert(WWW_AUTHENTICATE, BASIC);
        headers.insert(LFS_AUTHENTICATE, BASIC);
    }
}
