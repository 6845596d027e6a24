//! Background jobs, looked at and tried again.

use lyceum_db::{JobState, QueueState};
use serde_json::json;

use super::{Administration, MAX_PAGE};
use crate::account::append_event;
use crate::people::id_cursor;
use crate::{Error, ErrorKind, Result};

/// One page of jobs, the oldest first.
#[derive(Debug, Clone)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobState>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Administration {
    /// Returns how much there is to do in each queue.
    pub async fn queues(&self) -> Result<Vec<QueueState>> {
        Ok(self.hub.inner.db.read().await?.queues().await?)
    }

    /// Lists jobs, or those that failed the last time they were tried.
    pub async fn jobs(&self, failed: bool, after: Option<&str>) -> Result<JobPage> {
        let after = after.map(id_cursor).transpose()?.unwrap_or(0);
        let jobs = self.hub.inner.db.read().await?.jobs_page(failed, after, MAX_PAGE as u32).await?;
        let next = if jobs.len() == MAX_PAGE { jobs.last().map(|last| last.id.to_string()) } else { None };
        Ok(JobPage { jobs, next })
    }

    /// Makes a job due now that waits to be tried again, or that was given up; returns its key.
    pub async fn retry_job(&self, id: i64) -> Result<String> {
        let (actor, now) = (self.actor, self.hub.inner.clock.now());
        let key = self
            .hub
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let gone = || Error::new(ErrorKind::Conflict, "the job runs at this moment, or is done");
                    let job = tx.retry_job(id, now).await?.ok_or_else(gone)?;
                    let detail = json!({ "job": job.key });
                    append_event(tx, None, Some(actor), "retry-job", &detail, now).await?;
                    Ok::<_, Error>(job.key)
                })
            })
            .await?;
        self.hub.inner.job_added.notify_one();
        self.hub.inner.delivery_added.notify_one();
        Ok(key)
    }
}
