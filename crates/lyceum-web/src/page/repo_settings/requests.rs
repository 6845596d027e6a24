//! `/{repo}/settings/access`: who asked to pass the gate, and the answers.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_core::AccountName;
use lyceum_hub::{AccessAnswer, AccessRequest, Action, ErrorKind, RequestState, RequestTarget};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use crate::error::PageError;
use crate::form::{Form, Query};
use crate::format;
use crate::layout::Layout;
use crate::page::community::unknown_button;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// Requests on a page.
const PAGE: usize = 50;

struct Row {
    user: String,
    full_name: String,
    email: Option<String>,
    asked: String,
    reason: Option<String>,
    ends: Option<String>,
    fields: Vec<(String, String)>,
}

struct Tab {
    name: &'static str,
    path: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "manage/requests.html")]
struct RequestsPage {
    layout: Layout,
    head: RepoHead,
    tabs: Vec<Tab>,
    state: RequestState,
    rows: Vec<Row>,
    next: Option<String>,
    /// What was typed.
    sent: Sent,
    problem: Option<String>,
}

/// What the address may say.
#[derive(Deserialize)]
pub(super) struct Wanted {
    status: Option<String>,
    after: Option<String>,
}

/// The forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    token: String,
    /// Which of the buttons was used.
    #[serde(rename = "do")]
    button: String,
    user: String,
    reason: String,
    /// Which list the form stood in.
    status: String,
}

/// Lists requests.
pub(super) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let state = state_of(wanted.status.as_deref().unwrap_or_default());
    page(&visit, StatusCode::OK, state, wanted.after, Sent::default(), None).await
}

/// Answers one.
pub(super) async fn submit(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    let state = state_of(&sent.status);
    match act(&visit, &sent).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => {
            let (status, problem) = visit.mend(error, &sent.reason)?;
            page(&visit, status, state, None, sent, Some(problem)).await
        }
    }
}

async fn act(visit: &Visit, sent: &Sent) -> Result<String, Detour> {
    let repo = visit.open_form(&sent.token, Action::AnswerRequests).await?;
    let (hub, caller) = (&visit.web.hub, &visit.session.caller);
    let invalid = |message: String| PageError::new(ErrorKind::Invalid, message);
    let user = AccountName::parse(sent.user.trim()).map_err(|error| invalid(error.to_string()))?;
    let reason = Some(sent.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let answer = |state| AccessAnswer {
        state,
        reason: reason.clone().filter(|_| state == RequestState::Rejected),
        expires_at: None,
    };
    let answered = match sent.button.as_str() {
        "grant" => hub.grant_access(caller, &repo, &user, None).await,
        button => {
            let state = match button {
                "accept" => RequestState::Accepted,
                // Taking access back is a rejection of what was asked.
                "reject" | "revoke" => RequestState::Rejected,
                "reopen" => RequestState::Pending,
                _ => return Err(unknown_button().into()),
            };
            hub.answer_access(caller, &repo, &RequestTarget::User(user), answer(state)).await
        }
    };
    // A name that was typed is not an address.
    answered.map_err(|error| match error.kind() {
        ErrorKind::NotFound => invalid(error.message().to_owned()),
        _ => error.into(),
    })?;
    let base = visit.head(&repo, "settings").link.path();
    Ok(format!("{base}/settings/access?status={}", state_of(&sent.status)))
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    state: RequestState,
    after: Option<String>,
    sent: Sent,
    problem: Option<String>,
) -> Result<Response, Detour> {
    let repo = visit.open(Action::AnswerRequests).await?;
    let found = visit.web.hub.access_requests(&repo, state, after.as_deref(), PAGE).await?;
    let head = visit.head(&repo, "settings");
    let base = format!("{}/settings/access", head.link.path());
    let tab = |name, of: RequestState| Tab { name, path: format!("{base}?status={of}"), chosen: of == state };
    let page = RequestsPage {
        layout: Layout::new(format!("Requests for {}", head.link.id), &visit.session),
        tabs: vec![
            tab("Pending", RequestState::Pending),
            tab("Accepted", RequestState::Accepted),
            tab("Rejected", RequestState::Rejected),
        ],
        state,
        rows: found.requests.into_iter().map(Row::from).collect(),
        next: found.next.map(|next| {
            format!("{base}?status={state}&after={}", utf8_percent_encode(&next, NON_ALPHANUMERIC))
        }),
        sent,
        problem,
        head,
    };
    Ok(render(status, CachePolicy::Revalidate, &page))
}

impl From<AccessRequest> for Row {
    fn from(request: AccessRequest) -> Self {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Self {
            user: request.user.to_string(),
            full_name: request.full_name,
            email: request.email,
            asked: format::time(request.created_at),
            reason: request.reason,
            ends: request.expires_at.map(format::time),
            fields: request.fields.into_iter().map(|(name, value)| (name, text(value))).collect(),
        }
    }
}

fn state_of(word: &str) -> RequestState {
    match word {
        "accepted" => RequestState::Accepted,
        "rejected" => RequestState::Rejected,
        _ => RequestState::Pending,
    }
}
