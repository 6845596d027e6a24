//! `/device`, also `/oauth/device`: approving the code that a device shows (RFC 8628 §3.3).

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_hub::ErrorKind;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::Web;
use crate::error::PageResult;
use crate::form::{Form, Query};
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// Longest code that is looked at.
const MAX_CODE_BYTES: usize = 32;

#[derive(Template)]
#[template(path = "device.html")]
struct Device {
    layout: Layout,
    code: String,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct Done {
    layout: Layout,
    approved: bool,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    user_code: Option<String>,
}

/// The form.
#[derive(Deserialize)]
pub(crate) struct Decision {
    token: String,
    user_code: String,
    decision: String,
}

/// Shows the form to a signed-in user; others sign in first.
pub(crate) async fn show(session: Session, Query(wanted): Query<Wanted>) -> Response {
    let code = wanted.user_code.map(|code| tidy(&code)).unwrap_or_default();
    if session.anonymous() {
        return sign_in_first(&code);
    }
    form(&session, StatusCode::OK, code, None)
}

/// Approves or refuses.
pub(crate) async fn decide(
    State(web): State<Web>,
    session: Session,
    Form(sent): Form<Decision>,
) -> PageResult {
    let code = tidy(&sent.user_code);
    if session.anonymous() {
        return Ok(sign_in_first(&code));
    }
    session.check_form(&sent.token)?;
    let approved = sent.decision == "approve";
    match web.hub.device_decide(&session.caller, &code, approved).await {
        Ok(()) => {
            let page = Done { layout: Layout::new("Device", &session), approved };
            Ok(render(StatusCode::OK, CachePolicy::Never, &page))
        }
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Conflict) =>
        {
            let problem = "This code is unknown, used or too old. Check what the device shows.".to_owned();
            Ok(form(&session, StatusCode::NOT_FOUND, code, Some(problem)))
        }
        Err(error) => Err(error.into()),
    }
}

fn form(session: &Session, status: StatusCode, code: String, problem: Option<String>) -> Response {
    let page = Device { layout: Layout::new("Connect a device", session), code, problem };
    render(status, CachePolicy::Never, &page)
}

fn sign_in_first(code: &str) -> Response {
    let next = format!("/device?user_code={code}");
    let next = utf8_percent_encode(&next, NON_ALPHANUMERIC);
    Redirect::to(&format!("/login?next={next}")).into_response()
}

/// Returns a code as the hub writes it: people type it in lower case, with spaces or without the dash.
fn tidy(typed: &str) -> String {
    let letters: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .take(MAX_CODE_BYTES)
        .collect();
    match letters.len() {
        8 => format!("{}-{}", &letters[..4], &letters[4..]),
        _ => letters,
    }
}

#[cfg(test)]
mod tests;
