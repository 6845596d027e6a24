//! Counting downloads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::{Hub, Repo, Result};

const DAY_SECONDS: i64 = 24 * 3600;

/// Downloads that were not yet written, by repo and day.
#[derive(Default)]
pub(crate) struct Downloads(Mutex<HashMap<(i64, String), u64>>);

impl Hub {
    /// Counts a download; written in batches, and lost at most for the last seconds before a crash.
    pub fn count_download(&self, repo: &Repo) {
        let day = self.inner.clock.now().day();
        *self.inner.downloads.lock().entry((repo.record.id, day)).or_default() += 1;
    }

    /// Counts the downloads of each of the last `days` days, today's last, of a repo opened with
    /// [`Action::Discover`](crate::Action::Discover).
    pub async fn downloads_by_day(&self, repo: &Repo, days: u16) -> Result<Vec<(String, u64)>> {
        let now = self.inner.clock.now();
        let day = |ago: u16| now.plus_seconds(-i64::from(ago) * DAY_SECONDS).day();
        let counted = match days.checked_sub(1) {
            Some(first) => self.inner.db.read().await?.downloads_by_day(repo.record.id, &day(first)).await?,
            None => Vec::new(),
        };
        let counted: HashMap<String, u64> = counted.into_iter().collect();
        let count = |day: String| {
            let count = counted.get(&day).copied().unwrap_or(0);
            (day, count)
        };
        Ok((0..days).rev().map(|ago| count(day(ago))).collect())
    }

    /// Writes what was counted since the last call.
    pub(crate) async fn flush_downloads(&self) -> Result<()> {
        let counted = std::mem::take(&mut *self.inner.downloads.lock());
        if counted.is_empty() {
            return Ok(());
        }
        let count = |((repo_id, day), count)| lyceum_db::DownloadCount { repo_id, day, count };
        let batch: Vec<_> = counted.into_iter().map(count).collect();
        self.inner.catalogue.downloaded(batch.iter().map(|count| count.repo_id));
        self.inner
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, crate::Error>(tx.add_downloads(&batch).await?) }))
            .await
    }
}

impl Downloads {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(i64, String), u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
