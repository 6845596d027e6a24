//! Content of files, under the address that every client builds: `{repo}/resolve/{revision}/{path}`.
//!
//! A HEAD tells everything and reads no byte; a GET answers with the bytes themselves, never with a redirect.

mod bucket;
mod downloads;
mod media;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::header::{
    ACCEPT, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, LINK, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use lyceum_core::{ByteRange, Oid, RepoPath, XetHash};
use lyceum_hub::{ByteStream, FileHandle};
use serde_json::json;

use super::cas::StoreUrl;
use super::{Routes, Scope};
use crate::Api;
use crate::byteranges::{Selection, respond, select};
use crate::error::{ApiResult, X_REPO_COMMIT};
use crate::extract::{Auth, BaseUrl, FilePath, Query, RepoAddress, Rev};
use crate::layers::Shared;

pub(crate) use downloads::DownloadWindow;
pub(super) use media::disposition;

const X_LINKED_ETAG: HeaderName = HeaderName::from_static("x-linked-etag");
const X_LINKED_SIZE: HeaderName = HeaderName::from_static("x-linked-size");
const X_XET_HASH: HeaderName = HeaderName::from_static("x-xet-hash");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What `@huggingface/hub` accepts when it wants to know about a file instead of reading it.
const XET_FILE_INFO: &str = "application/vnd.xet-fileinfo+json";

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Files, "/resolve/{revision}/{*path}", resolve);
    routes.get(Scope::Files, "/raw/{revision}/{*path}", raw);
    bucket::register(routes);
}

/// Answers with a file as git has it: of a large one the pointer.
#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
async fn raw(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    Auth(caller): Auth,
    address: RepoAddress,
    Rev(revision): Rev,
    FilePath(path): FilePath,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let file = api.hub.open_file(&caller, address.kind, &address.id, &revision, &path).await?.raw();
    address.check_moved(&file.repo)?;
    let etag = format!("\"{}\"", file.etag());
    let mut response = Response::default();
    describe(response.headers_mut(), &file, &path, &etag)?;
    let described = response.headers_mut();
    described.insert(CACHE_CONTROL, cache_control(revision.as_str() == file.commit.to_string()));
    described.insert(CONTENT_DISPOSITION, media::disposition(path.file_name(), false));
    let found = Found { response, etag, size: file.entry.size, xet: None };
    deliver(&shared, &method, &headers, found, reader(&api, file)).await
}

#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
async fn resolve(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    Auth(caller): Auth,
    address: RepoAddress,
    Rev(revision): Rev,
    FilePath(path): FilePath,
    Query(query): Query,
    base: BaseUrl,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let file = api.hub.open_file(&caller, address.kind, &address.id, &revision, &path).await?;
    address.check_moved(&file.repo)?;
    if shared.downloads.counts(&file.repo, &method, &headers) {
        api.hub.count_download(&file.repo);
    }

    let etag = format!("\"{}\"", file.etag());
    let mut response = Response::default();
    describe(response.headers_mut(), &file, &path, &etag)?;
    let pinned = revision.as_str() == file.commit.to_string();
    response.headers_mut().insert(CACHE_CONTROL, cache_control(pinned));
    let attachment = query.flag("download")?;
    response.headers_mut().insert(CONTENT_DISPOSITION, media::disposition(path.file_name(), attachment));
    let xet = file.entry.xet_hash.map(|hash| {
        let (kind, id) = (file.repo.kind().plural(), file.repo.id());
        let token = format!("{base}/api/{kind}/{id}/xet-read-token/{}", file.commit);
        XetLinks::new(&api, &base, token, hash)
    });
    let found = Found { response, etag, size: file.entry.size, xet };
    deliver(&shared, &method, &headers, found, reader(&api, file)).await
}

/// Returns what reads ranges of a file.
fn reader(
    api: &Api,
    file: FileHandle,
) -> impl Fn(ByteRange) -> BoxFuture<'static, lyceum_hub::Result<ByteStream>> + Send + 'static {
    let (hub, file) = (api.hub.clone(), Arc::new(file));
    move |range| {
        let (hub, file) = (hub.clone(), Arc::clone(&file));
        Box::pin(async move { hub.read_file(&file, range).await })
    }
}

