//! What people do in discussions and pull requests: open them, talk, correct, close and merge.

use axum::Router;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use lyceum_hub::{Action, DiscussionView};
use serde::Deserialize;

use crate::Web;
use crate::error::PageError;
use crate::form::Form;
use crate::page::discussion::{self, Draft, PAGE};
use crate::page::discussions;
use crate::prose::Prose;
use crate::visit::{Detour, Visit};

mod comment;
mod open;

/// Returns the pages under `repo`, the template of a repo's address.
pub(crate) fn routes(repo: &str) -> Router<Web> {
    let base = format!("{repo}/discussions");
    Router::new()
        .route(&base, get(discussions::show))
        .route(&format!("{base}/new"), get(open::show).post(open::submit))
        .route(&format!("{base}/{{number}}"), get(discussion::show).post(submit))
        .route(&format!("{base}/{{number}}/comments/{{event}}"), get(comment::show).post(comment::submit))
}

/// The forms below a discussion.
#[derive(Deserialize)]
pub(crate) struct Sent {
    token: String,
    /// Which of the buttons was used.
    r#do: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    title: String,
}

/// Does what one of the forms below a discussion asks.
async fn submit(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    let mut draft = Draft { text: tidy(&sent.text), title: Some(sent.title.clone()), ..Draft::default() };
    if sent.r#do == "preview" {
        draft.preview = Some(preview(&visit, &sent.token, &draft.text).await?);
        return discussion::page(&visit, 0, StatusCode::OK, draft).await;
    }
    match act(&visit, &sent, &draft.text).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => {
            let (status, problem) = visit.mend(error, &draft.text)?;
            draft.problem = Some(problem);
            discussion::page(&visit, 0, status, draft).await
        }
    }
}

/// Does it, and returns where it is seen.
async fn act(visit: &Visit, sent: &Sent, text: &str) -> Result<String, Detour> {
    let number = visit.number()?;
    let action = if sent.r#do == "merge" { Action::Write } else { Action::Propose };
    let repo = visit.open_form(&sent.token, action).await?;
    let (hub, caller) = (&visit.web.hub, &visit.session.caller);
    let word = Some(text).filter(|text| !text.trim().is_empty());
    let event = match sent.r#do.as_str() {
        "comment" => hub.comment(caller, &repo, number, text).await?,
        "close" => hub.set_discussion_open(caller, &repo, number, false, word).await?,
        "reopen" => hub.set_discussion_open(caller, &repo, number, true, word).await?,
        "rename" => hub.rename_discussion(caller, &repo, number, &sent.title).await?,
        "merge" => hub.merge_pull_request(caller, &repo, number, word).await?,
        _ => return Err(unknown_button().into()),
    };
    // What is new stands on the last page.
    let view = DiscussionView { limit: Some(0), ..DiscussionView::default() };
    let count = hub.discussion(caller, &repo, number, &view).await?.event_count;
    let page = count.saturating_sub(1) / u64::from(PAGE);
    let query = if page > 0 { format!("?p={page}") } else { String::new() };
    let base = visit.head(&repo, "discussions").link.path();
    Ok(format!("{base}/discussions/{number}{query}#{}", event.id))
}

/// Renders what a form holds, for who could send it.
async fn preview(visit: &Visit, token: &str, text: &str) -> Result<Prose, Detour> {
    let shown = async {
        let repo = visit.open_form(token, Action::Propose).await?;
        let place = visit.place(&visit.head(&repo, "discussions").link, "main", "");
        Ok::<_, Detour>(Prose::render(text.to_owned(), &place).await?)
    };
    shown.await.map_err(|error| match error {
        Detour::Failed(error) => error.seen_by(visit.session.anonymous()).keeping(text).into(),
        moved => moved,
    })
}

/// Browsers end lines as mails do.
pub(crate) fn tidy(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Returns the error of a form that was not made here.
pub(crate) fn unknown_button() -> PageError {
    PageError::new(lyceum_hub::ErrorKind::Invalid, "the form does not say what to do; use one of its buttons")
}
