//! Webhooks: addresses that users have told of changes.
//!
//! A change that is in the audit log is announced in the same transaction ([`announce`]), if anybody watches. A job
//! turns the announcement into one delivery per webhook ([`tell`]), and a job per delivery sends it ([`deliver`]) until
//! the receiver has it or there were too many attempts: at least once, in no promised order.

use lyceum_core::{AccountName, RepoId, RepoKind, Timestamp};
use lyceum_db::{WebhookSecret, WebhookSettings};
use lyceum_fetch::Target;
use serde_json::json;

use crate::account::append_event;
use crate::{Caller, Error, ErrorKind, Hub, Permission, Result};

pub(crate) mod announce;
pub(crate) mod deliver;
mod log;
mod message;
pub(crate) mod tell;

pub use log::{Delivery, DeliveryPage};
pub use lyceum_db::{DeliveryState, Watched};

/// Most webhooks of one user.
const MAX_WEBHOOKS: u32 = 100;
/// Most things that one webhook watches.
const MAX_WATCHED: usize = 100;
/// Longest secret.
const MAX_SECRET_BYTES: usize = 256;

/// An address that is told of changes.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its number.
    pub id: i64,
    /// The address.
    pub url: String,
    /// What it watches.
    pub watched: Vec<Watched>,
    /// Whether it is told of changes to repos.
    pub repo_events: bool,
    /// Whether it is told of discussions and pull requests.
    pub discussion_events: bool,
    /// What deliveries are signed with; only for callers who may change it.
    pub secret: Option<WebhookSecret>,
    /// Whether it is told of nothing for now.
    pub disabled: bool,
}

/// Settings of a webhook; what is `None` stays, or is the default of a new one.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// The address.
    pub url: Option<String>,
    /// What it watches.
    pub watched: Option<Vec<Watched>>,
    /// Whether it is told of changes to repos.
    pub repo_events: Option<bool>,
    /// Whether it is told of discussions and pull requests.
    pub discussion_events: Option<bool>,
    /// What deliveries are signed with; empty for nothing.
    pub secret: Option<WebhookSecret>,
}

/// Reads something to watch: a kind of repo, `user` or `org`, and its name. It need not exist.
pub fn parse_watched(kind: &str, name: &str) -> Result<Watched> {
    if let Some(kind) = crate::AccountKind::parse(kind) {
        return Ok(Watched::Account(kind, AccountName::parse(name)?));
    }
    let kind = RepoKind::parse(kind).ok_or_else(|| {
        let message =
            format!("a webhook can watch a `user`, an `org` or a kind of repository, not a `{kind}`");
        Error::new(ErrorKind::Invalid, message)
    })?;
    Ok(Watched::Repo(kind, RepoId::parse(name)?))
}

