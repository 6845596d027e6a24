//! `/admin/accounts/{account}`: one user or organisation, and what can be changed about it.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use lyceum_core::{AccountName, parse_size};
use lyceum_hub::{AdministeredAccount, ErrorKind, StorageLimits};
use serde::Deserialize;

use super::{Admin, Menu};
use crate::error::{PageError, PageResult};
use crate::form::Form;
use crate::format;
use crate::layout::Layout;
use crate::response::{CachePolicy, render};

/// A form that turns something on or off.
#[derive(Deserialize)]
pub(crate) struct Switch {
    token: String,
    on: bool,
}

/// The form with the limits.
#[derive(Deserialize)]
pub(crate) struct Limits {
    token: String,
    logical: String,
    stored: String,
}

struct Used {
    files: String,
    stored: String,
    measured: String,
}

#[derive(Template)]
#[template(path = "admin/account.html")]
struct AccountPage {
    layout: Layout,
    menu: Menu,
    name: String,
    full_name: String,
    email: String,
    organisation: bool,
    service: bool,
    admin: bool,
    disabled: bool,
    myself: bool,
    created: String,
    logical_limit: String,
    stored_limit: String,
    used: Option<Used>,
}

/// Answers the account.
pub(crate) async fn show(admin: Admin, Path(name): Path<String>) -> PageResult {
    let AdministeredAccount { account, quota } = admin.hub.account(&AccountName::parse(&name)?).await?;
    let limit = |limit: Option<u64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let open = if account.organisation { "/admin/organisations" } else { "/admin/users" };
    let page = AccountPage {
        layout: admin.layout(account.name.as_str()),
        menu: Menu { open },
        myself: admin.session.caller.identity().is_some_and(|identity| identity.user_id == account.id),
        name: account.name.to_string(),
        full_name: account.full_name,
        email: account.email.unwrap_or_default(),
        organisation: account.organisation,
        service: account.service,
        admin: account.admin,
        disabled: account.disabled,
        created: format::time(account.created_at),
        logical_limit: limit(quota.and_then(|quota| quota.logical_limit)),
        stored_limit: limit(quota.and_then(|quota| quota.stored_limit)),
        used: quota.map(|quota| Used {
            files: format::size(quota.logical_bytes),
            stored: format::size(quota.stored_bytes),
            measured: format::time(quota.measured_at),
        }),
    };
    Ok(render(StatusCode::OK, CachePolicy::Never, &page))
}

/// Keeps a user out, or lets him in again.
pub(crate) async fn set_disabled(
    admin: Admin,
    Path(name): Path<String>,
    Form(sent): Form<Switch>,
) -> PageResult {
    admin.session.check_form(&sent.token)?;
    let name = AccountName::parse(&name)?;
    admin.hub.set_disabled(&name, sent.on).await?;
    Ok(back(&name))
}

/// Makes a user administrator, or no longer.
pub(crate) async fn set_admin(
    admin: Admin,
    Path(name): Path<String>,
    Form(sent): Form<Switch>,
) -> PageResult {
    admin.session.check_form(&sent.token)?;
    let name = AccountName::parse(&name)?;
    admin.hub.set_admin(&name, sent.on).await?;
    Ok(back(&name))
}

/// Sets the limits of an account.
pub(crate) async fn set_quota(
    admin: Admin,
    Path(name): Path<String>,
    Form(sent): Form<Limits>,
) -> PageResult {
    admin.session.check_form(&sent.token)?;
    let name = AccountName::parse(&name)?;
    let limits = StorageLimits { logical: limit(&sent.logical)?, stored: limit(&sent.stored)? };
    admin.hub.set_quota(&name, limits).await?;
    Ok(back(&name))
}

fn limit(text: &str) -> Result<Option<u64>, PageError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    parse_size(text).map(Some).map_err(|rule| PageError::new(ErrorKind::Invalid, rule))
}

fn back(name: &AccountName) -> axum::response::Response {
    Redirect::to(&format!("/admin/accounts/{name}")).into_response()
}
