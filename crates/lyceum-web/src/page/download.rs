//! `/{repo}/download/{revision}[/{path}]`: a file, or all of them as a zip, for a signed-in browser, which has no token
//! for the API.

use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use lyceum_core::{ByteRange, RepoPath};
use lyceum_hub::{Action, ArchiveFormat, ArchiveOptions, Error};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::PageError;
use crate::visit::{Detour, Visit};

/// Streams a file. It is saved, never shown: what a user uploaded must not run as a page of the hub.
pub(crate) async fn send(visit: Visit, headers: HeaderMap) -> Result<Response, Detour> {
    let Some(path) = &visit.address.path else {
        return Err(PageError::not_found().into());
    };
    let repo = visit.open(Action::Read).await?;
    let file = visit.web.hub.file(&repo, &visit.address.revision(), path).await?;
    let bytes = visit.web.hub.read_file(&file, ByteRange { start: 0, end: file.entry.size }).await?;
    // The pictures of a card are not downloads.
    if headers.get("sec-fetch-dest").is_none_or(|purpose| purpose != "image") {
        visit.web.hub.count_download(&repo);
    }
    Ok(saved(path, file.entry.size, Body::from_stream(bytes))?)
}

/// Streams all files of a revision as a zip.
pub(crate) async fn archive(visit: Visit) -> Result<Response, Detour> {
    let repo = visit.open(Action::Read).await?;
    let options = ArchiveOptions { format: ArchiveFormat::Zip, pointers: false };
    let archive = visit.web.hub.archive(&repo, &visit.address.revision(), options).await?;
    visit.web.hub.count_download(&repo);
    let body = Body::from_stream(visit.web.hub.read_archive(&archive)?);
    Ok(attachment(&archive.file_name(), None, body)?)
}

/// Answers with a file that the browser saves.
pub(crate) fn saved(path: &RepoPath, size: u64, body: Body) -> Result<Response, PageError> {
    attachment(path.file_name(), Some(size), body)
}

fn attachment(name: &str, size: Option<u64>, body: Body) -> Result<Response, PageError> {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let mut response = Response::builder();
    if let Some(size) = size {
        response = response.header(CONTENT_LENGTH, size);
    }
    let response = response
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}"))
        .header(CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(CACHE_CONTROL, "private, no-store")
        .header(VARY, "Cookie")
        .body(body);
    response.map_err(|error| Error::internal(error).into())
}
