//! `/{repo}/discussions/{number}/comments/{event}`: one comment with its former versions, to be corrected or hidden.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_hub::{Action, Comment, DiscussionEvent, ErrorKind, EventData};
use serde::Deserialize;

use super::{preview, tidy, unknown_button};
use crate::error::PageError;
use crate::form::Form;
use crate::format;
use crate::layout::Layout;
use crate::prose::Prose;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

struct Version {
    author: String,
    date: String,
    prose: Prose,
}

#[derive(Template)]
#[template(path = "community/comment.html")]
struct CommentPage {
    layout: Layout,
    head: RepoHead,
    number: i64,
    id: String,
    author: String,
    hidden: bool,
    mine: bool,
    /// How it reads and read, the newest first.
    versions: Vec<Version>,
    draft: String,
    preview: Option<Prose>,
    problem: Option<String>,
}

/// The part of the address that names the comment.
#[derive(Deserialize)]
pub(super) struct Named {
    event: String,
}

/// The forms.
#[derive(Deserialize)]
pub(super) struct Sent {
    token: String,
    r#do: String,
    #[serde(default)]
    text: String,
    sure: Option<String>,
}

/// Shows the comment.
pub(super) async fn show(visit: Visit, Path(named): Path<Named>) -> Result<Response, Detour> {
    page(&visit, &named.event, StatusCode::OK, None, None, None).await
}

/// Corrects or hides it.
pub(super) async fn submit(
    visit: Visit,
    Path(named): Path<Named>,
    Form(sent): Form<Sent>,
) -> Result<Response, Detour> {
    let text = tidy(&sent.text);
    if sent.r#do == "preview" {
        let shown = preview(&visit, &sent.token, &text).await?;
        return page(&visit, &named.event, StatusCode::OK, Some(text), Some(shown), None).await;
    }
    match act(&visit, &named.event, &sent, &text).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => {
            let (status, problem) = visit.mend(error, &text)?;
            let draft = Some(text).filter(|_| sent.r#do == "save");
            page(&visit, &named.event, status, draft, None, Some(problem)).await
        }
    }
}

async fn act(visit: &Visit, event: &str, sent: &Sent, text: &str) -> Result<String, Detour> {
    let number = visit.number()?;
    let repo = visit.open_form(&sent.token, Action::Propose).await?;
    let (hub, caller) = (&visit.web.hub, &visit.session.caller);
    match sent.r#do.as_str() {
        "save" => hub.edit_comment(caller, &repo, number, event, text).await?,
        "hide" if sent.sure.is_none() => {
            let message = "tick the box to hide the comment: it cannot be shown again";
            return Err(PageError::new(ErrorKind::Invalid, message).into());
        }
        "hide" => hub.hide_comment(caller, &repo, number, event).await?,
        _ => return Err(unknown_button().into()),
    };
    let base = visit.head(&repo, "discussions").link.path();
    Ok(format!("{base}/discussions/{number}/comments/{event}"))
}

async fn page(
    visit: &Visit,
    event: &str,
    status: StatusCode,
    draft: Option<String>,
    preview: Option<Prose>,
    problem: Option<String>,
) -> Result<Response, Detour> {
    let number = visit.number()?;
    let repo = visit.open(Action::Discover).await?;
    let DiscussionEvent { id, author, created_at, data } =
        visit.web.hub.discussion_event(&repo, number, event).await?;
    let EventData::Comment(Comment { latest, hidden, history, .. }) = data else {
        return Err(PageError::not_found().into());
    };
    let head = visit.head(&repo, "discussions");
    let place = visit.place(&head.link, "main", "");
    let draft = draft.unwrap_or_else(|| latest.text.clone());
    let mut versions = Vec::new();
    if !hidden {
        for version in std::iter::once(latest).chain(history.into_iter().rev()) {
            versions.push(Version {
                author: format::author(version.author),
                date: format::time(version.at),
                prose: Prose::render(version.text, &place).await?,
            });
        }
    }
    let page = CommentPage {
        layout: Layout::new(format!("Comment in {}", head.link.id), &visit.session),
        number,
        id,
        mine: author.is_some() && author == visit.user_name(),
        author: format!("{} on {}", format::author(author), format::time(created_at)),
        hidden,
        versions,
        draft,
        preview,
        problem,
        head,
    };
    Ok(render(status, CachePolicy::Revalidate, &page))
}
