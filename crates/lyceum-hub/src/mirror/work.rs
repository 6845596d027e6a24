//! The worker that looks at mirrors when they are due.

use std::pin::pin;
use std::time::Duration;

use lyceum_db::{Job, Lane};

use super::QUEUE;
use super::sync::next_look;
use crate::jobs::guarded;
use crate::{Error, Hub, Result};

/// How long a worker may keep a mirror, in milliseconds: one that is fetched as a whole takes its time.
const LEASE_MS: u32 = 60 * 60 * 1000;
/// How often a mirror is claimed without an end.
const MAX_CLAIMS: u32 = 8;

impl Hub {
    /// Looks at mirrors one after another until `stop` resolves, and drops what it does then.
    pub(crate) async fn run_mirrors(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            let round = async {
                let found = guarded(Box::pin(self.run_due_mirror())).await.unwrap_or_else(|error| {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot look at mirrors");
                    false
                });
                let wait = if found { Duration::ZERO } else { self.next_round(Lane::Only(QUEUE)).await };
                tokio::time::sleep(wait).await;
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = round => {}
            }
        }
    }

    /// Looks at one mirror; `false` if none was due.
    pub(crate) async fn run_due_mirror(&self) -> Result<bool> {
        let Some(job) = self.claim(Lane::Only(QUEUE), LEASE_MS, MAX_CLAIMS).await? else {
            return Ok(false);
        };
        self.look_at(job).await?;
        Ok(true)
    }

    async fn look_at(&self, job: Job) -> Result<()> {
        let repo_id: i64 = job.payload.parse().map_err(Error::internal)?;
        let mut db = self.inner.db.read().await?;
        let found = match (db.mirror(repo_id).await?, db.repo(repo_id).await?) {
            (Some(mirror), Some(record)) => Some((mirror, record)),
            _ => None,
        };
        drop(db);
        let mut next = None;
        if let Some((mirror, record)) = found {
            let synced = self.follow(&mirror, record.clone()).await;
            let synced = match synced {
                Ok(_) if mirror.whole => self.fill_all(&record).await.map(drop),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = &synced {
                tracing::warn!(repo = %record.name, "a mirror cannot follow its upstream: {error}");
            }
            next = next_look(&mirror, synced.is_err(), self.inner.clock.now());
        }
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    match next {
                        Some(next) => tx.put_job_back(&job, next).await?,
                        None => tx.complete(&job).await?,
                    };
                    Ok::<_, Error>(())
                })
            })
            .await
    }
}
