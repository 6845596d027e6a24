//! Following the changes of a bucket as they happen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lyceum_core::{RepoId, RepoKind, Timestamp};
use lyceum_db::BucketEvent;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result};

/// Most followers at once; each holds a connection.
const MAX_FOLLOWERS: usize = 512;
/// Most of them who are not signed in; the others' places are kept for users.
const MAX_ANONYMOUS_FOLLOWERS: usize = 256;
/// Most of one user.
const MAX_FOLLOWERS_PER_USER: usize = 64;
/// Changed buckets that a follower may be behind before it looks by itself.
const MAX_NEWS: usize = 256;
/// Changes told at once.
const CHANGES_PAGE: u32 = 1000;
/// How often a quiet follower is told that all is well; changes made by other replicas are found by then.
const IDLE: Duration = Duration::from_secs(20);
/// How long one follower is served before it has to come again, with credentials that still hold.
const SESSION: Duration = Duration::from_secs(15 * 60);

/// Where a follower goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketResume {
    /// With the next change.
    Now,
    /// After the change that a cursor of an earlier session names.
    Cursor(String),
    /// With the first change that is not older than this.
    Since(Timestamp),
}

/// What a follower is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketFeed {
    /// Changes, in order; `cursor` goes on after them.
    Changes {
        /// Where to go on.
        cursor: String,
        /// The changes.
        changes: Vec<BucketEvent>,
    },
    /// All earlier changes were told; what follows happens now.
    Ready {
        /// Where to go on.
        cursor: String,
    },
    /// Nothing happened for a while.
    Idle,
    /// Changes between the asked point and now are forgotten: list the bucket anew. The last word of a session.
    Reset,
    /// Come again. The last word of a session.
    Reconnect {
        /// Where to go on.
        cursor: String,
    },
}

/// One session of following a bucket.
pub struct BucketFollower {
    hub: Hub,
    caller: Caller,
    name: RepoId,
    bucket_id: i64,
    news: broadcast::Receiver<i64>,
    stopping: watch::Receiver<bool>,
    /// Number of the last change that was told; `None` if it is forgotten.
    told: Option<u64>,
    ready: bool,
    ended: bool,
    until: Instant,
    _turn: Turn,
}

/// What followers of this process listen to.
pub(crate) struct Followers {
    news: broadcast::Sender<i64>,
    stopping: watch::Sender<bool>,
    turns: Arc<Mutex<Turns>>,
}

impl Default for Followers {
    fn default() -> Self {
        Self {
            news: broadcast::Sender::new(MAX_NEWS),
            stopping: watch::Sender::new(false),
            turns: Arc::default(),
        }
    }
}

impl Followers {
    /// Tells followers that a bucket changed.
    pub(crate) fn tell(&self, bucket_id: i64) {
        // An error only says that nobody listens.
        let _ = self.news.send(bucket_id);
    }

    /// Counts one more follower of a user, or of nobody; `None` if there are enough.
    fn turn(&self, user: Option<i64>) -> Option<Turn> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let most = if user.is_some() { MAX_FOLLOWERS_PER_USER } else { MAX_ANONYMOUS_FOLLOWERS };
        let own = turns.of.get(&user).copied().unwrap_or_default();
        if turns.all >= MAX_FOLLOWERS || own >= most {
            return None;
        }
        turns.all += 1;
        turns.of.insert(user, own + 1);
        Some(Turn { user, turns: Arc::clone(&self.turns) })
    }
}

/// How many follow, and how many of each user's; `None` is nobody's.
#[derive(Default)]
struct Turns {
    all: usize,
    of: HashMap<Option<i64>, usize>,
}

/// The place of one follower, free again when it is dropped.
struct Turn {
    user: Option<i64>,
    turns: Arc<Mutex<Turns>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.all -= 1;
        if let Entry::Occupied(mut own) = turns.of.entry(self.user) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

impl Hub {
    /// Starts to follow a bucket that was opened for reading; `Unavailable` if too many do, of all or of one user.
    pub async fn follow_bucket(
        &self,
        caller: &Caller,
        bucket: &Repo,
        resume: BucketResume,
    ) -> Result<BucketFollower> {
        self.readable(bucket)?;
        let followers = &self.inner.followers;
        let full = || Error::new(ErrorKind::Unavailable, "too many clients follow changes; try again later");
        let turn = followers.turn(caller.user_id()).ok_or_else(full)?;
        // Listening first: what happens from here on is not missed.
        let (news, stopping) = (followers.news.subscribe(), followers.stopping.subscribe());
        let told = self.told_before(bucket.record.id, resume).await?;
        Ok(BucketFollower {
            hub: self.clone(),
            caller: caller.clone(),
            name: bucket.id().clone(),
            bucket_id: bucket.record.id,
            news,
            stopping,
            told,
            ready: false,
            ended: false,
            until: Instant::now() + SESSION,
            _turn: turn,
        })
    }

