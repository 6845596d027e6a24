//! `/admin/users` and `/admin/organisations`.

use askama::Template;
use http::StatusCode;
use lyceum_hub::{AccountKind, AdministeredAccount};
use serde::Deserialize;

use super::{Admin, Menu, with_query};
use crate::error::PageResult;
use crate::form::Query;
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};

/// What the address may say.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    search: Option<String>,
    after: Option<String>,
}

struct Row {
    name: String,
    full_name: String,
    email: String,
    badges: Vec<&'static str>,
    quota: String,
    created: String,
}

#[derive(Template)]
#[template(path = "admin/accounts.html")]
struct Accounts {
    layout: Layout,
    menu: Menu,
    title: &'static str,
    users: bool,
    search: String,
    rows: Vec<Row>,
    next: Option<String>,
}

impl From<AdministeredAccount> for Row {
    fn from(found: AdministeredAccount) -> Self {
        let account = found.account;
        let badges = [
            (account.admin, "administrator"),
            (account.disabled, "disabled"),
            (account.service, "service account"),
        ];
        let used = |quota: lyceum_hub::Quota| {
            let limit = quota.logical_limit.or(quota.stored_limit).unwrap_or_default();
            format!("{} of {}", format::size(quota.logical_bytes), format::size(limit))
        };
        Self {
            name: account.name.to_string(),
            full_name: account.full_name,
            email: account.email.unwrap_or_default(),
            badges: badges.into_iter().filter(|(held, _)| *held).map(|(_, word)| word).collect(),
            quota: found.quota.map_or_else(|| "no limit".to_owned(), used),
            created: format::time(account.created_at),
        }
    }
}

/// Answers the list of users.
pub(crate) async fn users(admin: Admin, wanted: Query<Wanted>) -> PageResult {
    list(admin, wanted, AccountKind::User).await
}

/// Answers the list of organisations.
pub(crate) async fn organisations(admin: Admin, wanted: Query<Wanted>) -> PageResult {
    list(admin, wanted, AccountKind::Org).await
}

async fn list(admin: Admin, Query(wanted): Query<Wanted>, kind: AccountKind) -> PageResult {
    let (title, path) = match kind {
        AccountKind::User => ("Users", "/admin/users"),
        AccountKind::Org => ("Organisations", "/admin/organisations"),
    };
    let search = wanted.search.unwrap_or_default();
    let found = admin.hub.accounts(kind, search.trim(), wanted.after.as_deref()).await?;
    let page = Accounts {
        layout: admin.layout(title),
        menu: Menu { open: path },
        title,
        users: kind == AccountKind::User,
        next: found.next.map(|after| with_query(path, &[("search", &search), ("after", &after)])),
        rows: found.accounts.into_iter().map(Row::from).collect(),
        search,
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}
