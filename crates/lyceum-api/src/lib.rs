//! Machine interfaces: Hub API, resolve, LFS and Xet CAS over HTTP.
//!
//! Handlers are thin: extract, convert, one [`Hub`] call, respond. Rules about who may do what live in `lyceum-hub`;
//! nothing here knows SQL or keeps bytes. Every address is registered through [`routes::Routes`], whose table is
//! snapshot-tested, so that a changed surface shows as a diff.

use std::sync::Arc;

use axum::Router;
use lyceum_hub::Hub;

mod error;
mod extract;
mod link;
mod ndjson;
mod routes;
mod wire;

/// What every handler works with; cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// The use cases.
    pub hub: Hub,
    /// Address that clients see, without a final slash; `None` takes it from each request.
    pub base_url: Option<Arc<str>>,
    /// Whether `X-Forwarded-Proto` and `X-Forwarded-Host` come from a proxy of ours.
    pub trust_forwarded: bool,
    /// Version shown to clients.
    pub version: &'static str,
}

/// Returns the whole machine interface, with a fallback for addresses that nothing answers.
///
/// A router of pages that is merged with this one must have no fallback of its own.
pub fn router(api: Api) -> Router {
    routes::all().into_router().layer(axum::middleware::from_fn(error::settle)).with_state(api)
}

/// Returns the method and path of every route, sorted by path; `{kind}` stands for every kind of repo.
pub fn route_table() -> Vec<String> {
    routes::all().table()
}
