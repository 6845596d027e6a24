//! Work in the background: described repos, merged segments, counted downloads, forgotten uploads.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use lyceum_core::Timestamp;
use lyceum_db::{Job, Lane};

use crate::webhook::{deliver, tell};
use crate::{Error, Hub, Result, bucket, derive, mirror, quota};

mod delivery;
pub(crate) mod merge;

/// How long a worker may keep a job before another takes it over, in milliseconds.
const LEASE_MS: u32 = 10 * 60 * 1000;
/// Longest sleep without news, in seconds; other replicas' jobs are found by then.
const POLL_SECONDS: u64 = 5;
/// How often a job is tried before it is given up.
const MAX_ATTEMPTS: u32 = 8;
/// Jobs that were given up and are kept for somebody to look at.
const MAX_GIVEN_UP: u32 = 1000;
/// Wait before the second attempt, in seconds; doubles each time.
const RETRY_SECONDS: i64 = 5;
/// Longest account of a failure that is kept.
const MAX_ERROR_CHARS: usize = 1000;
/// Uploads forgotten in one round.
const EXPIRED_PAGE: u32 = 100;

/// What one worker does after another.
const CHORES: Lane<'static> = Lane::Not(&[deliver::QUEUE, mirror::QUEUE, mirror::FILES]);

impl Hub {
    /// Runs jobs until `stop` resolves, and ends the one that is running then: derived facts, download counts, expired
    /// uploads, webhooks. What is being sent then is sent again by the next process.
    pub async fn run_jobs(&self, stop: impl Future<Output = ()> + Send) {
        let stop = stop.shared();
        tokio::join!(
            self.run_chores(stop.clone()),
            self.run_mirrors(mirror::QUEUE, stop.clone()),
            self.run_mirrors(mirror::FILES, stop.clone()),
            self.run_deliveries(stop.clone()),
            self.run_collections(stop.clone()),
            self.run_catalogue(stop)
        );
        if let Err(error) = self.flush_downloads().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "cannot write the last download counts"
            );
        }
    }

    /// Runs jobs one after another, except deliveries.
    async fn run_chores(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            let found = guarded(Box::pin(self.run_round())).await.unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot run background jobs");
                false
            });
            // After a job there may be another: only a look at `stop`, no wait.
            let wait = if found { Duration::ZERO } else { self.next_round(CHORES).await };
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = self.inner.job_added.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Runs every job that is due and waits for them; for tests and one-off commands.
    pub async fn run_due_jobs(&self) -> Result<usize> {
        let mut done = 0;
        loop {
            while self.run_round().await? {
                done += 1;
            }
            for queue in [mirror::QUEUE, mirror::FILES] {
                while self.run_due_mirror(queue).await? {
                    done += 1;
                }
            }
            let Some(job) = self.claim_delivery(Vec::new()).await? else {
                return Ok(done);
            };
            self.deliver(job).await?;
            done += 1;
        }
    }

    /// Does the regular chores and one job; `false` if none was due.
    pub(crate) async fn run_round(&self) -> Result<bool> {
        self.flush_downloads().await?;
        self.forget_uploads().await?;
        let Some(job) = self.claim(CHORES, LEASE_MS, MAX_ATTEMPTS).await? else {
            return Ok(false);
        };
        self.run_job(&job).await?;
        Ok(true)
    }

    pub(crate) async fn next_round(&self, lane: Lane<'_>) -> Duration {
        let longest = Duration::from_secs(POLL_SECONDS);
        let Ok(mut db) = self.inner.db.read().await else {
            return longest;
        };
        match db.next_job_at(lane).await {
            Ok(Some(due)) => {
                Duration::from_millis(due.0.saturating_sub(self.inner.clock.now().0).max(1).unsigned_abs())
                    .min(longest)
            }
            _ => longest,
        }
    }

    /// Claims a job that is due.
    pub(crate) async fn claim(
        &self,
        lane: Lane<'static>,
        lease_ms: u32,
        max_claims: u32,
    ) -> Result<Option<Job>> {
        let now = self.inner.clock.now();
        // Reading first: an idle hub must not write.
        if self.inner.db.read().await?.next_job_at(lane).await?.is_none_or(|due| due > now) {
            return Ok(None);
        }
        self.inner
            .db
            .write(move |tx| Box::pin(async move { claim_sound(tx, lane, now, lease_ms, max_claims).await }))
            .await
    }

    async fn work(&self, job: &Job) -> Result<()> {
        match (job.queue.as_str(), job.payload.parse::<i64>()) {
            (derive::QUEUE, Ok(repo_id)) => self.describe_repo(repo_id).await,
            (quota::QUEUE, Ok(account_id)) => self.measure_account(account_id).await,
            (merge::QUEUE, Ok(repo_id)) => self.merge_repo(repo_id).await,
            (bucket::PURGE, Ok(repo_id)) => self.purge_bucket(repo_id).await,
            (tell::QUEUE, _) => self.tell_webhooks(&job.payload).await,
            _ => Err(Error::internal(format!("nobody knows the job `{}`", job.key))),
        }
    }

    async fn run_job(&self, job: &Job) -> Result<()> {
        let result = guarded(Box::pin(self.work(job))).await;
        let (ended, now) = (job.clone(), self.inner.clock.now());
        let Err(error) = result else {
            self.inner
                .db
                .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.complete(&ended).await?) }))
                .await?;
            return Ok(());
        };
        let last = job.attempts >= MAX_ATTEMPTS;
        tracing::warn!(
            job = job.key,
            attempt = job.attempts,
            last,
            error = &error as &dyn std::error::Error,
            "a background job failed"
        );
        let message = with_causes(&error);
        let retry_at = now.plus_seconds(RETRY_SECONDS << job.attempts.min(12));
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if last {
                        return Ok::<_, Error>(tx.give_job_up(&ended, &message, MAX_GIVEN_UP).await?);
                    }
                    Ok(tx.fail(&ended, &message, retry_at).await?)
                })
            })
            .await?;
        Ok(())
    }

    async fn forget_uploads(&self) -> Result<()> {
        let expired =
            self.inner.db.read().await?.expired_uploads(self.inner.clock.now(), EXPIRED_PAGE).await?;
        for upload in expired {
            self.drop_upload(&upload.id).await?;
        }
        Ok(())
    }
}