/// A file whose answer is described and lacks its content.
struct Found {
    response: Response,
    etag: String,
    size: u64,
    xet: Option<XetLinks>,
}

/// Adds where a Xet client goes on, and the content that the request wants.
async fn deliver<F>(
    shared: &Shared,
    method: &Method,
    headers: &HeaderMap,
    found: Found,
    read: impl Fn(ByteRange) -> F + Send + 'static,
) -> ApiResult
where
    F: Future<Output = lyceum_hub::Result<ByteStream>> + Send + 'static,
{
    let Found { mut response, etag, size, xet } = found;
    if let Some(links) = xet {
        let described = response.headers_mut();
        described.insert(X_XET_HASH, value(links.hash.to_string()));
        described.insert(LINK, links.header());
        if wants_file_info(headers) {
            return Ok(file_info(response, &links, &etag, size));
        }
    }
    if not_modified(headers, &etag) {
        response.headers_mut().remove(CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let head = *method == Method::HEAD;
    // Ranges are for GET only (RFC 9110 §14.2); a HEAD is asked for the size of the whole.
    let selection = if head { Selection::Whole } else { select(headers, size, &etag)? };
    let boundary = || shared.entropy.id();
    respond(response, selection, Some(size), head, boundary, read).await
}

/// Sets what every answer about a file tells.
fn describe(headers: &mut HeaderMap, file: &FileHandle, path: &RepoPath, etag: &str) -> ApiResult<()> {
    headers.insert(X_REPO_COMMIT, commit_value(file.commit));
    headers.insert(ETAG, value(etag.to_owned()));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Authorization, Origin"));
    headers.insert(CONTENT_TYPE, media::content_type(path.file_name(), file.entry.lfs.is_some()));
    if let Some(lfs) = file.entry.lfs {
        headers.insert(X_LINKED_ETAG, value(format!("\"{}\"", lfs.sha256)));
        headers.insert(X_LINKED_SIZE, lfs.size.into());
    }
    harden(headers);
    Ok(())
}

/// What users upload is shown by browsers under our name: it must run nothing and be taken for nothing else.
pub(super) fn harden(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
}

/// A file of a commit never changes; who may read it does, so only the reader's own cache may keep it.
pub(super) fn cache_control(pinned: bool) -> HeaderValue {
    if pinned {
        HeaderValue::from_static("private, max-age=86400, immutable")
    } else {
        HeaderValue::from_static("private, no-cache")
    }
}

/// Where a Xet client goes on.
struct XetLinks {
    hash: XetHash,
    token: String,
    reconstruction: String,
}

impl XetLinks {
    /// Returns the links for a file; `token` is the address of its tokens.
    fn new(api: &Api, base: &BaseUrl, token: String, hash: XetHash) -> Self {
        Self {
            hash,
            token,
            reconstruction: format!("{}/v1/reconstructions/{hash}", StoreUrl::new(base, api).0),
        }
    }

    fn header(&self) -> HeaderValue {
        let Self { token, reconstruction, .. } = self;
        value(format!("<{token}>; rel=\"xet-auth\", <{reconstruction}>; rel=\"xet-reconstruction-info\""))
    }
}

fn wants_file_info(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains(XET_FILE_INFO)))
}

/// Tells about a file instead of sending it.
fn file_info(mut response: Response, links: &XetLinks, etag: &str, size: u64) -> Response {
    let info = json!({
        "hash": links.hash.to_string(),
        "refreshUrl": links.token,
        "reconstructionUrl": links.reconstruction,
        "etag": etag,
        "size": size,
    });
    let body = info.to_string();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(XET_FILE_INFO));
    headers.insert(CONTENT_LENGTH, body.len().into());
    headers.insert(X_LINKED_SIZE, size.into());
    *response.body_mut() = Body::from(body);
    response
}

/// Evaluates `If-None-Match`, which compares weakly (RFC 9110 §13.1.2).
pub(super) fn not_modified(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok()).any(|tags| {
        tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    })
}

pub(super) fn commit_value(commit: Oid) -> HeaderValue {
    value(commit.to_string())
}

pub(super) fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("hashes and encoded addresses are header values")
}

#[cfg(test)]
mod tests;
