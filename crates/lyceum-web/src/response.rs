//! Turning a template into an answer with the headers that every page has.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};

/// No script, no frame, nothing from elsewhere; forms go to the hub itself.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; media-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// The same for a page with a script of the hub's own, which asks the hub alone.
const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How long a page may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CachePolicy {
    /// By nobody: it has a form or a secret in it.
    Never,
    /// By this browser, which asks each time whether it still holds: what it shows depends on the caller.
    Revalidate,
}

impl CachePolicy {
    fn value(self) -> &'static str {
        match self {
            Self::Never => "no-store",
            Self::Revalidate => "private, no-cache",
        }
    }
}

/// Renders a page.
pub(crate) fn render(status: StatusCode, cache: CachePolicy, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let mut response = (status, html).into_response();
            finish(&mut response, cache);
            response
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            let mut response = (StatusCode::INTERNAL_SERVER_ERROR, "internal error").into_response();
            finish(&mut response, CachePolicy::Never);
            response
        }
    }
}

/// Renders a page that has a script.
pub(crate) fn render_with_script(status: StatusCode, cache: CachePolicy, page: &impl Template) -> Response {
    let mut response = render(status, cache, page);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SCRIPT_POLICY));
    response
}

fn finish(response: &mut Response, cache: CachePolicy) {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_TYPE, "text/html; charset=utf-8");
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(CACHE_CONTROL, cache.value());
    set(VARY, "Cookie");
}