/// Claims a job that is due. One that was claimed more than `max_claims` times never got as far as to fail: it is given
/// up, so that it cannot end every process that tries it.
pub(crate) async fn claim_sound(
    tx: &mut lyceum_db::Queries,
    lane: Lane<'_>,
    now: Timestamp,
    lease_ms: u32,
    max_claims: u32,
) -> Result<Option<Job>> {
    while let Some(job) = tx.claim(lane, now, lease_ms).await? {
        if job.attempts <= max_claims {
            return Ok(Some(job));
        }
        tracing::warn!(job = job.key, "a background job never ended and is given up");
        match job.queue.as_str() {
            // The log of its webhook says so, and has a button of its own.
            deliver::QUEUE => {
                tx.drop_job(&job).await?;
                deliver::give_up(tx, &job, now).await?;
            }
            mirror::QUEUE | mirror::FILES => {
                tx.drop_job(&job).await?;
                mirror::put_off(tx, &job, now).await?;
            }
            _ => {
                let error = "it never ended: each process that tried it stopped before";
                tx.give_job_up(&job, error, MAX_GIVEN_UP).await?;
            }
        }
    }
    Ok(None)
}

/// Turns a panic into an error: what one job meets must not stop the others.
pub(crate) async fn guarded<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(Error::internal(format!("the job panicked: {}", text.unwrap_or("nobody knows why"))))
    })
}

/// Returns what went wrong with all that led to it, for administrators.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    text.chars().take(MAX_ERROR_CHARS).collect()
}

#[cfg(test)]
mod tests;
