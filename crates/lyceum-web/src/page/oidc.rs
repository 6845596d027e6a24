//! `/login/oidc/…`: a browser session by way of a provider of identities.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use lyceum_hub::{Error, ErrorKind, OidcReturn};
use serde::Deserialize;

use crate::Web;
use crate::error::{PageError, PageResult, rendering, sentence};
use crate::form::Query;
use crate::layout::Layout;
use crate::page::login::local;
use crate::response::{CachePolicy, render};
use crate::session::{Session, session_cookie};

#[derive(Template)]
#[template(path = "oidc.html")]
struct Failed {
    layout: Layout,
    message: String,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    next: Option<String>,
}

/// What a provider sends a browser back with.
#[derive(Deserialize)]
pub(crate) struct Returned {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Sends the browser to the provider.
pub(crate) async fn start(
    State(web): State<Web>,
    session: Session,
    Path(provider): Path<String>,
    Query(wanted): Query<Wanted>,
) -> PageResult {
    let next = local(wanted.next.as_deref());
    if !session.anonymous() {
        return Ok(Redirect::to(&next).into_response());
    }
    let (secret, cookie) = session.provider_secret(&web);
    match web.hub.oidc_start(&provider, &secret, &next).await {
        Ok(location) => Ok(leave(&location, cookie)),
        Err(error) => failed(&session, error),
    }
}

/// Takes the browser that comes back.
pub(crate) async fn finish(
    State(web): State<Web>,
    session: Session,
    Path(provider): Path<String>,
    Query(returned): Query<Returned>,
) -> PageResult {
    let Returned { state, code, error, iss } = returned;
    let returned = OidcReturn { state: state.unwrap_or_default(), code, error, issuer: iss };
    let secret = session.provider_cookie.as_deref().unwrap_or_default();
    match web.hub.oidc_finish(&provider, secret, returned).await {
        // What the state said was signed, so that it leads where this hub wanted; it is looked at again all the same.
        Ok(entered) => Ok(leave(&local(Some(&entered.next)), session_cookie(&web, &entered.secret))),
        Err(error) => failed(&session, error),
    }
}

fn leave(location: &str, cookie: HeaderValue) -> Response {
    let mut response = Redirect::to(location).into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Tells why nobody was let in, and where to try again.
fn failed(session: &Session, error: Error) -> PageResult {
    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Internal) {
        return Err(PageError::from(error).seen_by(session.anonymous()));
    }
    let (status, _) = rendering(error.kind());
    let page = Failed { layout: Layout::new("Sign in", session), message: sentence(error.message()) };
    Ok(render(status, CachePolicy::Never, &page))
}
