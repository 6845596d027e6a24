//! `/models`, `/datasets`, `/spaces`, `/kernels`, `/buckets`: what the caller may see, page by page.

use askama::Template;
use axum::extract::State;
use http::{StatusCode, Uri};
use lyceum_core::RepoKind;
use lyceum_hub::{ListQuery, ListSort, RepoInfo, Visibility};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::error::{PageError, PageResult};
use crate::form::Query;
use crate::layout::Layout;
use crate::link::{RepoLink, kind_of};
use crate::response::{CachePolicy, render};
use crate::session::Session;
use crate::{Web, format};

/// Repos on a page.
const PAGE: usize = 50;
/// Most words of a search that count.
const MAX_WORDS: usize = 8;

/// A repo in a list.
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) private: bool,
    pub(crate) task: Option<String>,
    pub(crate) changed: String,
    pub(crate) downloads: String,
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    search: Option<String>,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "list.html")]
struct List {
    layout: Layout,
    kind: &'static str,
    search: String,
    rows: Vec<Row>,
    next: Option<String>,
}

impl From<RepoInfo> for Row {
    fn from(info: RepoInfo) -> Self {
        let link = RepoLink { kind: info.repo.kind(), id: info.repo.id().clone() };
        Self {
            path: link.path(),
            id: link.id.to_string(),
            private: info.visibility == Visibility::Private,
            task: info.pipeline_tag,
            changed: format::time(info.last_modified),
            downloads: format::count(info.downloads),
        }
    }
}

/// Answers the list of a kind.
pub(crate) async fn show(
    State(web): State<Web>,
    session: Session,
    uri: Uri,
    Query(wanted): Query<Wanted>,
) -> PageResult {
    let kind = kind_of(uri.path());
    let search = wanted.search.unwrap_or_default();
    let query = ListQuery {
        search: search.split_whitespace().take(MAX_WORDS).map(str::to_owned).collect(),
        after: wanted.after,
        ..query(kind, None, PAGE)
    };
    let found = web.hub.list_repos(&session.caller, query).await?;
    let next = found.next.map(|after| {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        format!("/{}?search={}&after={}", kind.plural(), encode(&search), encode(&after))
    });
    let page = List {
        layout: Layout::new(format!("Lyceum: {}", kind.plural()), &session),
        kind: kind.plural(),
        search,
        rows: found.repos.into_iter().map(Row::from).collect(),
        next,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Returns the repos of a kind that changed last.
pub(crate) async fn newest(
    web: &Web,
    session: &Session,
    kind: RepoKind,
    author: Option<String>,
    limit: usize,
) -> Result<Vec<Row>, PageError> {
    let found = web.hub.list_repos(&session.caller, query(kind, author, limit)).await?;
    Ok(found.repos.into_iter().map(Row::from).collect())
}

fn query(kind: RepoKind, author: Option<String>, limit: usize) -> ListQuery {
    ListQuery {
        kind,
        author,
        search: Vec::new(),
        tags: Vec::new(),
        gated: None,
        pipeline_tag: None,
        sort: ListSort::LastModified,
        ascending: false,
        after: None,
        limit,
        siblings: false,
    }
}
