//! `/admin`: pages for the hub's administrators. For everybody else nothing is here.

mod account;
mod accounts;
mod events;
mod health;
mod jobs;
mod mirrors;
mod settings;
mod storage;

use axum::Router;
use axum::extract::{FromRef, FromRequestParts};
use axum::routing::{get, post};
use http::request::Parts;
use lyceum_hub::Administration;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::Web;
use crate::error::PageError;
use crate::layout::Layout;
use crate::session::Session;

/// Returns the pages.
pub(crate) fn routes() -> Router<Web> {
    Router::new()
        .route("/admin", get(health::show))
        .route("/admin/users", get(accounts::users))
        .route("/admin/organisations", get(accounts::organisations))
        .route("/admin/accounts/{account}", get(account::show))
        .route("/admin/accounts/{account}/disabled", post(account::set_disabled))
        .route("/admin/accounts/{account}/admin", post(account::set_admin))
        .route("/admin/accounts/{account}/quota", post(account::set_quota))
        .route("/admin/storage", get(storage::show))
        .route("/admin/jobs", get(jobs::show))
        .route("/admin/jobs/{job}/retry", post(jobs::retry))
        .route("/admin/events", get(events::show))
        .route("/admin/mirrors", get(mirrors::show))
        .route("/admin/mirrors/look", post(mirrors::look))
        .route("/admin/settings", get(settings::show))
}

/// A request of an administrator; for anybody else's, the address leads nowhere.
pub(crate) struct Admin {
    pub(crate) web: Web,
    pub(crate) session: Session,
    pub(crate) hub: Administration,
}

/// A form that is only a button.
#[derive(Deserialize)]
pub(crate) struct Button {
    token: String,
}

/// A page of the administration in its menu.
pub(crate) struct Tab {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
}

/// The menu of these pages.
pub(crate) struct Menu {
    /// Path of the page whose tab is open.
    pub(crate) open: &'static str,
}

impl Menu {
    /// Returns the tabs.
    pub(crate) fn tabs(&self) -> [Tab; 8] {
        [
            ("Health", "/admin"),
            ("Users", "/admin/users"),
            ("Organisations", "/admin/organisations"),
            ("Storage", "/admin/storage"),
            ("Jobs", "/admin/jobs"),
            ("Audit log", "/admin/events"),
            ("Mirrors", "/admin/mirrors"),
            ("Settings", "/admin/settings"),
        ]
        .map(|(name, path)| Tab { name, path })
    }
}

impl Admin {
    fn layout(&self, title: &str) -> Layout {
        Layout::new(format!("{title} · Administration"), &self.session)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin
where
    Web: FromRef<S>,
{
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let web = Web::from_ref(state);
        let session = Session::from_request_parts(parts, state).await?;
        let hub = web.hub.administer(&session.caller);
        let hub = hub.map_err(|_| PageError::not_found().seen_by(session.anonymous()))?;
        Ok(Self { web, session, hub })
    }
}

/// Returns the address of a page with some of the fields of its query.
fn with_query(path: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    if fields.is_empty() { path.to_owned() } else { format!("{path}?{}", fields.join("&")) }
}
