//! What happens in a discussion, and how it is stored.

use std::collections::{BTreeSet, HashMap};

use lyceum_core::{Oid, Timestamp};
use lyceum_db::{DiscussionStatus, NewDiscussionEvent};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::DiscussionView;
use crate::{Error, ErrorKind, Hub, Repo, Result};

/// Most events of one discussion; who reads it reads them all.
const MAX_EVENTS: u64 = 10_000;
/// More events that only end a discussion, so that a full one can still be closed or merged.
const MAX_LAST_EVENTS: u64 = 100;
/// Most bytes of what is said in one discussion, former versions included.
const MAX_EVENT_BYTES: u64 = 16 * 1024 * 1024;

/// Something that happened in a discussion.
#[derive(Debug, Clone)]
pub struct DiscussionEvent {
    /// Id, in lower case.
    pub id: String,
    /// Author's account name; `None` if the account is gone.
    pub author: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// What.
    pub data: EventData,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum EventData {
    /// Somebody said something.
    Comment(Comment),
    /// A commit landed on the pull request.
    Commit {
        /// First line of its message.
        subject: String,
        /// Its id.
        oid: Oid,
    },
    /// It was opened, closed or merged.
    Status(DiscussionStatus),
    /// It has another title.
    Title {
        /// The title before.
        from: String,
        /// The title since.
        to: String,
    },
}

/// What somebody said.
#[derive(Debug, Clone)]
pub struct Comment {
    /// As it reads now.
    pub latest: CommentVersion,
    /// Whether it once read otherwise.
    pub edited: bool,
    /// Whether it was hidden; nobody can read it any more.
    pub hidden: bool,
    /// Who hid it.
    pub hidden_by: Option<String>,
    /// How it read before, oldest first.
    pub history: Vec<CommentVersion>,
}

/// A comment as it reads or read.
#[derive(Debug, Clone)]
pub struct CommentVersion {
    /// The text as it was written, in Markdown.
    pub text: String,
    /// Since when.
    pub at: Timestamp,
    /// Who wrote it so; `None` if the account is gone.
    pub author: Option<String>,
}

/// A commit for a pull request, noted when it lands.
#[derive(Debug, Clone)]
pub(crate) struct PullCommit {
    /// Id of the event.
    pub(crate) event_id: String,
    /// First line of the message.
    pub(crate) subject: String,
    /// Its id.
    pub(crate) oid: Oid,
}

/// A stored comment.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredComment {
    pub(super) edited: bool,
    pub(super) hidden: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hidden_by: Option<i64>,
    pub(super) latest: StoredVersion,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) history: Vec<StoredVersion>,
}

