//! `/settings/…`: what users see and change of their own accounts.

pub(crate) mod password;
pub(crate) mod profile;
pub(crate) mod sessions;
pub(crate) mod tokens;

use axum::response::Redirect;
use lyceum_core::AccountName;
use lyceum_hub::ErrorKind;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{PageError, sentence};
use crate::session::Session;

/// Leads to the first of the pages.
pub(crate) async fn show() -> Redirect {
    Redirect::to("/settings/profile")
}

/// Returns who is signed in; others sign in first and come back.
fn owner(session: &Session, path: &str) -> Result<AccountName, Redirect> {
    match session.caller.identity() {
        Some(identity) => Ok(identity.name.clone()),
        None => {
            let next = utf8_percent_encode(path, NON_ALPHANUMERIC);
            Err(Redirect::to(&format!("/login?next={next}")))
        }
    }
}

/// Returns what a form tells of an error that its sender can mend; others are pages of their own.
fn problem(error: lyceum_hub::Error) -> Result<String, PageError> {
    match error.kind() {
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::TooManyRequests => {
            Ok(sentence(error.message()))
        }
        _ => Err(error.into()),
    }
}
