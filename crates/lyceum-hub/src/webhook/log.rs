//! The log of deliveries.

use lyceum_core::Timestamp;
use lyceum_db::DeliveryState;
use serde_json::{Value, json};

use super::message::Message;
use super::{deliver, reader, writer};
use crate::account::append_event;
use crate::people::id_cursor;
use crate::{Caller, Error, ErrorKind, Hub, Result};

/// Most deliveries of a page: each comes with the body that is sent, which may be long.
const MAX_PAGE: usize = 50;

/// What was sent to a webhook, or is to be.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its number; later ones are higher.
    pub id: i64,
    /// The body that is sent.
    pub payload: Value,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// HTTP status of the last answer.
    pub status: Option<u32>,
    /// What came of the last attempt, in words.
    pub answer: Option<String>,
    /// How long that took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// When it is sent again.
    pub retry_at: Option<Timestamp>,
    /// When the change was told.
    pub created_at: Timestamp,
    /// When it was last sent.
    pub updated_at: Timestamp,
}

/// One page of deliveries.
#[derive(Debug, Clone)]
pub struct DeliveryPage {
    /// The deliveries, the newest first.
    pub deliveries: Vec<Delivery>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Lists the last deliveries of one of the caller's webhooks.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        webhook_id: i64,
        after: Option<&str>,
        limit: usize,
    ) -> Result<DeliveryPage> {
        let limit = limit.clamp(1, MAX_PAGE);
        let before = after.map(id_cursor).transpose()?;
        self.own_webhook(reader(caller)?, webhook_id).await?;
        let rows = self.inner.db.read().await?.deliveries_of(webhook_id, before, limit as u32).await?;
        let next = if rows.len() == limit { rows.last().map(|last| last.id.to_string()) } else { None };
        let deliveries = rows.into_iter().map(|row| self.delivery(row)).collect();
        Ok(DeliveryPage { deliveries, next })
    }

    /// Sends a delivery of one of the caller's webhooks once more, as a new one.
    pub async fn replay_delivery(
        &self,
        caller: &Caller,
        webhook_id: i64,
        delivery_id: i64,
    ) -> Result<Delivery> {
        let user_id = writer(caller)?;
        self.own_webhook(user_id, webhook_id).await?;
        let missing =
            || Error::new(ErrorKind::NotFound, format!("the webhook has no delivery {delivery_id}"));
        let found = self.inner.db.read().await?.delivery(delivery_id).await?;
        let found = found.filter(|found| found.webhook_id == webhook_id).ok_or_else(missing)?;
        let (now, message_id) = (self.inner.clock.now(), found.message_id);
        let id = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let id = tx.insert_delivery(webhook_id, None, message_id, now).await?;
                    let id = id.ok_or_else(|| super::missing(webhook_id))?;
                    deliver::enqueue(tx, (webhook_id, user_id), id, now).await?;
                    let detail = json!({ "webhook": webhook_id, "delivery": delivery_id });
                    append_event(tx, None, Some(user_id), "replay-delivery", &detail, now).await?;
                    Ok::<_, Error>(id)
                })
            })
            .await?;
        self.inner.delivery_added.notify_one();
        let row = self.inner.db.read().await?.delivery(id).await?;
        row.map(|row| self.delivery(row)).ok_or_else(missing)
    }

    fn delivery(&self, row: lyceum_db::Delivery) -> Delivery {
        let message = serde_json::from_str::<Message>(&row.payload);
        let base = &self.inner.options.public_url;
        Delivery {
            id: row.id,
            payload: message.map_or(Value::Null, |message| message.render(base, row.webhook_id)),
            state: row.state,
            attempts: row.attempts,
            status: row.status,
            answer: row.answer,
            duration_ms: row.duration_ms,
            retry_at: row.retry_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
