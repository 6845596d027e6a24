//! `/spaces/{namespace}/{name}/app`: a static space, in a frame that is nobody's origin.
//!
//! What a user uploaded runs here, and only here. The frame's sandbox and the same sandbox in the policy of every file keep
//! it in an origin of its own: it has no cookies, reads nothing of the hub with them, and opens no other page.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use lyceum_core::{ByteRange, RepoPath, Revision};
use lyceum_hub::{Action, Error, ErrorKind};

use crate::Web;
use crate::error::PageError;
use crate::layout::Layout;
use crate::response::{CachePolicy, POLICY, render};
use crate::visit::{Detour, RepoHead, Visit};

/// What a space shows first.
const INDEX: &str = "index.html";
/// The files of a space load each other, and nothing from elsewhere; they are framed by the hub alone.
const FILE_POLICY: &str = "sandbox allow-scripts; default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; \
    base-uri 'self'; form-action 'none'; frame-ancestors 'self'";
/// Media types of what pages are made of; all else is bytes.
const MEDIA_TYPES: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("gif", "image/gif"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
];

/// Returns the pages.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .route("/spaces/{namespace}/{name}/app", get(show))
        .route("/spaces/{namespace}/{name}/app/{*path}", get(send))
}

#[derive(Template)]
#[template(path = "space.html")]
struct Space {
    layout: Layout,
    head: RepoHead,
    /// Where the frame begins, if there is something to show.
    source: Option<String>,
    fixed: bool,
}

/// Answers the page with the frame.
pub(crate) async fn show(visit: Visit) -> Result<Response, Detour> {
    let repo = visit.open(Action::Read).await?;
    let hub = &visit.web.hub;
    let info = hub.repo_info(&repo, hub.head(&repo).await?, false).await?;
    let fixed = info.sdk.as_deref().is_none_or(|sdk| sdk == "static");
    let index = RepoPath::parse(INDEX).expect("the name is a valid path");
    let source = match hub.file(&repo, &Revision::main(), &index).await {
        Ok(_) => fixed.then(|| format!("{}/app/{INDEX}", visit.address.repo.path())),
        Err(error) if matches!(error.kind(), ErrorKind::EntryNotFound | ErrorKind::RevisionNotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let head = visit.head(&repo, "app");
    let page = Space { layout: Layout::new(head.link.id.to_string(), &visit.session), head, source, fixed };
    let mut response = render(StatusCode::OK, CachePolicy::Revalidate, &page);
    let policy = HeaderValue::from_str(&format!("{POLICY}; frame-src 'self'"));
    let policy = policy.expect("policies are visible ASCII");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// Sends a file of the space.
pub(crate) async fn send(visit: Visit) -> Result<Response, Detour> {
    let Some(path) = &visit.address.path else {
        return Err(PageError::not_found().into());
    };
    let repo = visit.open(Action::Read).await?;
    let file = visit.web.hub.file(&repo, &Revision::main(), path).await?;
    let bytes = visit.web.hub.read_file(&file, ByteRange { start: 0, end: file.entry.size }).await?;
    let (_, extension) = path.file_name().rsplit_once('.').unwrap_or_default();
    let known = MEDIA_TYPES.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known));
    let response = Response::builder()
        .header(CONTENT_TYPE, known.map_or("application/octet-stream", |(_, media_type)| media_type))
        .header(CONTENT_LENGTH, file.entry.size)
        .header(CONTENT_SECURITY_POLICY, FILE_POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(REFERRER_POLICY, "no-referrer")
        // Modules and data are fetched from the frame's own origin; credentials never are sent along.
        .header(ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .header(CACHE_CONTROL, "private, no-cache")
        .header(VARY, "Cookie")
        .body(Body::from_stream(bytes));
    response.map_err(|error| PageError::from(Error::internal(error)).into())
}