/// A stored version of a comment; who and when are left out where the event itself says it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredVersion {
    pub(super) raw: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredCommit {
    subject: String,
    oid: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredStatus {
    status: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredTitle {
    from: String,
    to: String,
}

pub(super) const COMMENT: &str = "comment";
const COMMIT: &str = "commit";
const STATUS: &str = "status-change";
const TITLE: &str = "title-change";

/// What is new in a discussion; its id is made before the transaction, so that a replay writes the same.
#[derive(Debug, Clone)]
pub(super) struct News {
    pub(super) id: String,
    kind: &'static str,
    data: String,
}

impl News {
    pub(super) fn comment(id: String, text: &str) -> Result<Self> {
        let latest = StoredVersion { raw: text.to_owned(), at: None, by: None };
        let comment =
            StoredComment { edited: false, hidden: false, hidden_by: None, latest, history: Vec::new() };
        Ok(Self { id, kind: COMMENT, data: store(&comment)? })
    }

    pub(super) fn commit(id: String, subject: &str, oid: Oid) -> Result<Self> {
        let data = store(&StoredCommit { subject: subject.to_owned(), oid: oid.to_string() })?;
        Ok(Self { id, kind: COMMIT, data })
    }

    pub(super) fn status(id: String, status: DiscussionStatus) -> Result<Self> {
        let data = store(&StoredStatus { status: status.as_str().to_owned() })?;
        Ok(Self { id, kind: STATUS, data })
    }

    pub(super) fn title(id: String, from: &str, to: &str) -> Result<Self> {
        let data = store(&StoredTitle { from: from.to_owned(), to: to.to_owned() })?;
        Ok(Self { id, kind: TITLE, data })
    }

    /// Adds this to a discussion, which must have room for it.
    pub(super) async fn add(
        &self,
        tx: &mut lyceum_db::Queries,
        row: &lyceum_db::Discussion,
        author_id: i64,
        now: Timestamp,
    ) -> Result<()> {
        let most = if self.kind == STATUS { MAX_EVENTS + MAX_LAST_EVENTS } else { MAX_EVENTS };
        if row.events >= most {
            let message = format!(
                "discussion {} has {} events and takes no more; open another one",
                row.num, row.events
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if self.kind != STATUS {
            check_room(row, self.data.len())?;
        }
        let event = NewDiscussionEvent {
            repo_id: row.repo_id,
            num: row.num,
            id: self.id.clone(),
            kind: self.kind.to_owned(),
            author_id,
            created_at: now,
            data: self.data.clone(),
        };
        if self.kind == COMMENT {
            crate::attachment::bind(tx, author_id, &self.data, row.repo_id).await?;
        }
        if tx.insert_discussion_event(&event).await? {
            return Ok(());
        }
        Err(Error::internal(format!("event `{}` of discussion {} exists already", self.id, row.num)))
    }
}

impl Hub {
    /// Reads events of a discussion.
    pub(super) async fn events(
        &self,
        repo: &Repo,
        number: i64,
        view: &DiscussionView,
    ) -> Result<Vec<DiscussionEvent>> {
        let mut db = self.inner.db.read().await?;
        let all = u32::try_from(MAX_EVENTS + 2 * MAX_LAST_EVENTS).unwrap_or(u32::MAX);
        let limit = view.limit.unwrap_or(all).min(all);
        let rows = db.discussion_events(repo.record.id, number, view.skip, limit).await?;
        read(&mut db, rows).await
    }

    /// Reads one event of a discussion.
    pub(super) async fn event(&self, repo: &Repo, number: i64, id: &str) -> Result<DiscussionEvent> {
        let mut db = self.inner.db.read().await?;
        let row =
            db.discussion_event(repo.record.id, number, id).await?.ok_or_else(|| no_event(number, id))?;
        let mut events = read(&mut db, vec![row]).await?;
        events.pop().ok_or_else(|| Error::internal("an event was lost while it was read"))
    }
}

/// Refuses a commit for a pull request that is not open.
pub(crate) fn may_take_commits(row: &lyceum_db::Discussion) -> Result<()> {
    if row.status.closed() {
        let message = format!("pull request {} is {}: it takes no more commits", row.num, row.status);
        return Err(Error::new(ErrorKind::Forbidden, message));
    }
    Ok(())
}

/// Refuses to make a discussion say more than one may hold.
pub(super) fn check_room(row: &lyceum_db::Discussion, more: usize) -> Result<()> {
    if row.event_bytes + more as u64 > MAX_EVENT_BYTES {
        let limit = MAX_EVENT_BYTES >> 20;
        let message =
            format!("discussion {} may hold at most {limit} MiB of text; open another one", row.num);
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(())
}

pub(super) fn no_event(number: i64, id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no comment `{id}` in discussion {number}"))
}

pub(super) fn store(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

pub(super) fn load<T: DeserializeOwned>(data: &str) -> Result<T> {
    serde_json::from_str(data).map_err(Error::internal)
}

/// Turns rows into events, with one query for all who edited what others wrote.
async fn read(
    db: &mut lyceum_db::Queries,
    rows: Vec<lyceum_db::DiscussionEvent>,
) -> Result<Vec<DiscussionEvent>> {
    let mut parsed = Vec::with_capacity(rows.len());
    let mut editors = BTreeSet::new();
    for row in rows {
        let data = Parsed::new(&row)?;
        if let Parsed::Comment(comment) = &data {
            editors.extend(comment.versions().filter_map(|version| version.by));
            editors.extend(comment.hidden_by);
        }
        parsed.push((row, data));
    }
    let editors: Vec<i64> = editors.into_iter().collect();
    let names = if editors.is_empty() { Vec::new() } else { db.accounts(&editors).await? };
    let names: HashMap<i64, String> =
        names.into_iter().map(|account| (account.id, account.name.to_string())).collect();
    Ok(parsed.into_iter().map(|(row, data)| data.finish(row, &names)).collect())
}

enum Parsed {
    Comment(StoredComment),
    Other(EventData),
}

impl Parsed {
    fn new(row: &lyceum_db::DiscussionEvent) -> Result<Self> {
        let data = &row.data;
        Ok(match row.kind.as_str() {
            COMMENT => Self::Comment(load(data)?),
            COMMIT => {
                let StoredCommit { subject, oid } = load(data)?;
                Self::Other(EventData::Commit { subject, oid: oid.parse().map_err(Error::internal)? })
            }
            STATUS => {
                let StoredStatus { status } = load(data)?;
                let unknown = || Error::internal(format!("event `{}` has the status `{status}`", row.id));
                Self::Other(EventData::Status(DiscussionStatus::parse(&status).ok_or_else(unknown)?))
            }
            TITLE => {
                let StoredTitle { from, to } = load(data)?;
                Self::Other(EventData::Title { from, to })
            }
            other => {
                return Err(Error::internal(format!("event `{}` is of the unknown kind `{other}`", row.id)));
            }
        })
    }

    fn finish(self, row: lyceum_db::DiscussionEvent, names: &HashMap<i64, String>) -> DiscussionEvent {
        let author = row.author.map(|name| name.to_string());
        let created_at = row.created_at;
        let data = match self {
            Self::Other(data) => data,
            Self::Comment(comment) => {
                let version = |version: StoredVersion| CommentVersion {
                    text: version.raw,
                    at: version.at.map_or(created_at, Timestamp),
                    author: version.by.map_or_else(|| author.clone(), |by| names.get(&by).cloned()),
                };
                EventData::Comment(Comment {
                    edited: comment.edited,
                    hidden: comment.hidden,
                    hidden_by: comment.hidden_by.and_then(|by| names.get(&by).cloned()),
                    latest: version(comment.latest),
                    history: comment.history.into_iter().map(version).collect(),
                })
            }
        };
        DiscussionEvent { id: row.id, author, created_at, data }
    }
}

impl StoredComment {
    fn versions(&self) -> impl Iterator<Item = &StoredVersion> {
        self.history.iter().chain([&self.latest])
    }
}
