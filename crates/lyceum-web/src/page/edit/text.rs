//! `/{repo}/edit/{revision}/{path}` and `/{repo}/new/{revision}[/{folder}]`: a text, changed or new.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use lyceum_core::RepoPath;
use lyceum_hub::{ErrorKind, Operation, Repo, Severity};
use serde::Deserialize;

use super::{Message, branch, change_one, of_pull_request, open, open_to_show, seen_at};
use crate::error::PageError;
use crate::form::Form;
use crate::format;
use crate::layout::Layout;
use crate::page::tree::{Crumb, crumbs};
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, MAX_TEXT_BYTES, RepoHead, Visit};

#[derive(Template)]
#[template(path = "edit/text.html")]
struct TextPage {
    layout: Layout,
    head: RepoHead,
    crumbs: Vec<Crumb>,
    branch: String,
    of_pull_request: bool,
    /// The path of a new file; `None` to change one.
    path: Option<String>,
    name: String,
    /// Where the form is sent.
    action: String,
    /// Where the file is shown.
    back: String,
    /// The commit that the form was made from.
    was: String,
    /// Whether lines end as on Windows.
    returns: bool,
    draft: String,
    message: Message,
    usual: String,
    changed: bool,
    problem: Option<String>,
}

/// The form.
#[derive(Deserialize)]
pub(super) struct Sent {
    token: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    was: String,
    #[serde(default)]
    returns: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    description: String,
    #[serde(default, rename = "where")]
    place: String,
}

impl Sent {
    fn message(&self) -> Message {
        Message {
            summary: self.summary.clone(),
            description: self.description.clone(),
            place: self.place.clone(),
        }
    }

    /// Returns the text with the ends of lines that the file has; browsers send their own.
    fn content(&self) -> String {
        let text = self.text.replace("\r\n", "\n");
        if self.returns == "crlf" { text.replace('\n', "\r\n") } else { text }
    }
}

/// Shows a text to be changed.
pub(super) async fn edit(visit: Visit) -> Result<Response, Detour> {
    let path = existing(&visit)?;
    let repo = open_to_show(&visit).await?;
    let file = visit.web.hub.file(&repo, &visit.address.revision(), &path).await?;
    let Some(text) = visit.text_of(&file).await? else {
        let most = format::size(MAX_TEXT_BYTES);
        let message =
            format!("`{path}` cannot be edited here: it is no text, or over {most}. Upload it instead");
        return Err(PageError::new(ErrorKind::Unprocessable, message).into());
    };
    let was = file.commit.to_string();
    form(&visit, &repo, StatusCode::OK, Some(&path), None, text, was, Message::default(), None)
}

/// Saves it.
pub(super) async fn save(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    let path = existing(&visit)?;
    match commit(&visit, &sent, &path).await {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => again(&visit, error, &sent, Some(&path)).await,
    }
}

/// Shows an empty text for a new file.
pub(super) async fn add(visit: Visit) -> Result<Response, Detour> {
    let repo = open_to_show(&visit).await?;
    let folder = visit.address.path.as_ref().map_or_else(String::new, |path| format!("{path}/"));
    let was = visit.web.hub.resolve(&repo, &visit.address.revision()).await?.to_string();
    form(&visit, &repo, StatusCode::OK, None, Some(folder), String::new(), was, Message::default(), None)
}

/// Saves a new file.
pub(super) async fn create(visit: Visit, Form(sent): Form<Sent>) -> Result<Response, Detour> {
    let made = match RepoPath::parse(sent.path.trim()) {
        Ok(path) => commit(&visit, &sent, &path).await,
        Err(error) => Err(PageError::new(ErrorKind::Invalid, error.to_string()).into()),
    };
    match made {
        Ok(location) => Ok(Redirect::to(&location).into_response()),
        Err(error) => again(&visit, error, &sent, None).await,
    }
}

