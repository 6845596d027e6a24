//! The Xet store over HTTP, as `hf-xet` 1.8 and its predecessors speak it.
//!
//! Every address carries the id of the store, so that clients forget what they know of one that was reset. Tokens
//! bind a repo; handlers pass them on as a grant. What is missing here on purpose answers 404, to which the clients
//! have a way around: upload grants for other hosts, chunk hashes for edits in place.

mod access;
mod data;
mod reconstruction;
mod shard;
mod xorb;

pub(super) use access::StoreUrl;

use axum::body::Body;
use http::StatusCode;

use super::{Routes, Scope};
use crate::error::ApiResult;
use crate::upload::discard;

/// Largest telemetry message that is read to its end.
const MAX_TELEMETRY_BYTES: u64 = 1024 * 1024;

pub(super) fn register(routes: &mut Routes) {
    reconstruction::register(routes);
    xorb::register(routes);
    shard::register(routes);
    data::register(routes);
    // Clients put this at the root of the host, whatever path the store has.
    routes.post(Scope::Root, "/v1/telemetry", telemetry);
    routes.post(Scope::Root, "/xet/{instance}/v1/telemetry", telemetry);
}

/// Takes what clients tell about themselves, and forgets it.
async fn telemetry(body: Body) -> ApiResult<StatusCode> {
    discard(body, MAX_TELEMETRY_BYTES).await?;
    Ok(StatusCode::OK)
}

#[cfg(test)]
mod tests;
