//! `/settings/profile`: the name for people.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;

use super::{owner, problem};
use crate::Web;
use crate::error::PageResult;
use crate::form::Form;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::Session;

const PATH: &str = "/settings/profile";

#[derive(Template)]
#[template(path = "settings_profile.html")]
struct Profile {
    layout: Layout,
    name: String,
    full_name: String,
    email: Option<String>,
    organisations: Vec<(String, &'static str)>,
    problem: Option<String>,
    done: bool,
}

/// The form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    token: String,
    full_name: String,
}

/// Shows the form.
pub(crate) async fn show(State(web): State<Web>, session: Session) -> PageResult {
    if let Err(elsewhere) = owner(&session, PATH) {
        return Ok(elsewhere.into_response());
    }
    page(&web, &session, None, false).await
}

/// Changes the name.
pub(crate) async fn change(State(web): State<Web>, session: Session, Form(sent): Form<Sent>) -> PageResult {
    session.check_form(&sent.token)?;
    match web.hub.change_full_name(&session.caller, &sent.full_name).await {
        Ok(()) => page(&web, &session, None, true).await,
        Err(error) => page(&web, &session, Some(problem(error)?), false).await,
    }
}

async fn page(
    web: &Web,
    session: &Session,
    problem: Option<String>,
    done: bool,
) -> Result<Response, crate::error::PageError> {
    let who = web.hub.whoami(&session.caller).await?;
    let organisations = who.memberships.into_iter();
    let status = if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = Profile {
        layout: Layout::new("Profile", session),
        name: who.account.name.to_string(),
        full_name: who.account.full_name,
        email: who.account.email,
        organisations: organisations
            .map(|membership| (membership.organisation.name.to_string(), membership.role.as_str()))
            .collect(),
        problem,
        done,
    };
    Ok(render(status, CachePolicy::Never, &page))
}
