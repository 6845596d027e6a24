//! `/collections` and `/collections/{namespace}/{slug}`: lists of what the hub holds, kept by people.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::{get, post};
use http::StatusCode;
use lyceum_hub::{
    Collection, CollectionFilter, CollectionItem, CollectionItemKind, CollectionSlug, CollectionSort,
    ItemShown, Visibility,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::Web;
use crate::error::{PageError, PageResult};
use crate::form::{Form, Query};
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::Session;

/// Collections on a page.
const PAGE: usize = 50;

/// Returns the pages.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .route("/collections", get(list))
        .route("/collections/{namespace}/{slug}", get(show))
        .route("/collections/{namespace}/{slug}/upvote", post(upvote))
}

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    search: Option<String>,
    sort: Option<String>,
    after: Option<String>,
}

/// The form of the button that recommends.
#[derive(Deserialize)]
pub(crate) struct Upvote {
    token: String,
    upvote: bool,
}

/// A collection in a list.
pub(crate) struct CollectionRow {
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) owner: String,
    pub(crate) private: bool,
    pub(crate) upvotes: String,
    pub(crate) changed: String,
}

struct ItemRow {
    path: Option<String>,
    name: String,
    kind: &'static str,
    private: bool,
    note: String,
    facts: String,
}

#[derive(Template)]
#[template(path = "collections.html")]
struct List {
    layout: Layout,
    search: String,
    by_upvotes: bool,
    collections: Vec<CollectionRow>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "collection.html")]
struct CollectionPage {
    layout: Layout,
    signed_in: bool,
    row: CollectionRow,
    upvoted: bool,
    description: Option<String>,
    items: Vec<ItemRow>,
}

impl From<Collection> for CollectionRow {
    fn from(collection: Collection) -> Self {
        Self {
            path: format!("/collections/{}", collection.slug),
            title: collection.title,
            owner: collection.slug.namespace().to_string(),
            private: collection.private,
            upvotes: format::count(collection.upvotes),
            changed: format::time(collection.updated_at),
        }
    }
}

impl From<CollectionItem> for ItemRow {
    fn from(item: CollectionItem) -> Self {
        let (path, kind) = match item.kind {
            CollectionItemKind::Repo(kind) => {
                (Some(format!("/{}{}", kind.url_prefix(), item.target)), kind.singular())
            }
            CollectionItemKind::Collection => (Some(format!("/collections/{}", item.target)), "collection"),
            CollectionItemKind::Paper => (None, "paper"),
        };
        let (name, private, facts) = match item.shown {
            ItemShown::Repo { visibility, likes, downloads, last_modified, .. } => {
                let (likes, downloads) = (format::count(likes), format::count(downloads));
                let changed = format::time(last_modified);
                let facts = format!("{downloads} downloads, {likes} likes, changed {changed}");
                (item.target, visibility != Visibility::Public, facts)
            }
            ItemShown::Collection { title } => (title, false, String::new()),
            ItemShown::Paper => (item.target, false, String::new()),
        };
        Self { path, name, kind, private, note: item.note.unwrap_or_default(), facts }
    }
}

/// Answers the list.
pub(crate) async fn list(
    State(web): State<Web>,
    session: Session,
    Query(wanted): Query<Wanted>,
) -> PageResult {
    let search = wanted.search.unwrap_or_default();
    let by_upvotes = wanted.sort.as_deref() == Some("upvotes");
    let filter = CollectionFilter {
        owners: Vec::new(),
        items: Vec::new(),
        search: Some(search.trim().to_owned()).filter(|search| !search.is_empty()),
        sort: if by_upvotes { CollectionSort::Upvotes } else { CollectionSort::LastModified },
        after: wanted.after,
        limit: PAGE,
    };
    let found = web.hub.collections(&session.caller, filter).await?;
    let next = found.next.map(|after| {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let sort = if by_upvotes { "upvotes" } else { "changed" };
        format!("/collections?search={}&sort={sort}&after={}", encode(&search), encode(&after))
    });
    let page = List {
        layout: Layout::new("Collections", &session),
        search,
        by_upvotes,
        collections: found.collections.into_iter().map(CollectionRow::from).collect(),
        next,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Answers a collection.
pub(crate) async fn show(
    State(web): State<Web>,
    session: Session,
    Path((namespace, slug)): Path<(String, String)>,
) -> PageResult {
    let missing = || PageError::not_found().seen_by(session.anonymous());
    let slug = CollectionSlug::from_parts(&namespace, &slug).ok_or_else(missing)?;
    let found = web.hub.collection(&session.caller, &slug).await;
    let mut found = found.map_err(|error| PageError::from(error).seen_by(session.anonymous()))?;
    let items = std::mem::take(&mut found.items);
    let (upvoted, description) = (found.upvoted, found.description.take());
    let page = CollectionPage {
        layout: Layout::new(found.title.as_str(), &session),
        signed_in: !session.anonymous(),
        upvoted,
        description,
        items: items.into_iter().map(ItemRow::from).collect(),
        row: found.into(),
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}

/// Makes the caller recommend a collection, or no longer.
pub(crate) async fn upvote(
    State(web): State<Web>,
    session: Session,
    Path((namespace, slug)): Path<(String, String)>,
    Form(sent): Form<Upvote>,
) -> PageResult {
    session.check_form(&sent.token)?;
    let slug = CollectionSlug::from_parts(&namespace, &slug).ok_or_else(PageError::not_found)?;
    let found = web.hub.set_upvote(&session.caller, &slug, sent.upvote).await?;
    Ok(Redirect::to(&format!("/collections/{}", found.slug)).into_response())
}
