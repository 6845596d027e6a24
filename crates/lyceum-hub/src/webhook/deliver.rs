//! Sending: one attempt at a delivery.

use std::fmt::Write as _;

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lyceum_core::Timestamp;
use lyceum_db::{Delivery, DeliveryEnd, DeliveryState, Job, Lane, Webhook};
use lyceum_fetch::{FetchLimits, Target};
use sha2::Sha256;

use super::message::Message;
use super::{MAX_ATTEMPTS, retry_at};
use crate::jobs::claim_sound;
use crate::{Error, Hub, Result};

/// Job queue; it has workers of its own, because they wait for others.
pub(crate) const QUEUE: &str = "webhook";
/// How long a worker may keep a delivery, in milliseconds: longer than an exchange may take.
const LEASE_MS: u32 = 60_000;
/// How often a delivery is claimed: each attempt once, and some that a process did not live to end.
const MAX_CLAIMS: u32 = 2 * MAX_ATTEMPTS;
/// Bounds of an exchange. Nobody reads the answer's body here; what is not too long is taken so that receivers which
/// write it see no broken connection.
const LIMITS: FetchLimits = FetchLimits { connect_seconds: 5, total_seconds: 15, answer_bytes: 64 * 1024 };
/// Deliveries that ended and are kept of each webhook.
const KEPT: u32 = 100;
/// Most deliveries of a webhook that wait; beyond them the oldest are forgotten.
const MAX_WAITING: u32 = 1000;
/// After so many deliveries in a row that were given up, a webhook is turned off.
const MAX_FAILURES: u64 = 50;

/// The secret as it is, as the Hub sends it.
const X_WEBHOOK_SECRET: HeaderName = HeaderName::from_static("x-webhook-secret");
/// `sha256=` and the HMAC of `timestamp.body` in hexadecimal digits.
const X_WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("x-webhook-signature");
/// When this attempt was made, in seconds since 1970.
const X_WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("x-webhook-timestamp");
/// Number of the delivery, the same for each attempt: receivers know by it what they have already.
const X_WEBHOOK_DELIVERY: HeaderName = HeaderName::from_static("x-webhook-delivery");

/// Why an attempt did not succeed.
struct Failure {
    status: Option<u32>,
    reason: String,
    transient: bool,
}

/// Most deliveries of all webhooks of one user, waiting or kept; beyond them the oldest that ended are forgotten first.
pub(super) const MAX_OF_ONE_USER: u32 = 2000;

/// Enqueues a delivery, and forgets what the log has no room for.
pub(super) async fn enqueue(
    tx: &mut lyceum_db::Queries,
    (webhook_id, owner_id): (i64, i64),
    delivery_id: i64,
    now: Timestamp,
) -> Result<()> {
    let key = format!("{}{delivery_id}", key_of(owner_id));
    tx.enqueue(QUEUE, &key, &delivery_id.to_string(), now, now).await?;
    Ok(tx.forget_deliveries(webhook_id, KEPT, MAX_WAITING).await?)
}

/// Returns what the keys of a user's deliveries begin with.
pub(crate) fn key_of(owner_id: i64) -> String {
    format!("{QUEUE}:{owner_id}:")
}

/// Ends a delivery as failed whose job is dropped: it was begun too often and never ended.
pub(crate) async fn give_up(tx: &mut lyceum_db::Queries, job: &Job, now: Timestamp) -> Result<()> {
    let id = job.payload.parse().map_err(Error::internal)?;
    let delivery = tx.delivery(id).await?.filter(|delivery| delivery.state == DeliveryState::Pending);
    let Some(delivery) = delivery else {
        return Ok(());
    };
    let end = DeliveryEnd {
        state: DeliveryState::Failed,
        status: None,
        answer: format!("no attempt came to an end; it was begun {MAX_CLAIMS} times"),
        duration_ms: 0,
        retry_at: None,
        at: now,
    };
    note_end(tx, id, delivery.webhook_id, &end).await?;
    Ok(())
}

/// Notes how an attempt ended, and turns a webhook off that only fails; returns whether it did.
async fn note_end(tx: &mut lyceum_db::Queries, id: i64, webhook_id: i64, end: &DeliveryEnd) -> Result<bool> {
    let failures = tx.end_delivery(id, end).await?;
    let hopeless = failures.is_some_and(|failures| failures >= MAX_FAILURES);
    if hopeless {
        tx.set_webhook_disabled(webhook_id, true, end.at).await?;
    }
    Ok(hopeless)
}

