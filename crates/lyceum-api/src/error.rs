//! The one place where a failure becomes an HTTP answer, in the shape that Hub clients parse.
//!
//! Git LFS and the Xet store render the same [`ApiError`] in their own shapes; they take status and text from
//! [`ApiError::parts`].

mod git;
mod lfs;

use std::error::Error as _;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use lyceum_core::Invalid;
use lyceum_hub::{Error, ErrorKind};
use serde_json::json;

pub(crate) use lfs::LFS_JSON;

/// Which known failure this is; clients choose their exception by it.
pub(crate) const X_ERROR_CODE: HeaderName = HeaderName::from_static("x-error-code");
/// What went wrong, in words.
pub(crate) const X_ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-error-message");
/// The commit that was read.
pub(crate) const X_REPO_COMMIT: HeaderName = HeaderName::from_static("x-repo-commit");

/// The same words for every repo: clients write the id themselves, and leave out text that says no more than theirs.
const REPO_NOT_FOUND: &str = "Repository not found";
/// Longest text in `X-Error-Message`; the body has all of it.
const MAX_MESSAGE_HEADER_BYTES: usize = 1024;

/// Result of a handler.
pub(crate) type ApiResult<T = Response> = Result<T, ApiError>;

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// A use case failed, or the request was refused before one.
    Failed(Arc<Error>),
    /// The name is taken; clients that allow this go on with the address of what is there.
    Taken {
        /// What is taken, in words.
        message: String,
        /// Address of what is there.
        url: String,
    },
    /// The namespace has a collection with this title; clients that allow this go on with it.
    TitleTaken {
        /// How it is addressed.
        slug: String,
    },
    /// The repo has another id now; the request is to be sent there again.
    Moved {
        /// Path and query under the new id.
        location: String,
    },
}

/// Status, `X-Error-Code` and text of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorParts<'a> {
    /// Status, as a signed-in caller gets it.
    pub(crate) status: StatusCode,
    /// `X-Error-Code`, for the failures that have one.
    pub(crate) code: Option<&'static str>,
    /// Text for the client.
    pub(crate) message: &'a str,
}

/// Left in a response so that [`settle`] can finish what depends on the request.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) Arc<Error>);

impl ApiError {
    /// Returns a failure with a text for the client.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error::new(kind, message).into()
    }

    /// Returns the answer to a malformed request.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// Returns the answer for a repo that is missing or hidden.
    pub(crate) fn repo_not_found() -> Self {
        Self::new(ErrorKind::RepoNotFound, REPO_NOT_FOUND)
    }

    /// Returns status, code and text.
    pub(crate) fn parts(&self) -> ErrorParts<'_> {
        match self {
            Self::Failed(error) => {
                let (status, code) = rendering(error.kind());
                let message = match error.kind() {
                    ErrorKind::RepoNotFound => REPO_NOT_FOUND,
                    _ => error.message(),
                };
                ErrorParts { status, code, message }
            }
            Self::Taken { message, .. } => ErrorParts { status: StatusCode::CONFLICT, code: None, message },
            Self::TitleTaken { .. } => ErrorParts {
                status: StatusCode::CONFLICT,
                code: None,
                message: "there is a collection with this title already",
            },
            Self::Moved { .. } => ErrorParts {
                status: StatusCode::TEMPORARY_REDIRECT,
                code: None,
                message: "this repository has moved",
            },
        }
    }
}