async fn commit(visit: &Visit, sent: &Sent, path: &RepoPath) -> Result<String, Detour> {
    visit.session.check_form(&sent.token)?;
    let message = sent.message();
    let repo = open(visit, message.proposed()).await?;
    let (hub, revision) = (&visit.web.hub, visit.address.revision());
    let content = sent.content();
    let new = visit.address.path.as_ref() != Some(path) || !sent.path.is_empty();
    let there = hub.paths_info(&repo, &revision, &[path.to_string()], false).await?;
    if new && !there.entries.is_empty() {
        let message = format!("`{path}` exists already; choose another name, or edit it");
        return Err(PageError::new(ErrorKind::AlreadyExists, message).into());
    }
    if !new && visit.text(&repo, &revision, path).await?.as_ref() == Some(&content) {
        return Err(PageError::new(ErrorKind::Invalid, "the text is the same as before").into());
    }
    if path.as_str() == "README.md" {
        let problems = hub.validate_card(repo.kind(), &content);
        if let Some(problem) = problems.into_iter().find(|problem| problem.severity == Severity::Error) {
            let message = format!("the card's metadata is not right: {}", problem.message);
            return Err(PageError::new(ErrorKind::Invalid, message).into());
        }
    }
    let usual = usual(path.as_str(), new);
    let file = Operation::File { path: path.clone(), content: content.into() };
    let committed = change_one(visit, &repo, &message, &usual, &sent.was, path, file).await?;
    let head = visit.head(&repo, "files");
    let shown = head.link.blob(&head.revision, path.as_str());
    Ok(seen_at(&head, &committed, shown))
}

/// Shows the form as it was sent, with what is wrong.
async fn again(
    visit: &Visit,
    error: Detour,
    sent: &Sent,
    path: Option<&RepoPath>,
) -> Result<Response, Detour> {
    let stale = matches!(&error, Detour::Failed(error) if error.kind() == ErrorKind::Stale);
    let (status, problem) = visit.mend(error, &sent.text)?;
    let repo = open_to_show(visit).await?;
    // Who saves again has seen that there is another version.
    let was = match stale {
        true => visit.web.hub.resolve(&repo, &visit.address.revision()).await?.to_string(),
        false => sent.was.clone(),
    };
    let new = path.is_none().then(|| sent.path.clone());
    form(visit, &repo, status, path, new, sent.content(), was, sent.message(), Some((problem, stale)))
}

#[expect(clippy::too_many_arguments, reason = "each is a part of the form")]
fn form(
    visit: &Visit,
    repo: &Repo,
    status: StatusCode,
    path: Option<&RepoPath>,
    new: Option<String>,
    text: String,
    was: String,
    message: Message,
    problem: Option<(String, bool)>,
) -> Result<Response, Detour> {
    let head = visit.head(repo, "files");
    let folder = visit.address.path.as_ref().map_or("", |path| path.as_str());
    let mut crumbs = crumbs(&head.link, &head.revision, folder);
    if path.is_some() {
        crumbs.pop();
    }
    let (page, back) = match path {
        Some(_) => ("edit", head.link.blob(&head.revision, folder)),
        None => ("new", head.link.tree(&head.revision, folder)),
    };
    let returns = text.contains("\r\n");
    let page = TextPage {
        layout: Layout::new(
            format!("Edit {} of {}", path.map_or("a file", |path| path.as_str()), head.link.id),
            &visit.session,
        ),
        crumbs,
        branch: branch(visit),
        of_pull_request: of_pull_request(visit),
        name: path.map_or_else(String::new, |path| path.file_name().to_owned()),
        action: head.link.below(page, &head.revision, folder),
        back,
        was,
        returns,
        draft: text.replace("\r\n", "\n"),
        usual: usual(path.map_or("", |path| path.as_str()), path.is_none()),
        path: new,
        message,
        changed: problem.as_ref().is_some_and(|(_, stale)| *stale),
        problem: problem.map(|(problem, _)| problem),
        head,
    };
    Ok(render(status, CachePolicy::Revalidate, &page))
}

/// Returns the message of a commit that has none.
fn usual(path: &str, new: bool) -> String {
    match (path, new) {
        ("", _) => "Add a file".to_owned(),
        (path, true) => format!("Add {path}"),
        (path, false) => format!("Change {path}"),
    }
}

fn existing(visit: &Visit) -> Result<RepoPath, PageError> {
    visit.address.path.clone().ok_or_else(PageError::not_found)
}
