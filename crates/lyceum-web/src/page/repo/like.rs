//! `/{repo}/like`: the button that says so.

use axum::response::{IntoResponse as _, Redirect, Response};
use lyceum_hub::{Action, Repo, RepoInfo};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::error::PageError;
use crate::form::Form;
use crate::format;
use crate::visit::{Detour, LikeButton, Visit};

/// The form.
#[derive(Deserialize)]
pub(crate) struct Sent {
    token: String,
    like: bool,
}

/// Returns the button as it stands.
pub(super) async fn button(visit: &Visit, repo: &Repo, info: &RepoInfo) -> Result<LikeButton, PageError> {
    let path = visit.head(repo, "card").link.path();
    let sign_in = visit
        .session
        .anonymous()
        .then(|| format!("/login?next={}", utf8_percent_encode(&path, NON_ALPHANUMERIC)));
    let liked = visit.web.hub.likes(&visit.session.caller, repo).await?;
    Ok(LikeButton { liked, count: format::count(info.likes), sign_in })
}

/// Likes a repo, or no longer.
pub(crate) async fn set(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    visit.session.check_form(&sent.token)?;
    let repo = visit.open(Action::Discover).await?;
    visit.web.hub.set_like(&visit.session.caller, &repo, sent.like).await?;
    Ok(Redirect::to(&visit.head(&repo, "card").link.path()).into_response())
}
