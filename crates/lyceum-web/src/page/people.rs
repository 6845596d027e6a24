//! `/users`, `/organizations`: who is here.

use askama::Template;
use axum::extract::State;
use http::{StatusCode, Uri};
use lyceum_hub::{Account, AccountKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::error::PageResult;
use crate::form::Query;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};
use crate::session::Session;
use crate::{Web, format};

/// Accounts on a page.
const PAGE: usize = 50;

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    search: Option<String>,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    layout: Layout,
    /// The path of this page.
    path: &'static str,
    title: &'static str,
    search: String,
    accounts: Vec<Account>,
    total: Option<String>,
    loose: bool,
    next: Option<String>,
}

/// Answers the list of users, or of organisations.
pub(crate) async fn show(
    State(web): State<Web>,
    session: Session,
    uri: Uri,
    Query(wanted): Query<Wanted>,
) -> PageResult {
    let (kind, path, title) = match uri.path() {
        "/users" => (AccountKind::User, "/users", "People"),
        _ => (AccountKind::Org, "/organizations", "Organisations"),
    };
    let search = wanted.search.unwrap_or_default();
    let after = wanted.after.filter(|after| !after.is_empty());
    let found = web.hub.find_accounts(kind, &search, after.as_deref(), PAGE).await?;
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let page = People {
        layout: Layout::new(format!("Lyceum: {title}"), &session),
        path,
        title,
        accounts: found.accounts,
        total: found.total.map(format::count),
        loose: found.loose,
        next: found.next.map(|next| format!("{path}?search={}&after={}", encode(&search), encode(&next))),
        search,
    };
    Ok(render(StatusCode::OK, CachePolicy::Revalidate, &page))
}
