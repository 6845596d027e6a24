//! `/models`, `/datasets`, `/spaces`, `/kernels`, `/buckets`: what the caller may see, narrowed down by text and facets.
//!
//! All that is chosen stands in the address, so that a list can be kept and shared.

use askama::Template;
use axum::extract::State;
use http::{StatusCode, Uri};
use lyceum_core::RepoKind;
use lyceum_hub::{FindQuery, Gated, ListQuery, ListSort, RepoInfo, Visibility};

use crate::error::{PageError, PageResult};
use crate::form::Query;
use crate::layout::Layout;
use crate::link::{RepoLink, kind_of};
use crate::response::{CachePolicy, render};
use crate::session::Session;
use crate::{Web, format};

mod choice;

use choice::{Choice, Group, Order};

/// Repos on a page.
const PAGE: usize = 30;

/// A repo in a list.
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) private: bool,
    pub(crate) gated: bool,
    pub(crate) task: Option<String>,
    pub(crate) size: Option<String>,
    pub(crate) changed: String,
    pub(crate) downloads: String,
    pub(crate) likes: String,
}

#[derive(Template)]
#[template(path = "catalogue.html")]
struct List {
    layout: Layout,
    kind: &'static str,
    search: String,
    /// What the form keeps of the address beside the text.
    kept: Vec<(&'static str, String)>,
    groups: Vec<Group>,
    orders: Vec<Order>,
    /// The address without text and facets, if there are any.
    all: Option<String>,
    chosen: usize,
    /// How many there are; `None` while there is no index.
    total: Option<String>,
    loose: bool,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

impl From<RepoInfo> for Row {
    fn from(info: RepoInfo) -> Self {
        let link = RepoLink { kind: info.repo.kind(), id: info.repo.id().clone() };
        let total = |value: &Option<serde_json::Value>| value.as_ref()?.get("total")?.as_u64();
        let parameters = total(&info.safetensors).or_else(|| total(&info.gguf));
        Self {
            path: link.path(),
            id: link.id.to_string(),
            private: info.visibility == Visibility::Private,
            gated: info.gated != Gated::No,
            task: info.pipeline_tag.or(info.sdk),
            size: parameters.map(choice::short),
            changed: format::time(info.last_modified),
            downloads: format::count(info.downloads),
            likes: format::count(info.likes),
        }
    }
}

/// Answers the list of a kind.
pub(crate) async fn show(
    State(web): State<Web>,
    session: Session,
    uri: Uri,
    Query(asked): Query<Vec<(String, String)>>,
) -> PageResult {
    let kind = kind_of(uri.path());
    let choice = Choice::read(kind.plural(), asked);
    let query = FindQuery {
        kind,
        text: choice.search.clone(),
        facets: choice.facets.clone(),
        tags: choice.tags.clone(),
        author: choice.author.clone(),
        sort: choice.sort.and_then(choice::sort),
        after: choice.after.clone(),
        limit: PAGE,
    };
    let found = web.hub.find_repos(&session.caller, query).await?;
    let (total, counted) = found.counts.map_or((None, Vec::new()), |(total, facets)| (Some(total), facets));
    let page = List {
        layout: Layout::new(format!("Lyceum: {}", kind.plural()), &session),
        kind: kind.plural(),
        kept: choice.kept(),
        groups: choice.groups(counted),
        orders: choice.orders(),
        all: choice.narrow().then(|| format!("/{}", kind.plural())),
        chosen: choice.facets.len() + choice.tags.len() + usize::from(choice.author.is_some()),
        total: total.map(format::count),
        loose: found.loose,
        rows: found.repos.into_iter().map(Row::from).collect(),
        first: choice.after.is_some().then(|| choice.link(|_| {})),
        next: found.next.map(|after| choice.link(|choice| choice.after = Some(after))),
        search: choice.search,
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
    let query = ListQuery {
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
    };
    let found = web.hub.list_repos(&session.caller, query).await?;
    Ok(found.repos.into_iter().map(Row::from).collect())
}
