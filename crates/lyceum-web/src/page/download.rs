//! `/{repo}/download/{revision}[/{path}]`: a file, or all of them as a zip, for a signed-in browser, which has no token
//! for the API.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
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
    let body = Body::from_stream(bytes);
    // Browsers say what they want a file for, and no page can make them say otherwise.
    let purpose = headers.get("sec-fetch-dest").and_then(|purpose| purpose.to_str().ok());
    let shown = match (purpose, media(path.file_name())) {
        (Some("image"), Some((Media::Picture, media_type))) => Some(media_type),
        (Some("audio"), Some((Media::Sound, media_type))) => Some(media_type),
        (Some("video"), Some((Media::Film, media_type))) => Some(media_type),
        _ => None,
    };
    if let Some(media_type) = shown {
        let mut response = attachment(path.file_name(), Some(file.entry.size), body)?;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        return Ok(response);
    }
    // The pictures of a card are not downloads.
    if purpose != Some("image") {
        visit.web.hub.count_download(&repo);
    }
    Ok(saved(path, file.entry.size, body)?)
}

/// What a browser can show in the middle of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Picture,
    Sound,
    Film,
}

/// Returns what a file is by its name, and its media type; nothing for what is not shown.
pub(crate) fn media(file_name: &str) -> Option<(Media, &'static str)> {
    const MEDIA: [(&str, Media, &str); 15] = [
        ("avif", Media::Picture, "image/avif"),
        ("gif", Media::Picture, "image/gif"),
        ("jpeg", Media::Picture, "image/jpeg"),
        ("jpg", Media::Picture, "image/jpeg"),
        ("png", Media::Picture, "image/png"),
        // As a picture, an SVG runs no script and loads nothing.
        ("svg", Media::Picture, "image/svg+xml"),
        ("webp", Media::Picture, "image/webp"),
        ("flac", Media::Sound, "audio/flac"),
        ("m4a", Media::Sound, "audio/mp4"),
        ("mp3", Media::Sound, "audio/mpeg"),
        ("ogg", Media::Sound, "audio/ogg"),
        ("opus", Media::Sound, "audio/ogg"),
        ("wav", Media::Sound, "audio/wav"),
        ("mp4", Media::Film, "video/mp4"),
        ("webm", Media::Film, "video/webm"),
    ];
    let ending = file_name.rsplit_once('.')?.1.to_ascii_lowercase();
    MEDIA.iter().find(|(known, _, _)| *known == ending).map(|(_, kind, media_type)| (*kind, *media_type))
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
