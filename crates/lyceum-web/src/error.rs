//! Failures as pages: what went wrong, and where to go from there.

use askama::Template;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use lyceum_hub::{Error, ErrorKind};

use crate::Web;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// Result of a handler.
pub(crate) type PageResult = Result<Response, PageError>;

/// A failure on its way to a page.
#[derive(Debug)]
pub(crate) struct PageError {
    error: Error,
    /// The caller might see more if he signed in.
    anonymous: bool,
    /// What he typed into the form that failed, so that it is not lost.
    typed: String,
}

impl PageError {
    /// Returns an error with a kind of the hub.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error::new(kind, message).into()
    }

    /// Returns the error of an address that leads nowhere.
    pub(crate) fn not_found() -> Self {
        Self::new(ErrorKind::NotFound, "nothing is here")
    }

    /// Keeps what the caller typed, so that he can copy it from the page.
    pub(crate) fn keeping(mut self, typed: &str) -> Self {
        typed.clone_into(&mut self.typed);
        self
    }

    /// Returns how a form that failed is shown again, if its sender can do anything about it: status and problem.
    pub(crate) fn problem(&self) -> Option<(StatusCode, String)> {
        let kind = self.error.kind();
        let mendable = matches!(
            kind,
            ErrorKind::Forbidden
                | ErrorKind::AlreadyExists
                | ErrorKind::Conflict
                | ErrorKind::Stale
                | ErrorKind::Invalid
                | ErrorKind::Unprocessable
                | ErrorKind::TooLarge
                | ErrorKind::StorageFull
                | ErrorKind::TooManyRequests
                | ErrorKind::Unavailable
        );
        mendable.then(|| (rendering(kind).0, sentence(self.error.message())))
    }

    /// Returns what went wrong.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Notes whether the caller is signed in.
    pub(crate) fn seen_by(mut self, anonymous: bool) -> Self {
        self.anonymous = anonymous;
        self
    }
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self { error, anonymous: true, typed: String::new() }
    }
}

impl From<lyceum_core::Invalid> for PageError {
    /// A name that cannot exist is simply not there.
    fn from(_: lyceum_core::Invalid) -> Self {
        Self::not_found()
    }
}

/// What a page of an error tells.
#[derive(Debug, Clone)]
struct Told {
    status: StatusCode,
    title: &'static str,
    message: String,
    offer_sign_in: bool,
    /// What was typed into the form that failed.
    typed: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    told: Told,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, title) = rendering(self.error.kind());
        let message = match self.error.kind() {
            ErrorKind::Internal => {
                tracing::error!(error = &self.error as &dyn std::error::Error, "a page failed");
                "Something broke on the server. The log says more.".to_owned()
            }
            // Missing and hidden repos must read the same.
            ErrorKind::RepoNotFound | ErrorKind::NotFound => {
                "There is nothing at this address, or it is not visible to you.".to_owned()
            }
            _ => sentence(self.error.message()),
        };
        let hidden = matches!(
            self.error.kind(),
            ErrorKind::RepoNotFound
                | ErrorKind::NotFound
                | ErrorKind::Unauthenticated
                | ErrorKind::Forbidden
                | ErrorKind::Gated
        );
        let told =
            Told { status, title, message, offer_sign_in: hidden && self.anonymous, typed: self.typed };
        let page = ErrorPage { layout: Layout::anonymous(title), told };
        let mut response = render(status, CachePolicy::Never, &page);
        response.extensions_mut().insert(page.told);
        if let Some(seconds) = self.error.retry_seconds() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Shows who asked his own name and colours on pages of errors too: what makes an error does not know them.
pub(crate) async fn frame(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut asked = parts.clone();
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let Some(told) = response.extensions_mut().remove::<Told>() else {
        return response;
    };
    let Ok(session) = Session::from_request_parts(&mut asked, &web).await else {
        return response;
    };
    let page = ErrorPage { layout: Layout::new(told.title, &session), told };
    let mut framed = render(page.told.status, CachePolicy::Never, &page);
    if let Some(wait) = response.headers_mut().remove(RETRY_AFTER) {
        framed.headers_mut().insert(RETRY_AFTER, wait);
    }
    framed
}

/// Returns status and title of a kind.
pub(crate) fn rendering(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::RepoNotFound
        | ErrorKind::RevisionNotFound
        | ErrorKind::EntryNotFound
        | ErrorKind::NotFound => (StatusCode::NOT_FOUND, "Not found"),
        ErrorKind::Unauthenticated | ErrorKind::InvalidCredentials => {
            (StatusCode::UNAUTHORIZED, "Sign in first")
        }
        ErrorKind::Forbidden | ErrorKind::Gated | ErrorKind::Disabled => {
            (StatusCode::FORBIDDEN, "Not allowed")
        }
        ErrorKind::AlreadyExists | ErrorKind::Conflict | ErrorKind::Stale => {
            (StatusCode::CONFLICT, "Something changed in between")
        }
        ErrorKind::Invalid | ErrorKind::Unprocessable | ErrorKind::RangeNotSatisfiable => {
            (StatusCode::BAD_REQUEST, "That request makes no sense")
        }
        ErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
        ErrorKind::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "The storage is full"),
        ErrorKind::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Not available now"),
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Something broke"),
    }
}

/// Makes a sentence of the lowercase fragment that errors are.
pub(crate) fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let stop = if fragment.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
}

/// Returns the page for an address that nothing answers.
pub fn not_found() -> Response {
    PageError::not_found().into_response()
}
