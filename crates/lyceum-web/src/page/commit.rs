//! `/{repo}/commit/{id}`: one commit, and what it changed.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, Comparison, ErrorKind};
use serde::Deserialize;

use crate::diff::{Diff, Pair, Sign};
use crate::error::{PageError, sentence};
use crate::form::Query;
use crate::layout::Layout;
use crate::page::commits::CommitRow;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

struct Parent {
    path: String,
    short: String,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    view: Option<String>,
}

#[derive(Template)]
#[template(path = "commit.html")]
struct CommitPage {
    layout: Layout,
    head: RepoHead,
    row: CommitRow,
    message: String,
    parents: Vec<Parent>,
    files: String,
    diff: Option<Diff>,
    /// Why there is no diff.
    problem: Option<String>,
    split: bool,
    other_view: String,
    diff_revision: String,
}

/// Answers a commit.
pub(crate) async fn show(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let mut head = visit.head(&repo, "history");
    let found = visit.web.hub.commits(&repo, &visit.address.revision(), 0, 1).await?;
    let Some(commit) = found.commits.first() else {
        return Err(PageError::new(ErrorKind::RevisionNotFound, "this commit does not exist").into());
    };
    let id = commit.id.to_string();
    head.revision.clone_from(&id);
    let parent = |oid: &lyceum_core::Oid| {
        let id = oid.to_string();
        Parent { path: head.link.commit(&id), short: id[..8].to_owned() }
    };
    let (diff, problem) =
        differences(&visit, Comparison { base: None, head: visit.address.revision() }).await?;
    let split = wanted.view.as_deref() == Some("split");
    let here = head.link.commit(&id);
    let page = CommitPage {
        layout: Layout::new(format!("{} in {}", commit.title, head.link.id), &visit.session),
        row: CommitRow::new(&head.link, commit),
        message: commit.message.trim().to_owned(),
        parents: commit.parents.iter().map(parent).collect(),
        files: head.link.tree(&id, ""),
        diff,
        problem,
        split,
        other_view: if split { here } else { format!("{here}?view=split") },
        diff_revision: id,
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Returns what differs, or why it is not shown to this caller.
pub(crate) async fn differences(
    visit: &Visit,
    comparison: Comparison,
) -> Result<(Option<Diff>, Option<String>), Detour> {
    let (hub, address) = (&visit.web.hub, &visit.address.repo);
    // Content is behind the gate, unlike the history.
    let compared = match hub.open(&visit.session.caller, address.kind, &address.id, Action::Read).await {
        Ok(repo) => hub.compare(&repo, &comparison).await,
        Err(error) => Err(error),
    };
    match compared {
        Ok(patch) => {
            let read = move || Diff::parse(&patch);
            let diff = tokio::task::spawn_blocking(read).await.map_err(lyceum_hub::Error::internal)?;
            Ok((Some(diff), None))
        }
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Gated
                    | ErrorKind::Forbidden
                    | ErrorKind::Disabled
                    | ErrorKind::Conflict
                    | ErrorKind::TooLarge
                    | ErrorKind::Unavailable
            ) =>
        {
            Ok((None, Some(sentence(error.message()))))
        }
        Err(error) => Err(error.into()),
    }
}
