//! Trusted publishers.

use std::collections::BTreeMap;

use lyceum_hub::{NewPublisher, Publisher};
use serde::{Deserialize, Serialize};

/// A program to trust.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPublisherWire {
    issuer: String,
    claims: BTreeMap<String, String>,
}

impl From<NewPublisherWire> for NewPublisher {
    fn from(wire: NewPublisherWire) -> Self {
        Self { issuer: wire.issuer, claims: wire.claims }
    }
}

/// A program that is trusted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublisherWire {
    id: i64,
    issuer: String,
    claims: BTreeMap<String, String>,
    user: String,
    created_at: String,
    last_used_at: Option<String>,
}

impl From<Publisher> for PublisherWire {
    fn from(publisher: Publisher) -> Self {
        Self {
            id: publisher.id,
            issuer: publisher.issuer,
            claims: publisher.claims,
            user: publisher.user,
            created_at: publisher.created_at.to_string(),
            last_used_at: publisher.used_at.map(|at| at.to_string()),
        }
    }
}
