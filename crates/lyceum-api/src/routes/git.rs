//! Git over HTTP: what `git clone`, `git fetch`, `git ls-remote` and `git push` ask for (gitprotocol-http).
//!
//! Only the smart protocol is spoken. Git sends a user name with a token, or a password, the way every address here
//! takes them.

mod body;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, EXPIRES, HeaderMap, PRAGMA};
use http::{HeaderName, HeaderValue, Method};
use lyceum_core::ClientAddress;
use lyceum_hub::{Action, ErrorKind, GitFetch, GitVersion, Party};

use self::body::{answer, answer_late, read};
use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, Query, RepoAddress};
use crate::upload::body_stream;

const GIT_PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");

/// Most bytes of a request to fetch, as it is sent; the hub limits what it inflates to.
const MAX_FETCH_REQUEST_BYTES: u64 = 32 * 1024 * 1024;
/// Most bytes of a push, as it is sent; the hub limits what its pack may be.
const MAX_PUSH_BYTES: u64 = 5 << 30;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Files, "/info/refs", references);
    routes.post(Scope::Files, "/git-receive-pack", receive_pack);
    routes.post(Scope::Files, "/git-upload-pack", upload_pack);
}

/// Lists references and what the server can do for a service.
async fn references(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Extension(from): Extension<ClientAddress>,
    Query(query): Query,
    method: Method,
    headers: HeaderMap,
) -> ApiResult {
    let service = query.first("service").unwrap_or_default();
    match service {
        "git-upload-pack" => {
            let repo = address.open(&api.hub, &caller, Action::Read).await?;
            let response = described(HeaderValue::from_static("application/x-git-upload-pack-advertisement"));
            if method == Method::HEAD {
                return Ok(response);
            }
            let party = Party::of(&caller, from.0);
            let fetch = GitFetch { version: version(&headers), advertise: true, gzip: false, party };
            let hub = api.hub.clone();
            Ok(answer(response, |output| async move {
                hub.upload_pack(&repo, fetch, tokio::io::empty(), output).await
            }))
        }
        "git-receive-pack" => {
            let target = api.hub.open_push(&caller, address.kind, &address.id).await?;
            address.check_moved(target.repo())?;
            let response =
                described(HeaderValue::from_static("application/x-git-receive-pack-advertisement"));
            if method == Method::HEAD {
                return Ok(response);
            }
            let version = version(&headers);
            Ok(answer(response, |output| async move { target.advertise(version, output).await }))
        }
        other => {
            address.open(&api.hub, &caller, Action::Read).await?;
            let message = match other {
                "" => "this server speaks git's smart protocol only; please use a newer git".to_owned(),
                _ => "this service is not known".to_owned(),
            };
            Err(ApiError::new(ErrorKind::Forbidden, message))
        }
    }
}

/// Answers a fetch.
async fn upload_pack(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult {
    let repo = address.open(&api.hub, &caller, Action::Read).await?;
    expect_type(&headers, "application/x-git-upload-pack-request")?;
    let gzip = compressed(&headers)?;
    let input = read(body_stream(&headers, body, MAX_FETCH_REQUEST_BYTES)?);
    let party = Party::of(&caller, from.0);
    let fetch = GitFetch { version: version(&headers), advertise: false, gzip, party };
    let hub = api.hub.clone();
    let response = described(HeaderValue::from_static("application/x-git-upload-pack-result"));
    Ok(answer(response, |output| async move { hub.upload_pack(&repo, fetch, input, output).await }))
}

/// Takes a push.
async fn receive_pack(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    headers: HeaderMap,
    body: Body,
) -> ApiResult {
    let target = api.hub.open_push(&caller, address.kind, &address.id).await?;
    address.check_moved(target.repo())?;
    expect_type(&headers, "application/x-git-receive-pack-request")?;
    let (version, gzip) = (version(&headers), compressed(&headers)?);
    let input = read(body_stream(&headers, body, MAX_PUSH_BYTES)?);
    let response = described(HeaderValue::from_static("application/x-git-receive-pack-result"));
    let received =
        answer_late(response, |output| async move { target.receive(version, gzip, input, output).await });
    Ok(received.await?)
}

/// Starts an answer that nobody may keep.
fn described(media_type: HeaderValue) -> Response {
    let mut response = Response::default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(EXPIRES, HeaderValue::from_static("Fri, 01 Jan 1980 00:00:00 GMT"));
    response
}

fn version(headers: &HeaderMap) -> GitVersion {
    let value = headers.get(GIT_PROTOCOL).and_then(|value| value.to_str().ok());
    value.map(GitVersion::from_protocol).unwrap_or_default()
}

/// Refuses what a web page could have a browser send.
fn expect_type(headers: &HeaderMap, expected: &str) -> ApiResult<()> {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if sent.trim().eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(ApiError::invalid(format!("the content type must be `{expected}`")))
}

/// Reports whether the body is compressed.
fn compressed(headers: &HeaderMap) -> ApiResult<bool> {
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip" | b"x-gzip") => Ok(true),
        Some(_) => Err(ApiError::invalid("the content encoding must be `gzip`, or none")),
    }
}

#[cfg(test)]
mod tests;