    /// Ends the sessions of all followers, because the process stops.
    pub fn end_followers(&self) {
        self.inner.followers.stopping.send_replace(true);
    }

    /// Returns the number of the change after which to go on; `None` if the one that follows it is forgotten.
    async fn told_before(&self, bucket_id: i64, resume: BucketResume) -> Result<Option<u64>> {
        let mut db = self.inner.db.read().await?;
        let last = db.bucket(bucket_id).await?.ok_or_else(crate::access::not_found)?.last_event;
        match resume {
            BucketResume::Now => Ok(Some(last)),
            BucketResume::Cursor(cursor) => {
                let invalid = || Error::new(ErrorKind::Invalid, "invalid `cursor`");
                let (bucket, told) = cursor.split_once('.').ok_or_else(invalid)?;
                let bucket: i64 = bucket.parse().map_err(|_| invalid())?;
                let told: u64 = told.parse().map_err(|_| invalid())?;
                let oldest = db.oldest_bucket_event(bucket_id).await?.map_or(last + 1, |(seq, _)| seq);
                // Another bucket had this name, or the database was set back.
                let known = bucket == bucket_id && (oldest - 1..=last).contains(&told);
                Ok(known.then_some(told))
            }
            BucketResume::Since(since) => match db.oldest_bucket_event(bucket_id).await? {
                Some((seq, at)) if seq > 1 && at >= since => Ok(None),
                _ => Ok(Some(db.first_bucket_event(bucket_id, since).await?.map_or(last, |seq| seq - 1))),
            },
        }
    }
}

impl BucketFollower {
    /// Waits for what is next to be told; `None` after the last.
    pub async fn next(&mut self) -> Option<BucketFeed> {
        if self.ended {
            return None;
        }
        match self.advance().await {
            Ok(feed) => {
                self.ended = matches!(feed, None | Some(BucketFeed::Reset | BucketFeed::Reconnect { .. }));
                feed
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a follower cannot be served");
                self.ended = true;
                None
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<BucketFeed>> {
        loop {
            let Some(told) = self.told else {
                return Ok(Some(BucketFeed::Reset));
            };
            // Asked again each time: the bucket may be private or gone by now.
            if !self.still_readable().await? {
                return Ok(None);
            }
            let changes =
                self.hub.inner.db.read().await?.bucket_events(self.bucket_id, told, CHANGES_PAGE).await?;
            if let (Some(first), Some(last)) = (changes.first(), changes.last()) {
                if first.seq != told + 1 {
                    return Ok(Some(BucketFeed::Reset));
                }
                self.told = Some(last.seq);
                return Ok(Some(BucketFeed::Changes { cursor: self.cursor(last.seq), changes }));
            }
            if !self.ready {
                self.ready = true;
                return Ok(Some(BucketFeed::Ready { cursor: self.cursor(told) }));
            }
            let Some(changed) = self.changed().await else {
                return Ok(Some(BucketFeed::Reconnect { cursor: self.cursor(told) }));
            };
            if !changed {
                let quiet = self.hub.inner.db.read().await?.bucket(self.bucket_id).await?;
                if quiet.is_none_or(|totals| totals.last_event == told) {
                    return Ok(Some(BucketFeed::Idle));
                }
            }
        }
    }

    /// Waits until the bucket may have changed: true if somebody said so, `None` if the session ends.
    async fn changed(&mut self) -> Option<bool> {
        let idle = Instant::now() + IDLE;
        if Instant::now() >= self.until {
            return None;
        }
        loop {
            tokio::select! {
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                news = self.news.recv() => match news {
                    Ok(bucket) if bucket != self.bucket_id => {}
                    // Who missed some news looks by himself.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return Some(true),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                () = tokio::time::sleep_until(idle) => return Some(false),
            }
        }
    }

    async fn still_readable(&self) -> Result<bool> {
        match self.hub.open(&self.caller, RepoKind::Bucket, &self.name, Action::Read).await {
            Ok(repo) => Ok(repo.record.id == self.bucket_id),
            Err(error) if error.kind() == ErrorKind::Internal => Err(error),
            Err(_) => Ok(false),
        }
    }

    fn cursor(&self, told: u64) -> String {
        format!("{}.{told}", self.bucket_id)
    }
}
