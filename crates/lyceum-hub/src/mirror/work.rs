//! The workers that look at mirrors when they are due, and that fetch the files of those that are to be whole.

use std::pin::pin;
use std::time::Duration;

use lyceum_core::Timestamp;
use lyceum_db::{Job, Lane, Mirror, Queries};

use super::FILES;
use super::sync::next_look;
use crate::jobs::guarded;
use crate::{Error, Hub, Result};

/// How long a worker keeps a mirror without a sign of life, in milliseconds.
const LEASE_MS: u32 = 10 * 60 * 1000;
/// How often it gives one.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3 * 60);
/// How often in a row a mirror is claimed without an end.
const MAX_CLAIMS: u32 = 8;

impl Hub {
    /// Does the jobs of one queue of mirrors one after another until `stop` resolves, and drops what it does then.
    pub(crate) async fn run_mirrors(&self, queue: &'static str, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            let round = async {
                let found = guarded(Box::pin(self.run_due_mirror(queue))).await.unwrap_or_else(|error| {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot look at mirrors");
                    false
                });
                let wait = if found { Duration::ZERO } else { self.next_round(Lane::Only(queue)).await };
                tokio::time::sleep(wait).await;
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = round => {}
            }
        }
    }

    /// Does one job of a queue; `false` if none was due.
    pub(crate) async fn run_due_mirror(&self, queue: &'static str) -> Result<bool> {
        let Some(job) = self.claim(Lane::Only(queue), LEASE_MS, MAX_CLAIMS).await? else {
            return Ok(false);
        };
        let repo_id: i64 = job.payload.parse().map_err(Error::internal)?;
        let mut db = self.inner.db.read().await?;
        let found = db.mirror(repo_id).await?.zip(db.repo(repo_id).await?);
        drop(db);
        let Some((mirror, record)) = found else {
            self.inner
                .db
                .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.complete(&job).await?) }))
                .await?;
            return Ok(true);
        };
        // On the heap: looking at a mirror is a large future, and whoever runs jobs would hold it.
        let working = Box::pin(async {
            match queue {
                FILES => self.fill_all(&record).await.map(drop),
                _ => self.follow(&mirror, record.clone()).await.map(drop),
            }
        });
        let Some(worked) = self.keeping(&job, working).await? else {
            return Ok(true);
        };
        if let Err(error) = &worked {
            tracing::warn!(repo = %record.name, "a mirror cannot follow its upstream: {error}");
        }
        let (trouble, now) = (worked.err().map(|error| error.to_string()), self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| Box::pin(async move { end(tx, &job, &mirror, trouble, now).await }))
            .await?;
        Ok(true)
    }

    /// Works on a job and keeps it meanwhile, however long that takes; `None` if another worker has it by now.
    async fn keeping<T>(
        &self,
        job: &Job,
        work: impl Future<Output = Result<T>>,
    ) -> Result<Option<Result<T>>> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                worked = &mut work => return Ok(Some(worked)),
                () = tokio::time::sleep(SIGN_OF_LIFE) => {}
            }
            let (kept, now) = (job.clone(), self.inner.clock.now());
            let kept = self.inner.db.write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.extend_job(&kept, now, LEASE_MS).await?) })
            });
            if !kept.await? {
                return Ok(None);
            }
        }
    }
}

/// Ends a job, and asks for the next: that is a new one, so that only claims in a row are counted.
async fn end(
    tx: &mut Queries,
    job: &Job,
    mirror: &Mirror,
    trouble: Option<String>,
    now: Timestamp,
) -> Result<()> {
    if !tx.complete(job).await? {
        return Ok(());
    }
    let (failed, files) = (trouble.is_some(), job.queue == FILES);
    if let Some(trouble) = trouble.filter(|_| files) {
        tx.mark_mirror_failed(mirror.repo_id, &trouble, now).await?;
    }
    if files && !failed {
        return Ok(());
    }
    if let Some(next) = next_look(mirror, failed, now) {
        tx.enqueue(&job.queue, &job.key, &job.payload, next, now).await?;
    }
    if !files && !failed && mirror.whole {
        tx.enqueue(FILES, &format!("{FILES}:{}", mirror.repo_id), &job.payload, now, now).await?;
    }
    Ok(())
}

/// Puts off what never came to an end, in the transaction that drops it: a mirror is not forgotten.
pub(crate) async fn put_off(tx: &mut Queries, job: &Job, now: Timestamp) -> Result<()> {
    let repo_id = job.payload.parse().map_err(Error::internal)?;
    let Some(mirror) = tx.mirror(repo_id).await? else {
        return Ok(());
    };
    let message = format!("the work on it was broken off {MAX_CLAIMS} times in a row");
    tx.mark_mirror_failed(repo_id, &message, now).await?;
    if let Some(next) = next_look(&mirror, false, now) {
        tx.enqueue(&job.queue, &job.key, &job.payload, next, now).await?;
    }
    Ok(())
}
