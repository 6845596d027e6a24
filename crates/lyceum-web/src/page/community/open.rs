//! `/{repo}/discussions/new`: opening a discussion, or a pull request to be filled.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_hub::Action;
use serde::Deserialize;

use super::{preview, tidy};
use crate::form::Form;
use crate::layout::Layout;
use crate::prose::Prose;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

#[derive(Template)]
#[template(path = "community/new.html")]
struct NewPage {
    layout: Layout,
    head: RepoHead,
    title: String,
    draft: String,
    pull_request: bool,
    preview: Option<Prose>,
    problem: Option<String>,
}

/// The form.
#[derive(Deserialize)]
pub(super) struct Sent {
    token: String,
    r#do: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    kind: String,
}

/// Shows the form.
pub(super) async fn show(visit: Visit) -> Result<Response, Detour> {
    form(&visit, StatusCode::OK, String::new(), String::new(), false, None, None).await
}

/// Opens it, or shows what it would look like.
pub(super) async fn submit(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    let (text, pull_request) = (tidy(&sent.text), sent.kind == "pull_request");
    if sent.r#do == "preview" {
        let shown = preview(&visit, &sent.token, &text).await?;
        return form(&visit, StatusCode::OK, sent.title, text, pull_request, Some(shown), None).await;
    }
    match open(&visit, &sent, &text, pull_request).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => {
            let (status, problem) = visit.mend(error, &text)?;
            form(&visit, status, sent.title, text, pull_request, None, Some(problem)).await
        }
    }
}

async fn open(visit: &Visit, sent: &Sent, text: &str, pull_request: bool) -> Result<String, Detour> {
    let repo = visit.open_form(&sent.token, Action::Propose).await?;
    let (hub, caller) = (&visit.web.hub, &visit.session.caller);
    let made = hub.create_discussion(caller, &repo, &sent.title, text, pull_request).await?;
    Ok(format!("{}/discussions/{}", visit.head(&repo, "discussions").link.path(), made.number))
}

async fn form(
    visit: &Visit,
    status: StatusCode,
    title: String,
    draft: String,
    pull_request: bool,
    preview: Option<Prose>,
    problem: Option<String>,
) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    visit.session.caller.signed_in()?;
    let head = visit.head(&repo, "discussions");
    let layout = Layout::new(format!("New discussion in {}", head.link.id), &visit.session);
    let page = NewPage { layout, head, title, draft, pull_request, preview, problem };
    Ok(render(status, CachePolicy::Revalidate, &page))
}
