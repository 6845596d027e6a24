//! Machine interfaces: Hub API, resolve, LFS and Xet CAS over HTTP.
//!
//! Handlers are thin: extract, convert, one [`Hub`] call, respond. Rules about who may do what live in `lyceum-hub`;
//! nothing here knows SQL or keeps bytes. Every address is registered through `routes::Routes`, whose table is
//! snapshot-tested, so that a changed surface shows as a diff.

use std::sync::Arc;

use axum::Router;
use layers::Shared;
use lyceum_core::Entropy;
use lyceum_hub::Hub;
pub use openapi::openapi;
use rate::Limiter;
pub use rate::{RateLimits, Rates};

mod byteranges;
mod error;
mod extract;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod layers;
mod link;
mod metrics;
mod ndjson;
mod openapi;
mod rate;
mod routes;
#[cfg(test)]
mod testing;
mod upload;
mod wire;

/// What every handler works with; cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// The use cases.
    pub hub: Hub,
    /// Address that clients see, without a final slash; `None` takes it from each request.
    pub base_url: Option<Arc<str>>,
    /// Whether `X-Forwarded-Proto`, `-Host` and `-For` come from a proxy of ours.
    pub trust_forwarded: bool,
    /// How many requests callers may make.
    pub rates: RateLimits,
    /// Version shown to clients.
    pub version: &'static str,
}

/// Returns the whole machine interface, with a fallback for addresses that nothing answers.
pub fn router(api: Api) -> Router {
    router_with_pages(api, Router::new())
}

/// Returns the machine interface together with pages for people, which must have no fallback of their own. Request
/// ids, the access log and metrics cover both.
pub fn router_with_pages(api: Api, pages: Router) -> Router {
    let limiter = Limiter::new(api.rates.clone(), api.hub.clock().clone());
    let trust_forwarded = api.trust_forwarded;
    let machine = routes::all().into_router().layer(axum::middleware::from_fn(error::settle)).with_state(api);
    layers::wrap(machine.merge(pages), Shared::new(Entropy::system(), limiter, trust_forwarded))
}

/// Returns the method and path of every route, sorted by path; `{kind}` stands for every kind of repo.
pub fn route_table() -> Vec<String> {
    routes::all().table()
}

#[cfg(test)]
mod tests;
