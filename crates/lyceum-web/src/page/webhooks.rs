//! `/settings/webhooks`: the addresses that a user has told of changes, and what they were told.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use lyceum_hub::{
    Delivery, DeliveryState, ErrorKind, Watched, Webhook, WebhookChange, WebhookSecret, parse_watched,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::error::{PageError, PageResult};
use crate::form::{Form, Query};
use crate::layout::Layout;
use crate::page::community::unknown_button;
use crate::response::{CachePolicy, render};
use crate::session::Session;
use crate::{Web, format};

/// Deliveries on a page.
const PAGE: usize = 25;

/// Returns the pages.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .route("/settings/webhooks", get(list).post(create))
        .route("/settings/webhooks/{webhook}", get(show).post(change))
}

struct Row {
    path: String,
    url: String,
    watched: Vec<String>,
    disabled: bool,
}

/// What the form of a webhook holds; a secret that is set is not shown.
#[derive(Debug, Default)]
struct Fields {
    url: String,
    watched: String,
    repo_events: bool,
    discussion_events: bool,
    signed: bool,
}

struct Sending {
    id: i64,
    state: DeliveryState,
    status: String,
    answer: Option<String>,
    attempts: u32,
    took: Option<String>,
    created: String,
    retry: Option<String>,
    payload: String,
}

#[derive(Template)]
#[template(path = "manage/webhooks.html")]
struct ListPage {
    layout: Layout,
    rows: Vec<Row>,
    fields: Fields,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "manage/webhook.html")]
struct WebhookPage {
    layout: Layout,
    action: String,
    disabled: bool,
    fields: Fields,
    deliveries: Vec<Sending>,
    next: Option<String>,
    problem: Option<String>,
}

/// What the address may say.
#[derive(Deserialize)]
struct Wanted {
    after: Option<String>,
}

/// The forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sent {
    token: String,
    /// Which of the buttons was used.
    #[serde(rename = "do")]
    button: String,
    url: String,
    watched: String,
    repo_events: Option<String>,
    discussion_events: Option<String>,
    secret: String,
    unsigned: Option<String>,
    delivery: Option<i64>,
}

async fn list(State(web): State<Web>, session: Session) -> PageResult {
    let fields = Fields { repo_events: true, discussion_events: true, ..Fields::default() };
    list_page(&web, &session, StatusCode::OK, fields, None).await
}

async fn create(State(web): State<Web>, session: Session, Form(sent): Form<Sent>) -> PageResult {
    let made = async {
        session.check_form(&sent.token)?;
        Ok(web.hub.create_webhook(&session.caller, sent.change()?).await?)
    };
    match made.await {
        Ok(webhook) => Ok(Redirect::to(&path_of(webhook.id)).into_response()),
        Err(error) => {
            let (status, problem) = mend(&session, error)?;
            list_page(&web, &session, status, sent.fields(false), Some(problem)).await
        }
    }
}

