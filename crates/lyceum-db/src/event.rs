//! The audit log.
//!
//! The events of a repo are chained: each carries the hash of the one before, and the repo's row the hash of the last.
//! Who changes, removes or reorders events must change every later one, and the row.

use lyceum_core::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::queries::{Queries, Sql};
use crate::value::{Columns, Record, bind};

/// Events read at a time while a chain is checked.
const PAGE: u32 = 500;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The key of the row; later events have higher ones.
    pub id: i64,
    /// On which repo, which may be gone.
    pub repo_id: Option<i64>,
    /// By whom, who may be gone.
    pub actor_id: Option<i64>,
    /// What, such as `repo.create`.
    pub action: String,
    /// More about it, as a JSON object.
    pub detail: String,
    /// When.
    pub at: Timestamp,
    /// The hash of the repo's event before.
    pub previous: Option<[u8; 32]>,
    /// The hash of this event.
    pub hash: [u8; 32],
}

/// Something to be noted.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// On which repo.
    pub repo_id: Option<i64>,
    /// By whom.
    pub actor_id: Option<i64>,
    /// What, such as `repo.create`.
    pub action: String,
    /// More about it, as a JSON object.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

/// Which events to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only before this number.
    pub before: i64,
    /// Only from this number on.
    pub from: i64,
    /// Only on this repo.
    pub repo_id: Option<i64>,
    /// Only by this user.
    pub actor_id: Option<i64>,
    /// Only what was done so.
    pub action: Option<String>,
    /// Only with this text in what is known more about it.
    pub text: Option<String>,
}

/// What the check of a chain found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// All events are as they were written.
    Intact {
        /// How many there are.
        events: u64,
    },
    /// An event is not what was written, or does not follow the one before.
    Broken {
        /// The first such event.
        event_id: i64,
    },
    /// Events at the end are missing.
    Cut {
        /// How many are left.
        events: u64,
    },
}

macro_rules! event_columns {
    () => {
        "id, repo_id, actor_id, action, detail, at, previous, hash"
    };
}

impl Record for Event {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            repo_id: columns.get()?,
            actor_id: columns.get()?,
            action: columns.get()?,
            detail: columns.get()?,
            at: columns.get()?,
            previous: columns.get()?,
            hash: columns.get()?,
        })
    }
}

impl Queries {
    /// Notes an event and returns its id. Locks the repo's row until the transaction ends.
    ///
    /// An event of a repo that is gone starts at nothing, as one of no repo does.
    pub async fn append_event(&mut self, new: &NewEvent) -> Result<i64> {
        let mut previous: Option<[u8; 32]> = None;
        if let Some(repo_id) = new.repo_id {
            let mut sql = Sql::new("SELECT event_hash FROM repo WHERE id = ");
            sql.bind(repo_id).push(self.dialect().for_update());
            let (sql, arguments) = sql.finish();
            previous = self.optional::<Option<[u8; 32]>>(sql, arguments).await?.flatten();
        }
        let hash = event_hash(previous, new);
        let id = self
            .one(
                "INSERT INTO event (repo_id, actor_id, action, detail, at, previous, hash) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
                bind![new.repo_id, new.actor_id, new.action, new.detail, new.at, previous, hash],
            )
            .await?;
        if let Some(repo_id) = new.repo_id {
            self.execute("UPDATE repo SET event_hash = $2 WHERE id = $1", bind![repo_id, hash]).await?;
        }
        Ok(id)
    }

    /// Returns a page of the events that fit, newest first.
    pub async fn events_found(&mut self, query: &EventQuery, limit: u32) -> Result<Vec<Event>> {
        let mut sql = Sql::new(concat!("SELECT ", event_columns!(), " FROM event WHERE id < "));
        sql.bind(query.before).push(" AND id >= ").bind(query.from);
        if let Some(repo) = query.repo_id {
            sql.push(" AND repo_id = ").bind(repo);
        }
        if let Some(actor) = query.actor_id {
            sql.push(" AND actor_id = ").bind(actor);
        }
        if let Some(action) = &query.action {
            sql.push(" AND action = ").bind(action.as_str());
        }
        if let Some(text) = &query.text {
            sql.push(" AND ")
                .push(self.dialect().position())
                .push("(detail, ")
                .bind(text.as_str())
                .push(") > 0");
        }
        sql.push(" ORDER BY id DESC LIMIT ").bind(limit);
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }

    /// Returns the number after that of the newest event.
    pub async fn events_end(&mut self) -> Result<i64> {
        self.one("SELECT COALESCE(MAX(id), 0) + 1 FROM event", bind![]).await
    }

    /// Returns the number of the first event that happened at a time or later, or the end if none did. Halves the log
    /// again and again, as times follow the numbers but for the moments that transactions take.
    pub async fn event_at(&mut self, at: Timestamp) -> Result<i64> {
        let (mut low, mut high) = (1, self.events_end().await?);
        while low < high {
            let middle = low + (high - low) / 2;
            let sql = "SELECT id, at FROM event WHERE id >= $1 ORDER BY id LIMIT 1";
            match self.optional::<(i64, Timestamp)>(sql, bind![middle]).await? {
                Some((id, when)) if when < at => low = id + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Checks the chain of a repo's events.
    pub async fn verify_events(&mut self, repo_id: i64) -> Result<Chain> {
        // The head first: events that come while the rest is read are beyond it, and not looked at.
        let head: Option<Option<[u8; 32]>> =
            self.optional("SELECT event_hash FROM repo WHERE id = $1", bind![repo_id]).await?;
        let Some(Some(head)) = head else {
            return Ok(Chain::Intact { events: 0 });
        };
        let (mut previous, mut after, mut events) = (None, 0_i64, 0);
        loop {
            let page: Vec<Event> = self
                .all(
                    concat!(
                        "SELECT ",
                        event_columns!(),
                        " FROM event WHERE repo_id = $1 AND id > $2 ORDER BY id LIMIT $3"
                    ),
                    bind![repo_id, after, PAGE],
                )
                .await?;
            if page.is_empty() {
                return Ok(Chain::Cut { events });
            }
            for event in page {
                let (id, stored, follows) = (event.id, event.hash, event.previous == previous);
                if !follows || event_hash(previous, &event.into()) != stored {
                    return Ok(Chain::Broken { event_id: id });
                }
                events += 1;
                if stored == head {
                    return Ok(Chain::Intact { events });
                }
                (previous, after) = (Some(stored), id);
            }
        }
    }
}

impl From<Event> for NewEvent {
    fn from(event: Event) -> Self {
        let Event { repo_id, actor_id, action, detail, at, .. } = event;
        Self { repo_id, actor_id, action, detail, at }
    }
}

/// Hashes an event in a form that no two events share: numbers have a fixed width, texts their length before them.
fn event_hash(previous: Option<[u8; 32]>, event: &NewEvent) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"lyceum event 1\n");
    hash.update(previous.unwrap_or_default());
    for number in [event.repo_id.unwrap_or(0), event.actor_id.unwrap_or(0), event.at.0] {
        hash.update(number.to_be_bytes());
    }
    for text in [&event.action, &event.detail] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}
