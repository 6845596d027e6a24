//! Webhooks: addresses that are told of changes, what they watch, and what was sent to them.

use std::fmt;

use lyceum_core::{AccountName, RepoId, RepoKind, Timestamp};

use crate::account::{Account, AccountKind, Role, account_columns};
use crate::error::Result;
use crate::queries::{Queries, Sql, batches};
use crate::repo::repo_key;
use crate::value::{Bind, Column, Columns, Record, bind};

mod delivery;

pub use delivery::{Delivery, DeliveryEnd, DeliveryState};

/// What deliveries are signed with. It must be readable to sign, so it is kept as it is; it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(pub String);

/// An address that is told of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The key of the row.
    pub id: i64,
    /// Whose it is: it is told only of what this user may see.
    pub owner_id: i64,
    /// The address.
    pub url: String,
    /// What deliveries are signed with.
    pub secret: Option<WebhookSecret>,
    /// Whether it is told of changes to repos.
    pub repo_events: bool,
    /// Whether it is told of discussions and pull requests.
    pub discussion_events: bool,
    /// Whether it is told of nothing for now.
    pub disabled: bool,
    /// Deliveries in a row that were given up.
    pub failures: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A webhook to be made, or what one becomes.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// The address.
    pub url: String,
    /// What deliveries are signed with.
    pub secret: Option<WebhookSecret>,
    /// Whether it is told of changes to repos.
    pub repo_events: bool,
    /// Whether it is told of discussions and pull requests.
    pub discussion_events: bool,
    /// What it watches, in order.
    pub watched: Vec<Watched>,
}

/// Something that is watched, whether or not it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// Every repo of a user or an organisation.
    Account(AccountKind, AccountName),
    /// One repo.
    Repo(RepoKind, RepoId),
}

/// A webhook that watches something, with what decides whether it may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    /// The webhook.
    pub webhook: Webhook,
    /// Its owner.
    pub owner: Account,
    /// The owner's role in the namespace of the repo: [`Role::Admin`] in his own.
    pub role: Option<Role>,
}

impl Watched {
    /// Returns the text by which watchers are found; the same as a repo's key.
    pub fn target(&self) -> String {
        match self {
            Self::Account(kind, name) => format!("{kind}:{}", name.key()),
            Self::Repo(kind, id) => repo_key(*kind, id),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Account(kind, _) => kind.as_str(),
            Self::Repo(kind, _) => kind.singular(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Account(_, name) => name.to_string(),
            Self::Repo(_, id) => id.to_string(),
        }
    }

    /// Reads what was stored; `None` if it is damaged.
    fn parse(kind: &str, name: &str) -> Option<Self> {
        if let Some(kind) = AccountKind::parse(kind) {
            return Some(Self::Account(kind, AccountName::parse(name).ok()?));
        }
        Some(Self::Repo(RepoKind::parse(kind)?, RepoId::parse(name).ok()?))
    }
}

macro_rules! webhook_columns {
    () => {
        "w.id, w.owner_id, w.url, w.secret, w.repo_events, w.discussion_events, w.disabled, w.failures, w.created_at, \
         w.updated_at"
    };
}

impl Record for Webhook {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            owner_id: columns.get()?,
            url: columns.get()?,
            secret: columns.get()?,
            repo_events: columns.get()?,
            discussion_events: columns.get()?,
            disabled: columns.get()?,
            failures: columns.get()?,
            created_at: columns.get()?,
            updated_at: columns.get()?,
        })
    }
}

impl Record for Watcher {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { webhook: Webhook::read(columns)?, owner: Account::read(columns)?, role: columns.get()? })
    }
}

impl Queries {
    /// Makes a webhook.
    pub async fn insert_webhook(
        &mut self,
        owner_id: i64,
        new: &WebhookSettings,
        at: Timestamp,
    ) -> Result<i64> {
        let id = self
            .one(
                "INSERT INTO webhook (owner_id, url, secret, repo_events, discussion_events, created_at, updated_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id",
                bind![owner_id, new.url, new.secret, new.repo_events, new.discussion_events, at],
            )
            .await?;
        self.watch(id, &new.watched).await?;
        Ok(id)
    }

    /// Replaces the settings of a webhook; false if it is gone.
    pub async fn update_webhook(&mut self, id: i64, new: &WebhookSettings, at: Timestamp) -> Result<bool> {
        let changed = self
            .execute(
                "UPDATE webhook SET url = $2, secret = $3, repo_events = $4, discussion_events = $5, updated_at = $6 \
                 WHERE id = $1",
                bind![id, new.url, new.secret, new.repo_events, new.discussion_events, at],
            )
            .await?;
        if changed == 1 {
            self.execute("DELETE FROM webhook_watch WHERE webhook_id = $1", bind![id]).await?;
            self.watch(id, &new.watched).await?;
        }
        Ok(changed == 1)
    }

