//! `/login` and `/logout`: a browser session by password.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use lyceum_hub::ErrorKind;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::Web;
use crate::error::PageResult;
use crate::form::{Form, Query};
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::{Session, no_session_cookie, session_cookie};

/// Longest name and password that are looked at.
const MAX_FIELD_BYTES: usize = 1024;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    layout: Layout,
    token: String,
    next: String,
    name: String,
    problem: Option<&'static str>,
    providers: Vec<Button>,
}

/// A way to a provider of identities.
struct Button {
    label: String,
    link: String,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    next: Option<String>,
}

/// The sign-in form.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    token: String,
    name: String,
    password: String,
    next: Option<String>,
}

/// The sign-out form.
#[derive(Deserialize)]
pub(crate) struct SignOut {
    token: String,
}

/// Shows the form.
pub(crate) async fn show(State(web): State<Web>, session: Session, Query(wanted): Query<Wanted>) -> Response {
    let next = local(wanted.next.as_deref());
    if !session.anonymous() {
        return Redirect::to(&next).into_response();
    }
    form(&web, &session, StatusCode::OK, next, String::new(), None)
}

/// Checks the password and starts a session.
pub(crate) async fn submit(State(web): State<Web>, session: Session, Form(sent): Form<SignIn>) -> PageResult {
    let next = local(sent.next.as_deref());
    let refuse = |status, name, problem| Ok(form(&web, &session, status, next.clone(), name, Some(problem)));
    if !session.sign_in_form_valid(&sent.token) {
        return refuse(StatusCode::FORBIDDEN, sent.name, "The form was out of date. Please try again.");
    }
    if sent.name.len() > MAX_FIELD_BYTES || sent.password.len() > MAX_FIELD_BYTES {
        return refuse(StatusCode::BAD_REQUEST, String::new(), "Name or password is too long.");
    }
    match web.hub.sign_in(&sent.name, &sent.password, session.address).await {
        Ok(secret) => {
            let mut response = Redirect::to(&next).into_response();
            response.headers_mut().append(SET_COOKIE, session_cookie(&web, &secret));
            Ok(response)
        }
        Err(error) if matches!(error.kind(), ErrorKind::InvalidCredentials | ErrorKind::Invalid) => {
            refuse(StatusCode::UNAUTHORIZED, sent.name, "Name or password is wrong.")
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends the session.
pub(crate) async fn sign_out(
    State(web): State<Web>,
    session: Session,
    Form(sent): Form<SignOut>,
) -> PageResult {
    session.check_form(&sent.token)?;
    if let Some(secret) = &session.secret {
        web.hub.sign_out(secret).await?;
    }
    let mut response = Redirect::to("/").into_response();
    response.headers_mut().append(SET_COOKIE, no_session_cookie(&web));
    Ok(response)
}

fn form(
    web: &Web,
    session: &Session,
    status: StatusCode,
    next: String,
    name: String,
    problem: Option<&'static str>,
) -> Response {
    let (token, cookie) = session.sign_in_form(web);
    let after = utf8_percent_encode(&next, NON_ALPHANUMERIC);
    let button = |(name, label): (&str, &str)| Button {
        label: label.to_owned(),
        link: format!("/login/oidc/{name}?next={after}"),
    };
    let providers = web.hub.oidc_providers().into_iter().map(button).collect();
    let page = Login { layout: Layout::new("Sign in", session), token, next, name, problem, providers };
    let mut response = render(status, CachePolicy::Never, &page);
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Returns where to go after signing in: an address of this hub, else the front page.
pub(crate) fn local(next: Option<&str>) -> String {
    let next = next.unwrap_or("/");
    // `//host` and `/\host` lead browsers elsewhere.
    let inside =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t', '\0']);
    let visible = next.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if inside && visible && next.len() <= MAX_FIELD_BYTES { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests;
