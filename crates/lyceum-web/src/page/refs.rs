//! `/{repo}/refs`: all branches and tags.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use lyceum_hub::{Action, Reference};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::visit::{Detour, RepoHead, Visit};

/// Most references of each sort on the page.
const MAX_SHOWN: usize = 1000;

struct Row {
    name: String,
    files: String,
    history: String,
    commit: String,
    short: String,
    compare: String,
}

struct Group {
    heading: &'static str,
    rows: Vec<Row>,
    /// How many there are, shown or not.
    count: usize,
}

#[derive(Template)]
#[template(path = "refs.html")]
struct RefsPage {
    layout: Layout,
    head: RepoHead,
    groups: [Group; 2],
}

/// Answers the list.
pub(crate) async fn show(visit: Visit) -> Result<Response, Detour> {
    let repo = visit.open(Action::Discover).await?;
    let head = visit.head(&repo, "files");
    let references = visit.web.hub.references(&repo, false).await?;
    let row = |reference: &Reference| {
        let (name, commit) = (reference.name.short().to_owned(), reference.commit.to_string());
        let query = utf8_percent_encode(&name, NON_ALPHANUMERIC);
        Row {
            files: head.link.tree(&name, ""),
            history: head.link.commits(&name),
            compare: format!("{}?head={query}", head.link.compare()),
            short: commit[..8].to_owned(),
            commit: head.link.commit(&commit),
            name,
        }
    };
    let group = |heading, references: &[Reference]| Group {
        heading,
        rows: references.iter().take(MAX_SHOWN).map(row).collect(),
        count: references.len(),
    };
    let page = RefsPage {
        layout: Layout::new(format!("Branches and tags of {}", head.link.id), &visit.session),
        groups: [group("Branches", &references.branches), group("Tags", &references.tags)],
        head,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