    async fn watch(&mut self, id: i64, watched: &[Watched]) -> Result<()> {
        let rows: Vec<(u64, &Watched)> =
            watched.iter().enumerate().map(|(at, one)| (at as u64, one)).collect();
        for rows in batches(&rows) {
            let mut sql =
                Sql::new("INSERT INTO webhook_watch (target, webhook_id, kind, name, position) VALUES ");
            for (index, (position, watched)) in rows.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" }).bind(watched.target()).push(", ").bind(id);
                sql.push(", ").bind(watched.kind()).push(", ").bind(watched.name());
                sql.push(", ").bind(*position).push(")");
            }
            sql.push(" ON CONFLICT (target, webhook_id) DO NOTHING");
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Turns a webhook off, or on again with a clean slate; false if it is gone.
    pub async fn set_webhook_disabled(&mut self, id: i64, disabled: bool, at: Timestamp) -> Result<bool> {
        let sql = "UPDATE webhook SET disabled = $2, failures = 0, updated_at = $3 WHERE id = $1";
        Ok(self.execute(sql, bind![id, disabled, at]).await? == 1)
    }

    /// Deletes a webhook with its deliveries; false if it is gone.
    pub async fn delete_webhook(&mut self, id: i64) -> Result<bool> {
        self.forget_log(id).await?;
        Ok(self.execute("DELETE FROM webhook WHERE id = $1", bind![id]).await? == 1)
    }

    /// Returns a webhook.
    pub async fn webhook(&mut self, id: i64) -> Result<Option<Webhook>> {
        let sql = concat!("SELECT ", webhook_columns!(), " FROM webhook w WHERE w.id = $1");
        self.optional(sql, bind![id]).await
    }

    /// Returns the first webhooks of a user, the oldest first.
    pub async fn webhooks_of(&mut self, owner_id: i64, limit: u32) -> Result<Vec<Webhook>> {
        let sql = concat!(
            "SELECT ",
            webhook_columns!(),
            " FROM webhook w WHERE w.owner_id = $1 ORDER BY w.id LIMIT $2"
        );
        self.all(sql, bind![owner_id, limit]).await
    }

    /// Returns the number of a user's webhooks.
    pub async fn webhooks_count(&mut self, owner_id: i64) -> Result<u64> {
        self.one("SELECT COUNT(*) FROM webhook WHERE owner_id = $1", bind![owner_id]).await
    }

    /// Returns what webhooks watch, with the id of each.
    pub async fn watched_by(&mut self, webhooks: &[i64]) -> Result<Vec<(i64, Watched)>> {
        let mut watched = Vec::new();
        for ids in webhooks.chunks(crate::queries::MAX_LIST) {
            let mut sql = Sql::new("SELECT webhook_id, kind, name FROM webhook_watch WHERE webhook_id IN ");
            sql.list(ids).push(" ORDER BY webhook_id, position");
            let (sql, arguments) = sql.finish();
            let rows: Vec<(i64, String, String)> = self.all(sql, arguments).await?;
            // What a later version may have stored is passed over rather than hiding the rest.
            watched.extend(
                rows.into_iter().filter_map(|(id, kind, name)| Some((id, Watched::parse(&kind, &name)?))),
            );
        }
        Ok(watched)
    }

    /// Reports whether any webhook watches a repo or its owner. Asked at every change, so it is one look into an index.
    pub async fn repo_watched(&mut self, repo_id: i64) -> Result<bool> {
        let found: u64 = self
            .one(
                "SELECT COUNT(*) FROM (SELECT 1 AS one FROM repo r JOIN account o ON o.id = r.owner_id \
                 JOIN webhook_watch x ON x.target IN (r.key, o.kind || ':' || o.name_key) WHERE r.id = $1 LIMIT 1) found",
                bind![repo_id],
            )
            .await?;
        Ok(found == 1)
    }

    /// Returns a page of the enabled webhooks that watch one of the targets, in order of id, after the id `after`, with
    /// what their owners are to the account `namespace_id`.
    pub async fn watchers(
        &mut self,
        targets: &[String],
        namespace_id: i64,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Watcher>> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(concat!("SELECT ", webhook_columns!(), ", ", account_columns!()));
        sql.push(", CASE WHEN w.owner_id = ").bind(namespace_id).push(" THEN 'admin' ELSE m.role END");
        sql.push(" FROM webhook w JOIN account a ON a.id = w.owner_id");
        sql.push(" LEFT JOIN membership m ON m.user_id = w.owner_id AND m.org_id = ").bind(namespace_id);
        sql.push(" WHERE w.id IN (SELECT webhook_id FROM webhook_watch WHERE target IN ").list(targets);
        sql.push(") AND w.disabled = 0 AND a.disabled = 0 AND w.id > ")
            .bind(after)
            .push(" ORDER BY w.id LIMIT ")
            .bind(limit);
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl Bind for WebhookSecret {
    fn bind(&self, to: &mut sqlx::any::AnyArguments) {
        self.0.bind(to);
    }

    fn bind_null(to: &mut sqlx::any::AnyArguments) {
        String::bind_null(to);
    }
}

impl Column for WebhookSecret {
    fn read(row: &sqlx::any::AnyRow, index: usize) -> Result<Self> {
        <String as Column>::read(row, index).map(Self)
    }
}