impl Hub {
    /// Lists the caller's webhooks, the oldest first.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<Webhook>> {
        let user_id = reader(caller)?;
        let mut db = self.inner.db.read().await?;
        let rows = db.webhooks_of(user_id, MAX_WEBHOOKS).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let watched = db.watched_by(&ids).await?;
        let watched_by = |id| watched.iter().filter(move |(other, _)| *other == id);
        let of = |row: lyceum_db::Webhook| {
            let watched = watched_by(row.id).map(|(_, watched)| watched.clone()).collect();
            Webhook::new(row, watched, caller)
        };
        Ok(rows.into_iter().map(of).collect())
    }

    /// Reads one of the caller's webhooks.
    pub async fn webhook(&self, caller: &Caller, id: i64) -> Result<Webhook> {
        let row = self.own_webhook(reader(caller)?, id).await?;
        let watched = self.inner.db.read().await?.watched_by(&[id]).await?;
        Ok(Webhook::new(row, watched.into_iter().map(|(_, watched)| watched).collect(), caller))
    }

    /// Makes a webhook.
    pub async fn create_webhook(&self, caller: &Caller, new: WebhookChange) -> Result<Webhook> {
        let user_id = writer(caller)?;
        let url = new.url.ok_or_else(|| Error::new(ErrorKind::Invalid, "`url` is missing"))?;
        let settings = WebhookSettings {
            url,
            secret: new.secret.filter(|secret| !secret.0.is_empty()),
            repo_events: new.repo_events.unwrap_or(true),
            discussion_events: new.discussion_events.unwrap_or(true),
            watched: new.watched.unwrap_or_default(),
        };
        self.check_settings(&settings)?;
        let now = self.inner.clock.now();
        let id = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if tx.webhooks_count(user_id).await? >= u64::from(MAX_WEBHOOKS) {
                        let message = format!("you have {MAX_WEBHOOKS} webhooks, which is the most");
                        return Err(Error::new(ErrorKind::TooLarge, message));
                    }
                    let id = tx.insert_webhook(user_id, &settings, now).await?;
                    append_event(tx, None, Some(user_id), "create-webhook", &json!({ "webhook": id }), now)
                        .await?;
                    Ok(id)
                })
            })
            .await?;
        self.webhook(caller, id).await
    }

    /// Changes the settings of a webhook.
    pub async fn change_webhook(&self, caller: &Caller, id: i64, change: WebhookChange) -> Result<Webhook> {
        let user_id = writer(caller)?;
        let row = self.own_webhook(user_id, id).await?;
        let watched = match change.watched {
            Some(watched) => watched,
            None => {
                let kept = self.inner.db.read().await?.watched_by(&[id]).await?;
                kept.into_iter().map(|(_, watched)| watched).collect()
            }
        };
        let settings = WebhookSettings {
            url: change.url.unwrap_or(row.url),
            secret: change.secret.map_or(row.secret, |secret| (!secret.0.is_empty()).then_some(secret)),
            repo_events: change.repo_events.unwrap_or(row.repo_events),
            discussion_events: change.discussion_events.unwrap_or(row.discussion_events),
            watched,
        };
        self.check_settings(&settings)?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.update_webhook(id, &settings, now).await? {
                        return Err(missing(id));
                    }
                    append_event(tx, None, Some(user_id), "change-webhook", &json!({ "webhook": id }), now)
                        .await
                })
            })
            .await?;
        self.webhook(caller, id).await
    }

    /// Turns a webhook off, or on again.
    pub async fn set_webhook_disabled(&self, caller: &Caller, id: i64, disabled: bool) -> Result<Webhook> {
        let user_id = writer(caller)?;
        self.own_webhook(user_id, id).await?;
        let now = self.inner.clock.now();
        let action = if disabled { "disable-webhook" } else { "enable-webhook" };
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.set_webhook_disabled(id, disabled, now).await? {
                        return Err(missing(id));
                    }
                    append_event(tx, None, Some(user_id), action, &json!({ "webhook": id }), now).await
                })
            })
            .await?;
        self.webhook(caller, id).await
    }

    /// Deletes a webhook with the log of its deliveries.
    pub async fn delete_webhook(&self, caller: &Caller, id: i64) -> Result<()> {
        let user_id = writer(caller)?;
        self.own_webhook(user_id, id).await?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.delete_webhook(id).await? {
                        return Err(missing(id));
                    }
                    append_event(tx, None, Some(user_id), "delete-webhook", &json!({ "webhook": id }), now)
                        .await
                })
            })
            .await
    }

    /// Finds a webhook of a user; those of others are answered as missing.
    async fn own_webhook(&self, user_id: i64, id: i64) -> Result<lyceum_db::Webhook> {
        let found = self.inner.db.read().await?.webhook(id).await?;
        found.filter(|found| found.owner_id == user_id).ok_or_else(|| missing(id))
    }

    fn check_settings(&self, settings: &WebhookSettings) -> Result<()> {
        let invalid = |message: String| Error::new(ErrorKind::Invalid, message);
        // Names are looked at when they are used; an address that is a number can be refused at once.
        Target::parse(&settings.url)
            .and_then(|target| self.inner.fetcher.check(&target))
            .map_err(|error| invalid(format!("`url`: {error}")))?;
        if settings.watched.len() > MAX_WATCHED {
            return Err(invalid(format!("a webhook can watch at most {MAX_WATCHED} things")));
        }
        if !settings.repo_events && !settings.discussion_events {
            return Err(invalid("`domains` must hold `repo` or `discussion`".to_owned()));
        }
        // It is sent as a header.
        let printable = |secret: &WebhookSecret| secret.0.bytes().all(|byte| byte.is_ascii_graphic());
        if settings
            .secret
            .as_ref()
            .is_some_and(|secret| secret.0.len() > MAX_SECRET_BYTES || !printable(secret))
        {
            let message =
                format!("`secret` must have at most {MAX_SECRET_BYTES} printable characters, no spaces");
            return Err(invalid(message));
        }
        Ok(())
    }
}

impl Webhook {
    fn new(row: lyceum_db::Webhook, watched: Vec<Watched>, caller: &Caller) -> Self {
        Self {
            id: row.id,
            url: row.url,
            watched,
            repo_events: row.repo_events,
            discussion_events: row.discussion_events,
            secret: row.secret.filter(|_| writer(caller).is_ok()),
            disabled: row.disabled,
        }
    }
}

/// Returns the id of a caller who may see his webhooks.
fn reader(caller: &Caller) -> Result<i64> {
    let identity = caller.signed_in()?;
    let seen = identity.may(&[Permission::ReadWebhooks], identity.user_id);
    seen.or_else(|_| identity.may(&[Permission::WriteWebhooks], identity.user_id))?;
    Ok(identity.user_id)
}

/// Returns the id of a caller who may change his webhooks.
fn writer(caller: &Caller) -> Result<i64> {
    let identity = caller.signed_in()?;
    identity.may(&[Permission::WriteWebhooks], identity.user_id)?;
    Ok(identity.user_id)
}

fn missing(id: i64) -> Error {
    Error::new(ErrorKind::NotFound, format!("you have no webhook {id:024x}"))
}

/// Wait before the second attempt, in seconds; doubled before each further one.
const RETRY_SECONDS: i64 = 10;
/// Longest wait between two attempts, in seconds.
const MAX_RETRY_SECONDS: i64 = 3600;
/// How often a delivery is tried: the last time more than two hours after the first.
const MAX_ATTEMPTS: u32 = 12;

/// Returns when an attempt is followed by the next; `attempts` were made.
fn retry_at(attempts: u32, now: Timestamp) -> Timestamp {
    now.plus_seconds((RETRY_SECONDS << attempts.saturating_sub(1).min(16)).min(MAX_RETRY_SECONDS))
}
