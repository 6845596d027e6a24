//! What people change in a repo from a browser: texts, whole files, branches and tags.

use axum::Router;
use axum::routing::{get, post, put};
use lyceum_core::{Oid, RepoPath, Revision};
use lyceum_hub::{Action, CommitBuilder, Committed, ErrorKind, Operation, Repo, Result as HubResult};
use serde::Deserialize;

use crate::Web;
use crate::error::PageError;
use crate::visit::{Detour, RepoHead, Visit};

mod body;
mod delete;
mod multipart;
mod parts;
mod refs;
mod text;
mod upload;

/// How often a change is repeated when others are made to the same branch at the same time.
const MAX_ATTEMPTS: usize = 5;

/// Returns the pages under `repo`, the template of a repo's address.
pub(crate) fn routes(repo: &str) -> Router<Web> {
    Router::new()
        .route(&format!("{repo}/edit/{{revision}}/{{*path}}"), get(text::edit).post(text::save))
        .route(&format!("{repo}/new/{{revision}}"), get(text::add).post(text::create))
        .route(&format!("{repo}/new/{{revision}}/{{*path}}"), get(text::add).post(text::create))
        .route(&format!("{repo}/delete/{{revision}}/{{*path}}"), get(delete::show).post(delete::submit))
        .route(&format!("{repo}/settings/refs"), get(refs::show).post(refs::submit))
        .route(&format!("{repo}/uploads"), post(parts::begin))
        .route(&format!("{repo}/uploads/finish"), post(parts::finish))
        .route(&format!("{repo}/uploads/{{part}}"), put(parts::put))
        .route(&format!("{repo}/upload/{{revision}}"), get(upload::show).post(upload::submit))
        .route(&format!("{repo}/upload/{{revision}}/{{*path}}"), get(upload::show).post(upload::submit))
}

/// The message of a commit, and whether it is only proposed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message {
    pub(crate) summary: String,
    pub(crate) description: String,
    /// `pull` for a pull request.
    #[serde(rename = "where")]
    pub(crate) place: String,
}

impl Message {
    pub(crate) fn proposed(&self) -> bool {
        self.place == "pull"
    }

    fn header(&self, usual: &str, parent: Option<Oid>) -> Operation {
        let summary = self.summary.trim();
        Operation::Header {
            summary: if summary.is_empty() { usual.to_owned() } else { summary.to_owned() },
            description: self.description.replace("\r\n", "\n"),
            parent: parent.map(|parent| parent.to_string()),
        }
    }
}

/// Opens the repo for a commit to the revision of the address: who may not write may propose, or add to a pull request
/// of his own.
async fn open(visit: &Visit, proposed: bool) -> Result<Repo, Detour> {
    match visit.open(Action::Write).await {
        Err(Detour::Failed(error))
            if error.kind() == ErrorKind::Forbidden && (proposed || of_pull_request(visit)) =>
        {
            visit.open(Action::Propose).await
        }
        opened => opened,
    }
}

/// Opens the repo to show a form, if its revision takes commits of the caller at all.
async fn open_to_show(visit: &Visit) -> Result<Repo, Detour> {
    let caller = &visit.session.caller;
    visit.open(Action::Read).await?;
    caller.signed_in()?;
    let repo = open(visit, true).await?;
    let proposed = !visit.permitted().write && !of_pull_request(visit);
    match visit.web.hub.start_commit(caller, &repo, &visit.address.revision(), proposed).await {
        Ok(_) => Ok(repo),
        Err(error) if error.kind() == ErrorKind::RevisionNotFound => {
            let message = "files are changed on a branch; choose one first";
            Err(PageError::new(ErrorKind::RevisionNotFound, message).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn of_pull_request(visit: &Visit) -> bool {
    visit.address.revision().as_str().starts_with("refs/pr/")
}

/// Returns the branch as people call it.
fn branch(visit: &Visit) -> String {
    let revision = visit.address.revision();
    revision.as_str().strip_prefix("refs/heads/").unwrap_or(revision.as_str()).to_owned()
}

/// Starts a commit with its message.
async fn start(
    visit: &Visit,
    repo: &Repo,
    message: &Message,
    usual: &str,
    parent: Option<Oid>,
) -> HubResult<CommitBuilder> {
    let (hub, caller) = (&visit.web.hub, &visit.session.caller);
    let proposed = message.proposed() && !of_pull_request(visit);
    let mut commit = hub.start_commit(caller, repo, &visit.address.revision(), proposed).await?;
    commit.push(message.header(usual, parent)).await?;
    Ok(commit)
}

/// Makes a commit that holds one operation, upon the head, unless `path` reads otherwise there than in `base`.
async fn change_one(
    visit: &Visit,
    repo: &Repo,
    message: &Message,
    usual: &str,
    base: &str,
    path: &RepoPath,
    operation: Operation,
) -> HubResult<Committed> {
    for _ in 0..MAX_ATTEMPTS {
        let head = visit.web.hub.resolve(repo, &visit.address.revision()).await?;
        if !same(visit, repo, base, head, path).await? {
            let message = format!(
                "`{path}` was changed by somebody else since you opened this page; look at what it is now, then save \
                 again to put yours in its place"
            );
            return Err(lyceum_hub::Error::new(ErrorKind::Stale, message));
        }
        let mut commit = start(visit, repo, message, usual, Some(head)).await?;
        commit.push(operation.clone()).await?;
        match commit.finish().await {
            // Something else changed: look again.
            Err(error) if error.kind() == ErrorKind::Stale => {}
            finished => return finished,
        }
    }
    Err(lyceum_hub::Error::new(ErrorKind::Conflict, "the branch is changing too fast; please try again"))
}

/// Reports whether a path holds the same in two commits.
async fn same(visit: &Visit, repo: &Repo, base: &str, head: Oid, path: &RepoPath) -> HubResult<bool> {
    if base == head.to_string() {
        return Ok(true);
    }
    let hub = &visit.web.hub;
    // What the form says is no commit of this repo: that is not how the file was.
    if base.parse::<Oid>().is_err() {
        return Ok(false);
    }
    let Ok(was) = hub.paths_info(repo, &Revision::parse(base)?, &[path.to_string()], false).await else {
        return Ok(false);
    };
    let is = hub.paths_info(repo, &Revision::parse(&head.to_string())?, &[path.to_string()], false).await?;
    let oid = |page: &lyceum_hub::TreePage| page.entries.first().map(|entry| entry.oid);
    Ok(oid(&was) == oid(&is))
}

/// Returns where a commit is seen: in its pull request, or at `otherwise`.
fn seen_at(head: &RepoHead, committed: &Committed, otherwise: String) -> String {
    match committed.pull_request {
        Some(number) => format!("{}/discussions/{number}", head.link.path()),
        None => otherwise,
    }
}