async fn show(
    State(web): State<Web>,
    session: Session,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> PageResult {
    page(&web, &session, parse(&id)?, StatusCode::OK, wanted.after, None, None).await
}

async fn change(
    State(web): State<Web>,
    session: Session,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> PageResult {
    let id = parse(&id)?;
    match act(&web, &session, id, &sent).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => {
            let (status, problem) = mend(&session, error)?;
            let typed = (sent.button == "save").then_some(sent);
            page(&web, &session, id, status, None, typed, Some(problem)).await
        }
    }
}

async fn act(web: &Web, session: &Session, id: i64, sent: &Sent) -> Result<String, PageError> {
    session.check_form(&sent.token)?;
    let (hub, caller) = (&web.hub, &session.caller);
    match sent.button.as_str() {
        "save" => drop(hub.change_webhook(caller, id, sent.change()?).await?),
        "disable" => drop(hub.set_webhook_disabled(caller, id, true).await?),
        "enable" => drop(hub.set_webhook_disabled(caller, id, false).await?),
        "replay" => drop(hub.replay_delivery(caller, id, sent.delivery.unwrap_or_default()).await?),
        "delete" => {
            hub.delete_webhook(caller, id).await?;
            return Ok("/settings/webhooks".to_owned());
        }
        _ => return Err(unknown_button()),
    }
    Ok(path_of(id))
}

async fn list_page(
    web: &Web,
    session: &Session,
    status: StatusCode,
    fields: Fields,
    problem: Option<String>,
) -> PageResult {
    if session.anonymous() {
        return Ok(sign_in());
    }
    let rows = web.hub.webhooks(&session.caller).await?.into_iter().map(|webhook| Row {
        path: path_of(webhook.id),
        watched: webhook.watched.iter().map(line).collect(),
        url: webhook.url,
        disabled: webhook.disabled,
    });
    let page = ListPage { layout: Layout::new("Webhooks", session), rows: rows.collect(), fields, problem };
    Ok(render(status, CachePolicy::Never, &page))
}

async fn page(
    web: &Web,
    session: &Session,
    id: i64,
    status: StatusCode,
    after: Option<String>,
    typed: Option<Sent>,
    problem: Option<String>,
) -> PageResult {
    if session.anonymous() {
        return Ok(sign_in());
    }
    let webhook = web.hub.webhook(&session.caller, id).await?;
    let found = web.hub.deliveries(&session.caller, id, after.as_deref(), PAGE).await?;
    let action = path_of(id);
    let fields = match &typed {
        Some(sent) => sent.fields(webhook.secret.is_some()),
        None => Fields::from(&webhook),
    };
    let page = WebhookPage {
        layout: Layout::new("Webhook", session),
        disabled: webhook.disabled,
        fields,
        deliveries: found.deliveries.into_iter().map(Sending::from).collect(),
        next: found
            .next
            .map(|next| format!("{action}?after={}", utf8_percent_encode(&next, NON_ALPHANUMERIC))),
        action,
        problem,
    };
    Ok(render(status, CachePolicy::Never, &page))
}

impl Sent {
    fn change(&self) -> Result<WebhookChange, PageError> {
        let mut watched = Vec::new();
        for line in self.watched.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let Some((kind, name)) = line.split_once(char::is_whitespace) else {
                let message = format!(
                    "`{line}` is no kind and name; write for example `model ada/thing` or `user ada`"
                );
                return Err(PageError::new(ErrorKind::Invalid, message));
            };
            let found = parse_watched(kind, name.trim());
            watched.push(found.map_err(|error| {
                PageError::new(ErrorKind::Invalid, format!("`{line}`: {}", error.message()))
            })?);
        }
        let secret = match (self.unsigned.is_some(), self.secret.is_empty()) {
            (true, _) => Some(WebhookSecret(String::new())),
            (false, true) => None,
            (false, false) => Some(WebhookSecret(self.secret.clone())),
        };
        Ok(WebhookChange {
            url: Some(self.url.trim().to_owned()),
            watched: Some(watched),
            repo_events: Some(self.repo_events.is_some()),
            discussion_events: Some(self.discussion_events.is_some()),
            secret,
        })
    }

    fn fields(&self, signed: bool) -> Fields {
        Fields {
            url: self.url.clone(),
            watched: self.watched.clone(),
            repo_events: self.repo_events.is_some(),
            discussion_events: self.discussion_events.is_some(),
            signed,
        }
    }
}

impl From<&Webhook> for Fields {
    fn from(webhook: &Webhook) -> Self {
        Self {
            url: webhook.url.clone(),
            watched: webhook.watched.iter().map(line).collect::<Vec<_>>().join("\n"),
            repo_events: webhook.repo_events,
            discussion_events: webhook.discussion_events,
            signed: webhook.secret.is_some(),
        }
    }
}

impl From<Delivery> for Sending {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            state: delivery.state,
            status: delivery.status.map(|status| status.to_string()).unwrap_or_default(),
            answer: delivery.answer,
            attempts: delivery.attempts,
            took: delivery.duration_ms.map(|duration| format!("{duration} ms")),
            created: format::time(delivery.created_at),
            retry: delivery.retry_at.map(format::time),
            payload: serde_json::to_string_pretty(&delivery.payload).unwrap_or_default(),
        }
    }
}

/// Writes something that is watched as the form does.
fn line(watched: &Watched) -> String {
    match watched {
        Watched::Account(kind, name) => format!("{} {name}", kind.as_str()),
        Watched::Repo(kind, id) => format!("{} {id}", kind.singular()),
    }
}

/// Tells how a form that failed is shown again.
fn mend(session: &Session, error: PageError) -> Result<(StatusCode, String), PageError> {
    match error.problem().filter(|_| !session.anonymous()) {
        Some(problem) => Ok(problem),
        None => Err(error.seen_by(session.anonymous())),
    }
}

fn sign_in() -> Response {
    let next = utf8_percent_encode("/settings/webhooks", NON_ALPHANUMERIC);
    Redirect::to(&format!("/login?next={next}")).into_response()
}

fn path_of(id: i64) -> String {
    format!("/settings/webhooks/{id}")
}

fn parse(id: &str) -> Result<i64, PageError> {
    id.parse().map_err(|_| PageError::not_found())
}
