//! Work to be done later, by any replica.
//!
//! A job is claimed with a lease and deleted when it is done; when the lease ends first, another worker gets it. So a job
//! runs at least once, and must not mind running twice. A job that is enqueued again while it runs, runs again after.
//! One that was tried often enough is given up: it stays, so that somebody can look at it and try it again.

use lyceum_core::Timestamp;

use crate::error::Result;
use crate::queries::{Queries, Sql};
use crate::value::{Columns, Record, bind};

/// When a job runs that was given up: never.
const NEVER: Timestamp = Timestamp(i64::MAX);

/// A claimed job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The key of the row.
    pub id: i64,
    /// Which kind of work.
    pub queue: String,
    /// On what; unique, so that the same work waits only once.
    pub key: String,
    /// What to do, as JSON.
    pub payload: String,
    /// How often it was claimed since it was enqueued, this time included.
    pub attempts: u32,
    /// Why it failed the last time.
    pub last_error: Option<String>,
    /// When it was first enqueued.
    pub created_at: Timestamp,
    /// Numbers the claims, so that a worker that lost its lease cannot end another's.
    pub lease: i64,
}

/// A job as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// The key of the row.
    pub id: i64,
    /// Which kind of work.
    pub queue: String,
    /// On what.
    pub key: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed the last time.
    pub last_error: Option<String>,
    /// When it was first enqueued.
    pub created_at: Timestamp,
    /// When it is tried next; `None` if it was given up.
    pub run_at: Option<Timestamp>,
    /// Until when a worker has it.
    pub locked_until: Option<Timestamp>,
    /// How often it was claimed at all.
    pub lease: i64,
}

/// How much there is to do in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Which kind of work.
    pub queue: String,
    /// Jobs that wait or run.
    pub waiting: u64,
    /// Jobs that were given up.
    pub given_up: u64,
}

/// Which jobs a worker takes: some have workers of their own, because they wait for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane<'a> {
    /// All.
    Any,
    /// Those of one queue.
    Only(&'a str),
    /// Those of one queue whose key begins with none of some words.
    Except(&'a str, &'a [String]),
    /// Those of all queues but some.
    Not(&'a [&'a str]),
}

impl Lane<'_> {
    fn filter(self, sql: &mut Sql) {
        match self {
            Self::Any => {}
            Self::Only(queue) => drop(sql.push(" AND queue = ").bind(queue)),
            Self::Except(queue, keys) => {
                sql.push(" AND queue = ").bind(queue);
                for key in keys {
                    sql.push(" AND key NOT LIKE ").bind(format!("{key}%"));
                }
            }
            Self::Not(queues) => {
                for queue in queues {
                    sql.push(" AND queue <> ").bind(*queue);
                }
            }
        }
    }
}

macro_rules! job_columns {
    () => {
        "id, queue, key, payload, attempts, last_error, created_at, lease"
    };
}

macro_rules! job_state_columns {
    () => {
        "id, queue, key, attempts, last_error, created_at, run_at, locked_until, lease"
    };
}

impl Record for Job {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            queue: columns.get()?,
            key: columns.get()?,
            payload: columns.get()?,
            attempts: columns.get()?,
            last_error: columns.get()?,
            created_at: columns.get()?,
            lease: columns.get()?,
        })
    }
}

impl Record for JobState {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            queue: columns.get()?,
            key: columns.get()?,
            attempts: columns.get()?,
            last_error: columns.get()?,
            created_at: columns.get()?,
            run_at: Some(columns.get()?).filter(|at| *at != NEVER),
            locked_until: columns.get()?,
            lease: columns.get()?,
        })
    }
}

impl Record for QueueState {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { queue: columns.get()?, waiting: columns.get()?, given_up: columns.get()? })
    }
}

impl Queries {
    /// Enqueues a job to run at `run_at`. If one with this key waits, it gets the new payload and the earlier time.
    pub async fn enqueue(
        &mut self,
        queue: &str,
        key: &str,
        payload: &str,
        run_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        self.execute(
            "INSERT INTO job (queue, key, payload, run_at, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (key) DO UPDATE SET queue = excluded.queue, payload = excluded.payload, changed = 1, \
             attempts = 0, run_at = CASE WHEN job.run_at < excluded.run_at THEN job.run_at ELSE excluded.run_at END",
            bind![queue, key, payload, run_at, now],
        )
        .await?;
        Ok(())
    }

    /// Claims the job of a lane that is due the longest, for `lease_ms`.
    pub async fn claim(&mut self, lane: Lane<'_>, now: Timestamp, lease_ms: u32) -> Result<Option<Job>> {
        let until = Timestamp(now.0.saturating_add(i64::from(lease_ms)));
        let mut sql = Sql::new("UPDATE job SET locked_until = ");
        sql.bind(until)
            .push(", lease = lease + 1, attempts = attempts + 1, changed = 0 WHERE id = (SELECT id FROM job");
        sql.push(" WHERE run_at <= ")
            .bind(now)
            .push(" AND (locked_until IS NULL OR locked_until <= ")
            .bind(now);
        sql.push(")");
        lane.filter(&mut sql);
        sql.push(" ORDER BY run_at, id LIMIT 1").push(self.dialect().skip_locked());
        sql.push(concat!(") RETURNING ", job_columns!()));
        let (sql, arguments) = sql.finish();
        self.optional(sql, arguments).await
    }

    /// Lengthens a lease; false if it is lost: the worker should stop.
    pub async fn extend_job(&mut self, job: &Job, now: Timestamp, lease_ms: u32) -> Result<bool> {
        let until = Timestamp(now.0.saturating_add(i64::from(lease_ms)));
        let sql = "UPDATE job SET locked_until = $3 WHERE id = $1 AND lease = $2";
        Ok(self.execute(sql, bind![job.id, job.lease, until]).await? == 1)
    }

