//! Webhooks and what was sent to them.

use lyceum_hub::{Delivery, Watched, Webhook, WebhookChange, WebhookSecret, parse_watched};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ApiError, ApiResult};

/// Settings of a webhook, whole or in part.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookSettingsWire {
    url: Option<String>,
    watched: Option<Vec<WatchedWire>>,
    domains: Option<Vec<String>>,
    secret: Option<String>,
    job_source_id: Option<Value>,
}

/// Something that is watched.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WatchedWire {
    r#type: String,
    name: String,
}

impl WebhookSettingsWire {
    /// Reads the settings.
    pub(crate) fn parse(self) -> ApiResult<WebhookChange> {
        if self.job_source_id.is_some_and(|id| !id.is_null()) {
            return Err(ApiError::invalid("this hub runs no jobs: a webhook needs a `url`"));
        }
        let (mut repo_events, mut discussion_events) = (None, None);
        if let Some(domains) = self.domains {
            (repo_events, discussion_events) = (Some(false), Some(false));
            for domain in domains {
                match domain.as_str() {
                    "repo" | "repos" => repo_events = Some(true),
                    "discussion" | "discussions" => discussion_events = Some(true),
                    _ => return Err(ApiError::invalid("`domains` may hold `repo` and `discussion`")),
                }
            }
        }
        let watched = self.watched.map(|watched| {
            watched.iter().map(|one| parse_watched(&one.r#type, &one.name)).collect::<Result<_, _>>()
        });
        Ok(WebhookChange {
            url: self.url,
            watched: watched.transpose()?,
            repo_events,
            discussion_events,
            secret: self.secret.map(WebhookSecret),
        })
    }
}

/// A webhook, wrapped as the clients read a single one.
#[derive(Serialize)]
pub(crate) struct WebhookWrapperWire {
    webhook: WebhookWire,
}

impl From<Webhook> for WebhookWrapperWire {
    fn from(webhook: Webhook) -> Self {
        Self { webhook: webhook.into() }
    }
}

/// A webhook.
#[derive(Serialize)]
pub(crate) struct WebhookWire {
    id: String,
    url: String,
    watched: Vec<WatchedWire>,
    domains: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    disabled: bool,
}

impl From<Webhook> for WebhookWire {
    fn from(webhook: Webhook) -> Self {
        let domains = [(webhook.repo_events, "repo"), (webhook.discussion_events, "discussion")];
        Self {
            id: format!("{:024x}", webhook.id),
            url: webhook.url,
            watched: webhook.watched.into_iter().map(WatchedWire::from).collect(),
            domains: domains.into_iter().filter(|(on, _)| *on).map(|(_, domain)| domain).collect(),
            secret: webhook.secret.map(|secret| secret.0),
            disabled: webhook.disabled,
        }
    }
}

impl From<Watched> for WatchedWire {
    fn from(watched: Watched) -> Self {
        match watched {
            Watched::Account(kind, name) => Self { r#type: kind.as_str().to_owned(), name: name.to_string() },
            Watched::Repo(kind, id) => Self { r#type: kind.singular().to_owned(), name: id.to_string() },
        }
    }
}

/// What was sent to a webhook, or is to be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryWire {
    id: i64,
    state: &'static str,
    attempts: u32,
    status: Option<u32>,
    answer: Option<String>,
    duration_ms: Option<u64>,
    retry_at: Option<String>,
    created_at: String,
    updated_at: String,
    payload: Value,
}

impl From<Delivery> for DeliveryWire {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            status: delivery.status,
            answer: delivery.answer,
            duration_ms: delivery.duration_ms,
            retry_at: delivery.retry_at.map(|at| at.to_string()),
            created_at: delivery.created_at.to_string(),
            updated_at: delivery.updated_at.to_string(),
            payload: delivery.payload,
        }
    }
}
