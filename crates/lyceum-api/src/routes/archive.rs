//! All files of a revision in one archive: `{repo}/archive/{revision}.{tar,tar.gz,zip}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use futures_util::TryStreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HeaderMap, VARY};
use http::{HeaderValue, Method, StatusCode};
use lyceum_core::Revision;
use lyceum_hub::{ArchiveFormat, ArchiveOptions};

use super::resolve::{cache_control, commit_value, disposition, harden, not_modified, value};
use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult, X_REPO_COMMIT};
use crate::extract::{Auth, Params, PathParams, Query, RepoAddress, parse_revision};
use crate::layers::Shared;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Files, "/archive/{*archive}", send);
}

#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
async fn send(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    Auth(caller): Auth,
    address: RepoAddress,
    params: PathParams,
    Query(query): Query,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let (revision, format) = parse(params.get("archive")?)?;
    let options = ArchiveOptions { format, pointers: pointers(&query)? };
    let archive = api.hub.open_archive(&caller, address.kind, &address.id, &revision, options).await?;
    address.check_moved(&archive.repo)?;
    let mut response = Response::default();
    let described = response.headers_mut();
    described.insert(X_REPO_COMMIT, commit_value(archive.commit));
    described.insert(VARY, HeaderValue::from_static("Authorization, Origin"));
    let pinned = archive.fixed() && revision.as_str() == archive.commit.to_string();
    described.insert(CACHE_CONTROL, cache_control(pinned));
    harden(described);
    match archive.etag().map(|etag| format!("\"{etag}\"")) {
        Some(etag) => {
            described.insert(ETAG, value(etag.clone()));
            if not_modified(&headers, &etag) {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return Ok(response);
            }
        }
        None => drop(described.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"))),
    }
    let described = response.headers_mut();
    described.insert(CONTENT_TYPE, media_type(format));
    described.insert(CONTENT_DISPOSITION, disposition(&archive.file_name(), true));
    if method == Method::HEAD {
        return Ok(response);
    }
    if shared.downloads.counts(&archive.repo, &method, &headers) {
        api.hub.count_download(&archive.repo);
    }
    // A failure ends the body early, which the client sees by the missing end of the chunked encoding.
    let content = api.hub.read_archive(&archive)?.inspect_err(crate::error::log);
    *response.body_mut() = Body::from_stream(content);
    Ok(response)
}

/// Splits the last part of the address into revision and format.
fn parse(archive: &str) -> ApiResult<(Revision, ArchiveFormat)> {
    let found = ArchiveFormat::ALL.into_iter().find_map(|format| {
        let revision = archive.strip_suffix(format.extension())?.strip_suffix('.')?;
        Some((revision, format))
    });
    let found = found.or_else(|| Some((archive.strip_suffix(".tgz")?, ArchiveFormat::TarGzip)));
    let (revision, format) = found
        .ok_or_else(|| ApiError::invalid("an archive's address ends with `.zip`, `.tar` or `.tar.gz`"))?;
    Ok((parse_revision(revision)?, format))
}

/// Reports whether large files are wanted as pointers.
fn pointers(query: &Params) -> ApiResult<bool> {
    match query.filled("lfs") {
        None | Some("content") => Ok(false),
        Some("pointers") => Ok(true),
        Some(_) => Err(ApiError::invalid("parameter `lfs` must be `content` or `pointers`")),
    }
}

fn media_type(format: ArchiveFormat) -> HeaderValue {
    HeaderValue::from_static(match format {
        ArchiveFormat::Tar => "application/x-tar",
        ArchiveFormat::TarGzip => "application/gzip",
        ArchiveFormat::Zip => "application/zip",
    })
}

#[cfg(test)]
mod tests;