    /// Ends a job; false if the lease was lost. If it was enqueued again meanwhile, it waits to run again.
    pub async fn complete(&mut self, job: &Job) -> Result<bool> {
        let done = self
            .execute("DELETE FROM job WHERE id = $1 AND lease = $2 AND changed = 0", bind![job.id, job.lease])
            .await?;
        if done == 1 {
            return Ok(true);
        }
        let again = self
            .execute(
                "UPDATE job SET locked_until = NULL, attempts = 0, last_error = NULL WHERE id = $1 AND lease = $2",
                bind![job.id, job.lease],
            )
            .await?;
        Ok(again == 1)
    }

    /// Puts a job back to be tried at `next_run_at`, or sooner if it was enqueued again meanwhile; false if the lease was
    /// lost.
    pub async fn fail(&mut self, job: &Job, error: &str, next_run_at: Timestamp) -> Result<bool> {
        let sql = "UPDATE job SET locked_until = NULL, last_error = $3, \
                   run_at = CASE WHEN changed = 1 AND run_at < $4 THEN run_at ELSE $4 END WHERE id = $1 AND lease = $2";
        Ok(self.execute(sql, bind![job.id, job.lease, error, next_run_at]).await? == 1)
    }

    /// Puts a job back that was not tried after all, to run at `run_at`; false if the lease was lost.
    pub async fn put_job_back(&mut self, job: &Job, run_at: Timestamp) -> Result<bool> {
        let sql = "UPDATE job SET locked_until = NULL, run_at = $3, \
                   attempts = CASE WHEN changed = 1 THEN attempts ELSE attempts - 1 END WHERE id = $1 AND lease = $2";
        Ok(self.execute(sql, bind![job.id, job.lease, run_at]).await? == 1)
    }

    /// Removes a job that is not worth another try; false if the lease was lost.
    pub async fn drop_job(&mut self, job: &Job) -> Result<bool> {
        let sql = "DELETE FROM job WHERE id = $1 AND lease = $2";
        Ok(self.execute(sql, bind![job.id, job.lease]).await? == 1)
    }

    /// Gives a job up, unless it was enqueued again meanwhile, and forgets all that were given up but the newest `keep`;
    /// false if the lease was lost.
    pub async fn give_job_up(&mut self, job: &Job, error: &str, keep: u32) -> Result<bool> {
        let sql = "UPDATE job SET locked_until = NULL, last_error = $3, \
                   run_at = CASE WHEN changed = 1 THEN run_at ELSE $4 END WHERE id = $1 AND lease = $2";
        if self.execute(sql, bind![job.id, job.lease, error, NEVER]).await? != 1 {
            return Ok(false);
        }
        let sql = "DELETE FROM job WHERE run_at = $1 AND id <= \
                   (SELECT id FROM job WHERE run_at = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
        self.execute(sql, bind![NEVER, keep]).await?;
        Ok(true)
    }

    /// Makes a job due that waits or was given up, and returns it; `None` if there is none or it runs.
    pub async fn retry_job(&mut self, id: i64, now: Timestamp) -> Result<Option<JobState>> {
        let sql = concat!(
            "UPDATE job SET run_at = $2, attempts = 0 WHERE id = $1 AND (locked_until IS NULL OR locked_until <= $2) \
             RETURNING ",
            job_state_columns!()
        );
        self.optional(sql, bind![id, now]).await
    }

    /// Returns the number of jobs that wait or run, of `queue` or of all.
    pub async fn jobs_pending(&mut self, queue: Option<&str>) -> Result<u64> {
        let mut sql = Sql::new("SELECT COUNT(*) FROM job WHERE run_at < ");
        sql.bind(NEVER);
        if let Some(queue) = queue {
            sql.push(" AND queue = ").bind(queue);
        }
        let (sql, arguments) = sql.finish();
        self.one(sql, arguments).await
    }

    /// Returns when the next job of a lane is due, so that a worker knows how long it may sleep; leases count until they
    /// end.
    pub async fn next_job_at(&mut self, lane: Lane<'_>) -> Result<Option<Timestamp>> {
        let mut sql =
            Sql::new("SELECT MIN(due) FROM (SELECT (SELECT run_at FROM job WHERE locked_until IS NULL");
        lane.filter(&mut sql);
        sql.push(" ORDER BY run_at LIMIT 1) AS due");
        sql.push(" UNION ALL SELECT (SELECT MIN(locked_until) FROM job WHERE locked_until IS NOT NULL");
        lane.filter(&mut sql);
        sql.push(")) times");
        let (sql, arguments) = sql.finish();
        let due: Option<Option<Timestamp>> = self.optional(sql, arguments).await?;
        Ok(due.flatten())
    }

    /// Returns a page of jobs, or of those that failed the last time, in order of id, after the id `after`.
    pub async fn jobs_page(&mut self, failed: bool, after: i64, limit: u32) -> Result<Vec<JobState>> {
        let mut sql = Sql::new(concat!("SELECT ", job_state_columns!(), " FROM job WHERE id > "));
        sql.bind(after).push(if failed { " AND last_error IS NOT NULL" } else { "" });
        sql.push(" ORDER BY id LIMIT ").bind(limit);
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }

    /// Returns how much there is to do in each queue that has jobs, in order of name.
    pub async fn queues(&mut self) -> Result<Vec<QueueState>> {
        let sql = "SELECT queue, SUM(CASE WHEN run_at < $1 THEN 1 ELSE 0 END), \
                   SUM(CASE WHEN run_at < $1 THEN 0 ELSE 1 END) FROM job GROUP BY queue ORDER BY queue";
        self.all(sql, bind![NEVER]).await
    }
}
