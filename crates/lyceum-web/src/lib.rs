//! Human interface: pages rendered on the server, readable without JavaScript.
//!
//! A page calls [`Hub`] methods as the API does, never the API itself, and sees what the signed-in caller may see.
//! Uploaded text is shown escaped; nothing that a user uploaded is ever served from here as a document of this origin.
//! Every page works without a script; the one that there is, for uploads, is the hub's own, and the content security
//! policy denies all others.

mod asset;
mod chart;
mod diff;
mod error;
mod form;
mod format;
mod layout;
mod link;
mod machine;
mod page;
mod prose;
mod response;
mod session;
mod theme;
mod visit;

use axum::Router;
use axum::routing::{get, post};
use lyceum_core::{Entropy, RepoKind};
use lyceum_hub::Hub;

pub use error::not_found;
pub use machine::{Health, HealthCheck, HealthFinding, LoadedSetting, Machine};

/// What every page works with; cheap to clone.
#[derive(Clone)]
pub struct Web {
    /// The use cases.
    pub hub: Hub,
    /// Makes tokens against forged forms.
    pub entropy: Entropy,
    /// Address that browsers see; an `https` one makes cookies secure-only.
    pub public_url: Option<String>,
    /// What the pages show of the program and its machine.
    pub machine: Machine,
}

/// Returns every page. It has no fallback, so that it can be merged with the API's router; see [`not_found`].
pub fn router(web: Web) -> Router {
    let mut router = Router::new()
        .route("/", get(page::home::show))
        .route("/docs/api", get(page::docs::api))
        .route("/static/{file}", get(asset::serve))
        .route("/login", get(page::login::show).post(page::login::submit))
        .route("/login/oidc/{provider}", get(page::oidc::start))
        .route("/login/oidc/{provider}/callback", get(page::oidc::finish))
        .route("/logout", post(page::login::sign_out))
        .route("/new", get(page::create::show).post(page::create::submit))
        .route("/device", get(page::device::show))
        .route("/device/approve", post(page::device::decide))
        .route("/oauth/device", get(page::device::show))
        .route("/users", get(page::people::show))
        .route("/organizations", get(page::people::show))
        .route("/{namespace}", get(page::account::show).post(page::account::follow));
    for kind in RepoKind::ALL {
        router = router.route(&format!("/{}", kind.plural()), get(page::list::show)).merge(repo_pages(kind));
    }
    let framed = axum::middleware::from_fn_with_state(web.clone(), error::frame);
    router
        .merge(bucket_pages())
        .merge(settings_pages())
        .merge(page::webhooks::routes())
        .merge(page::admin::routes())
        .merge(page::collections::routes())
        .merge(page::organisation::routes())
        .merge(page::space::routes())
        .layer(framed)
        .with_state(web)
}

/// Returns the pages of one kind of repo. The handlers find the kind in the address.
fn repo_pages(kind: RepoKind) -> Router<Web> {
    let repo = format!("/{}{{namespace}}/{{name}}", kind.url_prefix());
    Router::new()
        .route(&repo, get(page::repo::show))
        .route(&format!("{repo}/request-access"), post(page::gate::ask))
        .route(&format!("{repo}/like"), post(page::repo::set_like))
        .route(&format!("{repo}/tree/{{revision}}"), get(page::tree::show))
        .route(&format!("{repo}/tree/{{revision}}/{{*path}}"), get(page::tree::show))
        .route(&format!("{repo}/blob/{{revision}}/{{*path}}"), get(page::blob::show))
        .route(&format!("{repo}/download/{{revision}}"), get(page::download::archive))
        .route(&format!("{repo}/download/{{revision}}/{{*path}}"), get(page::download::send))
        .route(&format!("{repo}/commits/{{revision}}"), get(page::commits::show))
        .route(&format!("{repo}/commit/{{revision}}"), get(page::commit::show))
        .route(&format!("{repo}/compare"), get(page::compare::show))
        .route(&format!("{repo}/refs"), get(page::refs::show))
        .merge(page::community::routes(&repo))
        .merge(page::edit::routes(&repo))
        .merge(page::repo_settings::routes(&repo))
}

/// Returns the pages on which users change their own accounts.
fn settings_pages() -> Router<Web> {
    use page::settings::{self, password, profile, sessions, tokens};
    Router::new()
        .route("/settings", get(settings::show))
        .route("/settings/theme", post(theme::choose))
        .route("/settings/profile", get(profile::show).post(profile::change))
        .route("/settings/password", get(password::show).post(password::change))
        .route("/settings/tokens", get(tokens::show).post(tokens::create))
        .route("/settings/tokens/{id}/revoke", post(tokens::revoke))
        .route("/settings/sessions", get(sessions::show))
        .route("/settings/sessions/end-others", post(sessions::end_others))
        .route("/settings/sessions/{id}/end", post(sessions::end))
}

/// Returns the pages of buckets.
fn bucket_pages() -> Router<Web> {
    Router::new()
        .route("/buckets", get(page::list::show))
        .route("/buckets/{namespace}/{name}", get(page::bucket::show))
        .route("/buckets/{namespace}/{name}/tree", get(page::bucket::show))
        .route("/buckets/{namespace}/{name}/tree/{*path}", get(page::bucket::show))
        .route("/buckets/{namespace}/{name}/download/{*path}", get(page::bucket::send))
}

#[cfg(test)]
mod tests;