/// Returns status and `X-Error-Code` of a kind.
fn rendering(kind: ErrorKind) -> (StatusCode, Option<&'static str>) {
    match kind {
        ErrorKind::RepoNotFound => (StatusCode::NOT_FOUND, Some("RepoNotFound")),
        ErrorKind::RevisionNotFound => (StatusCode::NOT_FOUND, Some("RevisionNotFound")),
        ErrorKind::EntryNotFound => (StatusCode::NOT_FOUND, Some("EntryNotFound")),
        ErrorKind::NotFound => (StatusCode::NOT_FOUND, None),
        ErrorKind::AlreadyExists | ErrorKind::Conflict => (StatusCode::CONFLICT, None),
        ErrorKind::Unauthenticated | ErrorKind::InvalidCredentials => (StatusCode::UNAUTHORIZED, None),
        ErrorKind::Forbidden | ErrorKind::Disabled => (StatusCode::FORBIDDEN, None),
        ErrorKind::Gated => (StatusCode::FORBIDDEN, Some("GatedRepo")),
        ErrorKind::Invalid => (StatusCode::BAD_REQUEST, None),
        ErrorKind::Unprocessable => (StatusCode::UNPROCESSABLE_ENTITY, None),
        ErrorKind::Stale => (StatusCode::PRECONDITION_FAILED, None),
        ErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, None),
        ErrorKind::RangeNotSatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, None),
        ErrorKind::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, None),
        ErrorKind::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, None),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, None),
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, None),
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Failed(Arc::new(error))
    }
}

impl From<Invalid> for ApiError {
    fn from(error: Invalid) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let ErrorParts { status, code, message } = self.parts();
        let body = match &self {
            Self::Taken { message, url } => json!({ "error": message, "url": url }),
            Self::TitleTaken { slug } => json!({ "error": message, "slug": slug }),
            _ => json!({ "error": message }),
        };
        let mut response = (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(X_ERROR_MESSAGE, message_header(message));
        if let Some(code) = code {
            headers.insert(X_ERROR_CODE, HeaderValue::from_static(code));
        }
        match self {
            Self::Failed(error) => {
                if let Some(commit) = error.commit() {
                    headers.insert(X_REPO_COMMIT, message_header(&commit.to_string()));
                }
                let soon = (error.kind() == ErrorKind::Unavailable).then_some(1);
                if let Some(seconds) = error.retry_seconds().or(soon) {
                    headers.insert(RETRY_AFTER, seconds.into());
                }
                response.extensions_mut().insert(Failure(error));
            }
            Self::Moved { location } => match HeaderValue::try_from(location) {
                Ok(location) => {
                    headers.insert(LOCATION, location);
                }
                // The request line was a valid URI, so its parts are too; without a location clients would loop.
                Err(_) => *response.status_mut() = StatusCode::NOT_FOUND,
            },
            Self::Taken { .. } | Self::TitleTaken { .. } => {}
        }
        response
    }
}

/// Finishes failed responses: a caller without credentials is told 401 where a known one learns 404 or 403, as the
/// Hub does, and causes of internal errors are logged once, inside the span that carries the request id.
pub(crate) async fn settle(request: Request, next: Next) -> Response {
    let anonymous = !request.headers().contains_key(AUTHORIZATION);
    let lfs = lfs::speaks_lfs(request.uri().path());
    let git = git::speaks_git(request.uri().path());
    let mut response = next.run(request).await;
    if let Some(Failure(error)) = response.extensions_mut().remove::<Failure>() {
        if anonymous && matches!(error.kind(), ErrorKind::RepoNotFound | ErrorKind::Gated) {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        }
        if lfs {
            lfs::reshape(&mut response, &error);
        }
        if git {
            git::reshape(&mut response, &error);
        }
        log(&error);
    }
    response
}

/// Logs a failure that an operator has to know of, with its causes.
pub(crate) fn log(error: &Error) {
    if matches!(error.kind(), ErrorKind::Internal | ErrorKind::StorageFull) {
        tracing::error!(causes = causes(error), "request failed: {error}");
    }
}

/// Joins an error's chain of sources, outermost first.
fn causes(error: &Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(source) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// Makes a header value of any text: what headers cannot carry becomes `?`.
fn message_header(message: &str) -> HeaderValue {
    let shown: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .map(|c| if c.is_ascii() { c } else { '?' })
        .take(MAX_MESSAGE_HEADER_BYTES)
        .collect();
    HeaderValue::try_from(shown).expect("printable ASCII is a header value")
}

#[cfg(test)]
mod tests;
