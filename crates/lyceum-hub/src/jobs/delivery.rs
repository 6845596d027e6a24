//! The worker that sends deliveries.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use lyceum_db::{Job, Lane};
use tokio::task::JoinSet;

use super::{POLL_SECONDS, guarded};
use crate::webhook::deliver;
use crate::{Hub, Result};

/// Deliveries under way at the same time.
const MAX_DELIVERIES: usize = 16;
/// Of these, most that are of one user: whose receivers are slow keeps nobody else waiting.
const MAX_DELIVERIES_OF_ONE: usize = 2;

/// What is being sent.
#[derive(Default)]
struct Running {
    /// Each tells whose it was, and how it ended.
    tasks: JoinSet<(Option<i64>, Result<()>)>,
    by_owner: HashMap<i64, usize>,
}

impl Running {
    /// Returns the keys of the users who have enough under way.
    fn busy(&self) -> Vec<String> {
        let full = self.by_owner.iter().filter(|(_, count)| **count >= MAX_DELIVERIES_OF_ONE);
        full.map(|(owner, _)| deliver::key_of(*owner)).collect()
    }

    fn start(&mut self, hub: &Hub, owner: Option<i64>, job: Job) {
        let hub = hub.clone();
        if let Some(owner) = owner {
            *self.by_owner.entry(owner).or_default() += 1;
        }
        self.tasks.spawn(async move { (owner, guarded(Box::pin(hub.deliver(job))).await) });
    }

    fn ended(&mut self, owner: Option<i64>) {
        let Some(owner) = owner else {
            return;
        };
        if let Some(count) = self.by_owner.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                self.by_owner.remove(&owner);
            }
        }
    }
}

impl Hub {
    /// Sends deliveries, several at a time.
    pub(super) async fn run_deliveries(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        let mut running = Running::default();
        loop {
            let wait = self.start_deliveries(&mut running).await.unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot run deliveries");
                Duration::from_secs(POLL_SECONDS)
            });
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = running.tasks.join_next() => {
                    // No task panics: what it does is guarded.
                    if let Ok((owner, result)) = ended {
                        running.ended(owner);
                        if let Err(error) = result {
                            tracing::error!(error = &error as &dyn std::error::Error, "cannot note a delivery");
                        }
                    }
                }
                () = self.inner.delivery_added.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Starts what is due, as far as there is place, and returns how long to wait for more.
    async fn start_deliveries(&self, running: &mut Running) -> Result<Duration> {
        while running.tasks.len() < MAX_DELIVERIES {
            let busy = running.busy();
            let Some(job) = self.claim_delivery(busy.clone()).await? else {
                return Ok(self.next_round(Lane::Except(deliver::QUEUE, &busy)).await);
            };
            let owner = self.delivery_owner(&job).await?;
            running.start(self, owner, job);
        }
        Ok(Duration::from_secs(POLL_SECONDS))
    }
}
