//! Download counts by day.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::queries::Queries;
use crate::value::bind;

/// Downloads of a repo on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadCount {
    /// What was downloaded.
    pub repo_id: i64,
    /// The day, `YYYY-MM-DD` in UTC.
    pub day: String,
    /// How often.
    pub count: u64,
}

impl Queries {
    /// Adds downloads to the days and to the repos' totals. Counts of repos that are gone are dropped.
    pub async fn add_downloads(&mut self, counts: &[DownloadCount]) -> Result<()> {
        // One order for all writers, so that they cannot wait for each other in a circle.
        let mut sums = BTreeMap::new();
        for DownloadCount { repo_id, day, count } in counts {
            *sums.entry((*repo_id, day.as_str())).or_insert(0) += count;
        }
        for ((repo_id, day), count) in sums {
            let known = self
                .execute(
                    "UPDATE repo SET downloads = downloads + $2, downloads_all = downloads_all + $2, \
                     trending = trending + $2 WHERE id = $1",
                    bind![repo_id, count],
                )
                .await?;
            if known == 1 {
                self.execute(
                    "INSERT INTO download_day (repo_id, day, count) VALUES ($1, $2, $3) ON CONFLICT (repo_id, day) \
                     DO UPDATE SET count = download_day.count + excluded.count",
                    bind![repo_id, day, count],
                )
                .await?;
            }
        }
        Ok(())
    }

    /// Counts anew, for up to `limit` repos with an id above `after`: downloads since the day `month`, and the demand
    /// (downloads since the day `week`, and likes). Returns the last id it came to; `None` when there are no more.
    pub async fn refresh_download_totals(
        &mut self,
        month: &str,
        week: &str,
        after: i64,
        limit: u32,
    ) -> Result<Option<i64>> {
        let ids: Vec<i64> =
            self.all("SELECT id FROM repo WHERE id > $1 ORDER BY id LIMIT $2", bind![after, limit]).await?;
        let Some(last) = ids.last().copied() else {
            return Ok(None);
        };
        // Rows that stay the same are not written.
        self.execute(
            "UPDATE repo SET downloads = (SELECT CAST(COALESCE(SUM(d.count), 0) AS BIGINT) FROM download_day d \
             WHERE d.repo_id = repo.id AND d.day >= $1), trending = likes + (SELECT CAST(COALESCE(SUM(d.count), 0) \
             AS BIGINT) FROM download_day d WHERE d.repo_id = repo.id AND d.day >= $2) \
             WHERE id > $3 AND id <= $4 AND (downloads > 0 OR trending <> likes)",
            bind![month, week, after, last],
        )
        .await?;
        Ok(Some(last))
    }

    /// Returns a repo's downloads by day from the day `since` on.
    pub async fn downloads_by_day(&mut self, repo_id: i64, since: &str) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT day, count FROM download_day WHERE repo_id = $1 AND day >= $2 ORDER BY day";
        self.all(sql, bind![repo_id, since]).await
    }
}
