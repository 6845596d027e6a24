//! Deleting the files of a bucket that is gone, in portions: other writers must not wait for a million rows.

use lyceum_core::Timestamp;

use crate::{Error, Hub, Result};

/// Queue of the job.
pub(crate) const PURGE: &str = "purge-bucket";
/// Files, and events, deleted by one transaction.
const PURGE_ROWS: u32 = 2000;

/// Asks for what is left of a deleted bucket to be deleted.
pub(crate) async fn enqueue_purge(tx: &mut lyceum_db::Queries, repo_id: i64, now: Timestamp) -> Result<()> {
    tx.enqueue(PURGE, &format!("{PURGE}:{repo_id}"), &repo_id.to_string(), now, now).await?;
    Ok(())
}

impl Hub {
    /// Forgets what was uploaded to a bucket that is about to be deleted. The rest of the database deletes these rows
    /// with the bucket's own; that shall find few.
    pub(crate) async fn purge_bucket_uploads(&self, repo_id: i64) -> Result<()> {
        let portion = || {
            self.inner.db.write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.purge_bucket_uploads(repo_id, PURGE_ROWS).await?) })
            })
        };
        while portion().await? {}
        Ok(())
    }

    /// Deletes what is left of a deleted bucket.
    pub(crate) async fn purge_bucket(&self, repo_id: i64) -> Result<()> {
        let portion = || {
            self.inner.db.write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.purge_bucket(repo_id, PURGE_ROWS).await?) })
            })
        };
        while portion().await? {}
        Ok(())
    }
}
