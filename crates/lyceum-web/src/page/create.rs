//! `/new`: a new model, dataset or space.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{ErrorKind, NewRepo, Visibility};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::Web;
use crate::error::{PageError, PageResult};
use crate::form::{Form, Query};
use crate::layout::Layout;
use crate::link::RepoLink;
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// What the form offers; the API makes kernels too.
const KINDS: [RepoKind; 3] = [RepoKind::Model, RepoKind::Dataset, RepoKind::Space];
/// Licences that the form offers; a card may name any other.
const LICENSES: [&str; 14] = [
    "apache-2.0",
    "mit",
    "bsd-3-clause",
    "gpl-3.0",
    "lgpl-3.0",
    "agpl-3.0",
    "mpl-2.0",
    "cc0-1.0",
    "cc-by-4.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "openrail",
    "unlicense",
    "other",
];
/// Kinds of spaces.
const SDKS: [&str; 4] = ["static", "gradio", "streamlit", "docker"];

struct Choice {
    value: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "manage/new.html")]
struct NewPage {
    layout: Layout,
    kinds: Vec<Choice>,
    owners: Vec<(String, bool)>,
    licenses: Vec<Choice>,
    sdks: Vec<Choice>,
    name: String,
    visibility: String,
    problem: Option<String>,
}

/// The form; the address may fill parts of it in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sent {
    token: String,
    kind: String,
    owner: String,
    name: String,
    visibility: String,
    license: String,
    sdk: String,
}

/// Shows the form.
pub(crate) async fn show(State(web): State<Web>, session: Session, Query(sent): Query<Sent>) -> PageResult {
    form(&web, &session, StatusCode::OK, &sent, None).await
}

/// Makes the repo.
pub(crate) async fn submit(State(web): State<Web>, session: Session, Form(sent): Form<Sent>) -> PageResult {
    match create(&web, &session, &sent).await {
        Ok(path) => Ok(Redirect::to(&path).into_response()),
        Err(error) => match error.problem().filter(|_| !session.anonymous()) {
            Some((status, problem)) => form(&web, &session, status, &sent, Some(problem)).await,
            None => Err(error),
        },
    }
}

async fn create(web: &Web, session: &Session, sent: &Sent) -> Result<String, PageError> {
    session.check_form(&sent.token)?;
    let invalid = |message: String| PageError::new(ErrorKind::Invalid, message);
    let kind = kind_of(&sent.kind).ok_or_else(|| invalid("choose what to make".to_owned()))?;
    let owner = AccountName::parse(&sent.owner).map_err(|error| invalid(error.to_string()))?;
    let filled = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    let repo = NewRepo {
        namespace: Some(owner),
        visibility: Visibility::parse(&sent.visibility),
        license: filled(&sent.license),
        sdk: filled(&sent.sdk).filter(|_| kind == RepoKind::Space),
        ..NewRepo::new(kind, sent.name.trim())
    };
    let made = web.hub.create_repo(&session.caller, repo).await.map_err(|error| match error.kind() {
        // No such name; the sender can type another one.
        ErrorKind::NotFound => invalid(error.message().to_owned()),
        _ => error.into(),
    })?;
    Ok(RepoLink { kind, id: made }.path())
}

async fn form(
    web: &Web,
    session: &Session,
    status: StatusCode,
    sent: &Sent,
    problem: Option<String>,
) -> PageResult {
    if session.anonymous() {
        let next = utf8_percent_encode("/new", NON_ALPHANUMERIC);
        return Ok(Redirect::to(&format!("/login?next={next}")).into_response());
    }
    let who = web.hub.whoami(&session.caller).await?;
    let own = session.caller.signed_in()?.name.to_string();
    let organisations = who.memberships.iter().map(|membership| membership.organisation.name.to_string());
    let owners: Vec<String> = std::iter::once(own).chain(organisations).collect();
    let kind = kind_of(&sent.kind).unwrap_or(RepoKind::Model);
    let choices = |values: &[&'static str], wanted: &str| {
        values.iter().map(|&value| Choice { value, chosen: value == wanted }).collect()
    };
    let page = NewPage {
        layout: Layout::new("New repository", session),
        kinds: KINDS.iter().map(|&of| Choice { value: of.singular(), chosen: of == kind }).collect(),
        owners: owners.into_iter().map(|name| (name.clone(), name == sent.owner)).collect(),
        licenses: choices(&LICENSES, &sent.license),
        sdks: choices(&SDKS, &sent.sdk),
        name: sent.name.clone(),
        visibility: sent.visibility.clone(),
        problem,
    };
    Ok(render(status, CachePolicy::Revalidate, &page))
}

fn kind_of(word: &str) -> Option<RepoKind> {
    KINDS.into_iter().find(|kind| kind.singular() == word)
}
