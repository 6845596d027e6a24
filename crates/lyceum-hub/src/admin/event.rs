//! The audit log, searched.

use std::collections::HashMap;

use lyceum_core::{AccountName, RepoId, RepoKind, Timestamp};
use lyceum_db::EventQuery;

use super::{Administration, MAX_PAGE};
use crate::account::MAX_TEXT_CHARS;
use crate::people::id_cursor;
use crate::{Error, ErrorKind, Result};

/// Events that one page looks at when no index tells which of them fit; the next page goes on where it ended.
const WINDOW: i64 = 100_000;

/// Which events to show. Empty texts filter nothing.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Name of the user who did it.
    pub actor: String,
    /// What was done, such as `create-repo`.
    pub action: String,
    /// To what: the id of a repo, with `datasets/` and the like in front, or the name of an account.
    pub target: String,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// Something that was done.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Whether somebody signed in did it, rather than the operator or the hub itself.
    pub by_user: bool,
    /// His name, unless he is gone.
    pub actor: Option<AccountName>,
    /// What.
    pub action: String,
    /// To which repo, by the name that it has now.
    pub repo: Option<(RepoKind, RepoId)>,
    /// More about it, as JSON.
    pub detail: String,
}

/// One page of events, the newest first.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// The events.
    pub events: Vec<AuditEvent>,
    /// Cursor of the next page, which may be had although this one is empty.
    pub next: Option<String>,
}

impl Administration {
    /// Lists what was done.
    pub async fn events(&self, filter: &EventFilter, before: Option<&str>) -> Result<EventPage> {
        for text in [&filter.actor, &filter.action, &filter.target] {
            if text.len() > MAX_TEXT_CHARS {
                return Err(Error::new(ErrorKind::Invalid, "what is searched for is too long"));
            }
        }
        let before = before.map(id_cursor).transpose()?;
        let mut db = self.hub.inner.db.read().await?;
        let end = db.events_end().await?;
        let mut query =
            EventQuery { before: before.map_or(end, |before| before.min(end)), ..Default::default() };
        query.from = 1;
        if let Some(since) = filter.since {
            query.from = db.event_at(since).await?;
        }
        if let Some(until) = filter.until {
            query.before = query.before.min(db.event_at(until).await?);
        }
        if !filter.actor.is_empty() {
            let actor = match AccountName::parse(&filter.actor) {
                Ok(name) => db.account_by_name(&name).await?,
                Err(_) => None,
            };
            let Some(actor) = actor else {
                return Ok(EventPage { events: Vec::new(), next: None });
            };
            query.actor_id = Some(actor.id);
        }
        if !filter.action.is_empty() {
            query.action = Some(filter.action.clone());
        }
        if !filter.target.is_empty() {
            match self.repo_called(&mut db, &filter.target).await? {
                Some(repo) => query.repo_id = Some(repo),
                // Accounts, and repos that are gone, stand by name in what is known more about an event.
                None => query.text = Some(quoted(&filter.target)),
            }
        }
        let floor = query.from;
        if query.action.is_some() || query.text.is_some() {
            query.from = floor.max(query.before.saturating_sub(WINDOW));
        }
        let rows = db.events_found(&query, MAX_PAGE as u32).await?;
        let next = match rows.last() {
            Some(last) if rows.len() == MAX_PAGE => Some(last.id),
            _ => (query.from > floor).then_some(query.from),
        };
        let ids = |id: fn(&lyceum_db::Event) -> Option<i64>| -> Vec<i64> {
            let mut ids: Vec<i64> = rows.iter().filter_map(id).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let actors = db.accounts(&ids(|event| event.actor_id)).await?;
        let actors: HashMap<i64, AccountName> = actors.into_iter().map(|row| (row.id, row.name)).collect();
        let repos = db.repos(&ids(|event| event.repo_id)).await?;
        let repos: HashMap<i64, (RepoKind, RepoId)> =
            repos.into_iter().map(|row| (row.id, (row.kind, row.name))).collect();
        let events = rows.into_iter().map(|row| AuditEvent {
            id: row.id,
            at: row.at,
            by_user: row.actor_id.is_some(),
            actor: row.actor_id.and_then(|id| actors.get(&id).cloned()),
            action: row.action,
            repo: row.repo_id.and_then(|id| repos.get(&id).cloned()),
            detail: row.detail,
        });
        Ok(EventPage { events: events.collect(), next: next.map(|next| next.to_string()) })
    }

    async fn repo_called(&self, db: &mut lyceum_db::Reader, target: &str) -> Result<Option<i64>> {
        let kinds = RepoKind::ALL.into_iter().chain([RepoKind::Bucket]);
        let (kind, id) = kinds
            .filter_map(|kind| Some((kind, target.strip_prefix(&format!("{}/", kind.plural()))?)))
            .next()
            .unwrap_or((RepoKind::Model, target));
        let Ok(id) = RepoId::parse(id) else {
            return Ok(None);
        };
        Ok(db.repo_by_key(kind, &id).await?.map(|repo| repo.id))
    }
}

/// Returns a name as it stands in the JSON of events, without what tells the kind of a repo.
fn quoted(target: &str) -> String {
    let name = match target.split_once('/') {
        Some((_, id)) if id.contains('/') => id,
        _ => target,
    };
    serde_json::Value::from(name).to_string()
}
