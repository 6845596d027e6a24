//! What was sent to a webhook, or is to be.

use lyceum_core::Timestamp;

use crate::error::Result;
use crate::queries::{MAX_LIST, Queries, Sql};
use crate::value::{Columns, Record, bind, words};

/// Deliveries of a user that are forgotten by one statement; what is left is forgotten with the next.
const FORGOTTEN_AT_ONCE: u32 = 1000;

words! {
    /// Where a delivery stands.
    DeliveryState {
        /// To be sent, for the first time or again.
        Pending = "pending",
        /// The receiver said that it has it.
        Delivered = "delivered",
        /// Given up.
        Failed = "failed",
    }
}

/// Something that a webhook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The key of the row; later deliveries have higher ones.
    pub id: i64,
    /// To which webhook.
    pub webhook_id: i64,
    /// What it is told: the key of the message, which other deliveries may share.
    pub message_id: i64,
    /// The message, as JSON.
    pub payload: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// The HTTP status of the last answer.
    pub status: Option<u32>,
    /// The beginning of the last answer, or why there was none.
    pub answer: Option<String>,
    /// How long the last attempt took.
    pub duration_ms: Option<u64>,
    /// When it is sent again.
    pub retry_at: Option<Timestamp>,
    /// When it was put down.
    pub created_at: Timestamp,
    /// When it was last sent.
    pub updated_at: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryEnd {
    /// Where the delivery stands now.
    pub state: DeliveryState,
    /// The HTTP status of the answer.
    pub status: Option<u32>,
    /// The beginning of the answer, or why there was none.
    pub answer: String,
    /// How long it took.
    pub duration_ms: u64,
    /// When it is sent again.
    pub retry_at: Option<Timestamp>,
    /// When it ended.
    pub at: Timestamp,
}

macro_rules! select_delivery {
    () => {
        "SELECT d.id, d.webhook_id, d.message_id, m.payload, d.state, d.attempts, d.status, d.answer, d.duration_ms, \
         d.retry_at, d.created_at, d.updated_at FROM webhook_delivery d JOIN webhook_message m ON m.id = d.message_id "
    };
}

impl Record for Delivery {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            webhook_id: columns.get()?,
            message_id: columns.get()?,
            payload: columns.get()?,
            state: columns.get()?,
            attempts: columns.get()?,
            status: columns.get()?,
            answer: columns.get()?,
            duration_ms: columns.get()?,
            retry_at: columns.get()?,
            created_at: columns.get()?,
            updated_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Keeps a message for the deliveries of an event, once, and returns its key.
    pub async fn put_webhook_message(&mut self, event: i64, payload: &str, at: Timestamp) -> Result<i64> {
        self.one(
            "INSERT INTO webhook_message (event_id, payload, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (event_id) DO UPDATE SET event_id = excluded.event_id RETURNING id",
            bind![event, payload, at],
        )
        .await
    }

    /// Deletes those of some messages that no delivery has any more.
    pub async fn forget_webhook_messages(&mut self, messages: &[i64]) -> Result<()> {
        for ids in messages.chunks(MAX_LIST) {
            let mut sql = Sql::new("DELETE FROM webhook_message WHERE id IN ");
            sql.list(ids);
            sql.push(
                " AND NOT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.message_id = webhook_message.id)",
            );
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Puts down a delivery; `None` if the webhook was told of this already, or is gone. Without `event` it is one more
    /// in any case.
    pub async fn insert_delivery(
        &mut self,
        webhook_id: i64,
        event: Option<i64>,
        message_id: i64,
        at: Timestamp,
    ) -> Result<Option<i64>> {
        self.optional(
            "INSERT INTO webhook_delivery (webhook_id, event_id, message_id, state, created_at, updated_at) \
             SELECT w.id, $2, $3, 'pending', $4, $4 FROM webhook w WHERE w.id = $1 \
             ON CONFLICT (webhook_id, event_id) DO NOTHING RETURNING id",
            bind![webhook_id, event, message_id, at],
        )
        .await
    }

    /// Returns a delivery.
    pub async fn delivery(&mut self, id: i64) -> Result<Option<Delivery>> {
        self.optional(concat!(select_delivery!(), "WHERE d.id = $1"), bind![id]).await
    }

    /// Notes how an attempt ended, with the webhook's failures in a row; returns those, `None` if the delivery is gone.
    pub async fn end_delivery(&mut self, id: i64, end: &DeliveryEnd) -> Result<Option<u64>> {
        let webhook: Option<i64> = self
            .optional(
                "UPDATE webhook_delivery SET state = $2, attempts = attempts + 1, status = $3, answer = $4, \
                 duration_ms = $5, retry_at = $6, updated_at = $7 WHERE id = $1 RETURNING webhook_id",
                bind![id, end.state, end.status, end.answer, end.duration_ms, end.retry_at, end.at],
            )
            .await?;
        let Some(webhook) = webhook else {
            return Ok(None);
        };
        let (times, more) = match end.state {
            DeliveryState::Pending => (1_i64, 0_i64),
            DeliveryState::Delivered => (0, 0),
            DeliveryState::Failed => (1, 1),
        };
        self.optional(
            "UPDATE webhook SET failures = failures * $2 + $3 WHERE id = $1 RETURNING failures",
            bind![webhook, times, more],
        )
        .await
    }

    /// Returns a page of a webhook's deliveries, the newest first, before the delivery `before`.
    pub async fn deliveries_of(
        &mut self,
        webhook_id: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let sql =
            concat!(select_delivery!(), "WHERE d.webhook_id = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3");
        self.all(sql, bind![webhook_id, before.unwrap_or(i64::MAX), limit]).await
    }

    /// Forgets the oldest deliveries of a webhook: those that ended beyond the newest `keep`, and all beyond `most`.
    pub async fn forget_deliveries(&mut self, webhook_id: i64, keep: u32, most: u32) -> Result<()> {
        let sql = "DELETE FROM webhook_delivery WHERE webhook_id = $1 AND (state <> 'pending' OR $3 = 1) AND id <= \
                   (SELECT id FROM webhook_delivery WHERE webhook_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2) \
                   RETURNING message_id";
        let mut messages: Vec<i64> = self.all(sql, bind![webhook_id, keep, false]).await?;
        messages.extend(self.all::<i64>(sql, bind![webhook_id, most, true]).await?);
        self.forget_webhook_messages(&messages).await
    }

    /// Forgets what a user's webhooks have beyond `most` deliveries: the oldest of those that ended first, then the
    /// oldest that wait.
    pub async fn forget_deliveries_of(&mut self, owner_id: i64, most: u32) -> Result<()> {
        let sql = "DELETE FROM webhook_delivery WHERE id IN (SELECT d.id FROM webhook w \
                   JOIN webhook_delivery d ON d.webhook_id = w.id WHERE w.owner_id = $1 \
                   ORDER BY CASE WHEN d.state = 'pending' THEN 0 ELSE 1 END, d.id DESC LIMIT $3 OFFSET $2) \
                   RETURNING message_id";
        let messages: Vec<i64> = self.all(sql, bind![owner_id, most, FORGOTTEN_AT_ONCE]).await?;
        self.forget_webhook_messages(&messages).await
    }

    /// Forgets all deliveries of a webhook.
    pub(super) async fn forget_log(&mut self, webhook_id: i64) -> Result<()> {
        let sql = "DELETE FROM webhook_delivery WHERE webhook_id = $1 RETURNING message_id";
        let messages: Vec<i64> = self.all(sql, bind![webhook_id]).await?;
        self.forget_webhook_messages(&messages).await
    }
}
