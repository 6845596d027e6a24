//! `/{repo}/settings`: who sees a repo, its gate, its name, and its end.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use lyceum_core::{RepoId, RepoKind};
use lyceum_hub::{Action, ErrorKind, Gated, RepoChange, Visibility};
use serde::Deserialize;

use crate::Web;
use crate::error::PageError;
use crate::form::Form;
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::page::community::unknown_button;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

mod requests;

/// Returns the pages under `repo`, the template of a repo's address.
pub(crate) fn routes(repo: &str) -> Router<Web> {
    Router::new()
        .route(&format!("{repo}/settings"), get(show).post(submit))
        .route(&format!("{repo}/settings/access"), get(requests::show).post(requests::submit))
}

/// A value to choose, with what it means.
struct Choice {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "manage/repo.html")]
struct SettingsPage {
    layout: Layout,
    head: RepoHead,
    visibilities: Vec<Choice>,
    gates: Vec<Choice>,
    gated: bool,
    /// The id that was typed to move to, or that it has.
    to: String,
    problem: Option<String>,
}

/// The forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sent {
    token: String,
    /// Which of the buttons was used.
    #[serde(rename = "do")]
    button: String,
    visibility: String,
    gate: String,
    to: String,
    /// The name, typed once more to delete.
    name: String,
}

/// What happened.
enum Done {
    Changed,
    Moved(RepoId),
    Deleted,
}

/// Shows the settings.
async fn show(visit: Visit) -> Result<Response, Detour> {
    page(&visit, StatusCode::OK, None, None).await
}

/// Changes one of them.
async fn submit(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    match act(&visit, &sent).await {
        Ok(Done::Changed) => {
            let head = visit.head(&visit.open(Action::Administer).await?, "settings");
            Ok(Redirect::to(&format!("{}/settings", head.link.path())).into_response())
        }
        Ok(Done::Moved(id)) => {
            let link = RepoLink { kind: visit.address.repo.kind, id };
            Ok(Redirect::to(&link.path()).into_response())
        }
        Ok(Done::Deleted) => {
            let list = format!("/{}", visit.address.repo.id.namespace());
            Ok(Redirect::to(&list).into_response())
        }
        Err(error) => {
            let (status, problem) = visit.mend(error, "")?;
            page(&visit, status, Some(sent.to), Some(problem)).await
        }
    }
}

async fn act(visit: &Visit, sent: &Sent) -> Result<Done, Detour> {
    let repo = visit.open_form(&sent.token, Action::Administer).await?;
    let (hub, caller) = (&visit.web.hub, &visit.session.caller);
    let invalid = |message: String| PageError::new(ErrorKind::Invalid, message);
    match sent.button.as_str() {
        "visibility" => {
            let visibility = Visibility::parse(&sent.visibility)
                .ok_or_else(|| invalid("choose who sees the repository".to_owned()))?;
            let change = RepoChange { visibility: Some(visibility), ..RepoChange::default() };
            hub.change_repo(caller, &repo, change).await?;
            Ok(Done::Changed)
        }
        "gate" => {
            let gated = Gated::parse(&sent.gate)
                .ok_or_else(|| invalid("choose how people get the content".to_owned()))?;
            let change = RepoChange { gated: Some(gated), ..RepoChange::default() };
            hub.change_repo(caller, &repo, change).await?;
            Ok(Done::Changed)
        }
        "move" => {
            let to = RepoId::parse(sent.to.trim()).map_err(|error| invalid(error.to_string()))?;
            if to == *repo.id() {
                return Err(invalid(format!("it is called `{to}` already")).into());
            }
            hub.move_repo(caller, &repo, &to).await?;
            Ok(Done::Moved(to))
        }
        "delete" => {
            let name = repo.id().to_string();
            if sent.name.trim() != name {
                return Err(invalid(format!("type `{name}` to delete it; nothing was deleted")).into());
            }
            hub.delete_repo(caller, &repo).await?;
            Ok(Done::Deleted)
        }
        _ => Err(unknown_button().into()),
    }
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    to: Option<String>,
    problem: Option<String>,
) -> Result<Response, Detour> {
    let repo = visit.open(Action::Administer).await?;
    let info = visit.web.hub.repo_info(&repo, None, false).await?;
    let head = visit.head(&repo, "settings");
    let choice = |value, label, chosen| Choice { value, label, chosen };
    let seen =
        |visibility: Visibility, label| choice(visibility.as_str(), label, info.visibility == visibility);
    let mut visibilities = vec![
        seen(Visibility::Public, "Public: everybody sees it"),
        seen(Visibility::Private, "Private: only its owner and the members of its organisation see it"),
    ];
    if repo.kind() == RepoKind::Space {
        visibilities
            .push(seen(Visibility::Protected, "Protected: everybody knows of it, its members see the files"));
    }
    let gate = |gated: Gated, label| choice(gated.as_str(), label, info.gated == gated);
    let page = SettingsPage {
        layout: Layout::new(format!("Settings of {}", head.link.id), &visit.session),
        visibilities,
        gates: vec![
            gate(Gated::No, "Open: who sees it reads it"),
            gate(Gated::Auto, "Automatic: who fills in the form reads it at once"),
            gate(Gated::Manual, "Manual: each request is answered"),
        ],
        gated: info.gated != Gated::No,
        to: to.filter(|to| !to.is_empty()).unwrap_or_else(|| head.link.id.to_string()),
        problem,
        head,
    };
    Ok(render(status, CachePolicy::Revalidate, &page))
}