impl Hub {
    /// Claims a delivery that is due, of a user whose key is none of `busy`.
    pub(crate) async fn claim_delivery(&self, busy: Vec<String>) -> Result<Option<Job>> {
        let now = self.inner.clock.now();
        let next = self.inner.db.read().await?.next_job_at(Lane::Except(QUEUE, &busy)).await?;
        if next.is_none_or(|due| due > now) {
            return Ok(None);
        }
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    claim_sound(tx, Lane::Except(QUEUE, &busy), now, LEASE_MS, MAX_CLAIMS).await
                })
            })
            .await
    }

    /// Runs the job: makes one attempt and notes how it ended.
    pub(crate) async fn deliver(&self, job: Job) -> Result<()> {
        let Some((delivery, webhook)) = self.pending_delivery(&job).await? else {
            self.inner
                .db
                .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.complete(&job).await?) }))
                .await?;
            return Ok(());
        };
        let started = self.inner.clock.now();
        let sent = if webhook.disabled {
            Err(Failure { status: None, reason: "the webhook is disabled".to_owned(), transient: false })
        } else {
            self.send(&webhook, &delivery, started).await
        };
        let now = self.inner.clock.now();
        let attempts = delivery.attempts + 1;
        let (state, status, answer) = match sent {
            Ok(status) => (DeliveryState::Delivered, Some(status), format!("the receiver answered {status}")),
            Err(Failure { status, reason, transient }) if transient && attempts < MAX_ATTEMPTS => {
                (DeliveryState::Pending, status, reason)
            }
            Err(Failure { status, reason, .. }) => (DeliveryState::Failed, status, reason),
        };
        let retry_at = (state == DeliveryState::Pending).then(|| retry_at(attempts, now));
        let duration_ms = now.0.saturating_sub(started.0).unsigned_abs();
        let end = DeliveryEnd { state, status, answer, duration_ms, retry_at, at: now };
        self.end_delivery(job, delivery, end).await
    }

    /// Returns whose webhook a delivery is for; `None` if there is nothing to send any more.
    pub(crate) async fn delivery_owner(&self, job: &Job) -> Result<Option<i64>> {
        Ok(self.pending_delivery(job).await?.map(|(_, webhook)| webhook.owner_id))
    }

    async fn pending_delivery(&self, job: &Job) -> Result<Option<(Delivery, Webhook)>> {
        let id = job.payload.parse().map_err(Error::internal)?;
        let mut db = self.inner.db.read().await?;
        let delivery = db.delivery(id).await?;
        let Some(delivery) = delivery.filter(|delivery| delivery.state == DeliveryState::Pending) else {
            return Ok(None);
        };
        Ok(db.webhook(delivery.webhook_id).await?.map(|webhook| (delivery, webhook)))
    }

    async fn end_delivery(&self, job: Job, delivery: Delivery, end: DeliveryEnd) -> Result<()> {
        let (id, webhook_id) = (delivery.id, delivery.webhook_id);
        let disabled = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let hopeless = note_end(tx, id, webhook_id, &end).await?;
                    match end.retry_at {
                        Some(retry_at) => tx.fail(&job, &end.answer, retry_at).await?,
                        None => tx.complete(&job).await?,
                    };
                    Ok::<_, Error>(hopeless)
                })
            })
            .await?;
        if disabled {
            tracing::warn!(
                webhook = webhook_id,
                "a webhook was turned off after {MAX_FAILURES} failures in a row"
            );
        }
        Ok(())
    }

    /// Sends a delivery; returns the status if the receiver has it.
    async fn send(&self, webhook: &Webhook, delivery: &Delivery, now: Timestamp) -> Result<u32, Failure> {
        let broken = |reason: &str| Failure { status: None, reason: reason.to_owned(), transient: false };
        let message: Message =
            serde_json::from_str(&delivery.payload).map_err(|_| broken("the stored delivery is damaged"))?;
        let body = message.render(&self.inner.options.public_url, webhook.id).to_string();
        let headers = headers(webhook, delivery.id, now, &body)
            .ok_or_else(|| broken("the secret cannot be sent as a header"))?;
        let failed = |error: lyceum_fetch::Error| Failure {
            status: None,
            reason: error.to_string(),
            transient: error.transient(),
        };
        let target = Target::parse(&webhook.url).map_err(failed)?;
        let sending = self.inner.fetcher.exchange(Method::POST, &target, headers, Bytes::from(body), LIMITS);
        let answer = sending.await.map_err(failed)?;
        let status = answer.status;
        if status.is_success() {
            return Ok(u32::from(status.as_u16()));
        }
        let reason = if status.is_redirection() {
            format!("the receiver answered {status}; redirects are not followed")
        } else {
            format!("the receiver answered {status}")
        };
        Err(Failure { status: Some(u32::from(status.as_u16())), reason, transient: true })
    }
}

fn headers(webhook: &Webhook, delivery_id: i64, now: Timestamp, body: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("lyceum-webhook"));
    headers.insert(X_WEBHOOK_DELIVERY, HeaderValue::from(delivery_id));
    headers.insert(X_WEBHOOK_TIMESTAMP, HeaderValue::from(now.seconds()));
    if let Some(secret) = &webhook.secret {
        let mut value = HeaderValue::from_str(&secret.0).ok()?;
        value.set_sensitive(true);
        headers.insert(X_WEBHOOK_SECRET, value);
        let signature = sign(&secret.0, now, body);
        headers.insert(X_WEBHOOK_SIGNATURE, HeaderValue::from_str(&signature).ok()?);
    }
    Some(headers)
}

/// Signs time and body, so that an old delivery cannot be sent again by somebody else.
fn sign(secret: &str, now: Timestamp, body: &str) -> String {
    let mut code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    code.update(now.seconds().to_string().as_bytes());
    code.update(b".");
    code.update(body.as_bytes());
    let mut signature = "sha256=".to_owned();
    for byte in code.finalize().into_bytes() {
        write!(signature, "{byte:02x}").expect("writing to a string");
    }
    signature
}
