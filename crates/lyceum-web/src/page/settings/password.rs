//! `/settings/password`: another password, by who knows the old one.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use lyceum_hub::ErrorKind;
use serde::Deserialize;

use super::{owner, problem};
use crate::Web;
use crate::error::PageResult;
use crate::form::Form;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::{Session, session_cookie};

const PATH: &str = "/settings/password";

#[derive(Template)]
#[template(path = "settings_password.html")]
struct Password {
    layout: Layout,
    name: String,
    problem: Option<String>,
    done: bool,
}

/// The form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    token: String,
    old: String,
    new: String,
    again: String,
}

/// Shows the form.
pub(crate) async fn show(session: Session) -> PageResult {
    if let Err(elsewhere) = owner(&session, PATH) {
        return Ok(elsewhere.into_response());
    }
    Ok(page(&session, None, false))
}

/// Changes the password; this browser goes on in a new session, all others sign in anew.
pub(crate) async fn change(State(web): State<Web>, session: Session, Form(sent): Form<Sent>) -> PageResult {
    session.check_form(&sent.token)?;
    if sent.new != sent.again {
        return Ok(page(&session, Some("The new passwords are not the same.".to_owned()), false));
    }
    match web.hub.change_password(&session.caller, &sent.old, &sent.new, session.address).await {
        Ok(secret) => {
            // The forms of the page belong to the session that begins with it.
            let renewed = session.renewed(&secret);
            let mut response = page(&renewed, None, true);
            response.headers_mut().append(SET_COOKIE, session_cookie(&web, &secret));
            Ok(response)
        }
        Err(error) if error.kind() == ErrorKind::InvalidCredentials => {
            Ok(page(&session, Some("The old password is wrong.".to_owned()), false))
        }
        Err(error) => Ok(page(&session, Some(problem(error)?), false)),
    }
}

fn page(session: &Session, problem: Option<String>, done: bool) -> Response {
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let name = session.caller.identity().map(|identity| identity.name.to_string()).unwrap_or_default();
    let page = Password { layout: Layout::new("Password", session), name, problem, done };
    render(status, CachePolicy::Never, &page)
}
