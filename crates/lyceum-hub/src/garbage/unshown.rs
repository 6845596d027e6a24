//! What nobody can see or use any more: attachments that belong to no repo, and logins that ended.

use std::collections::{HashMap, HashSet};
use std::pin::pin;

use futures_util::TryStreamExt as _;
use lyceum_core::Timestamp;

use super::{GarbageReport, PAGE};
use crate::{Error, Hub, Result, attachment};

impl Hub {
    /// Deletes attachments that were not shown in a repo for long, or whose repo is gone: first their rows, then their
    /// bytes, also those that a crash left without a row.
    pub(super) async fn delete_attachments(
        &self,
        before: Timestamp,
        report: &mut GarbageReport,
    ) -> Result<()> {
        loop {
            let names = self
                .inner
                .db
                .write(move |tx| {
                    Box::pin(
                        async move { Ok::<_, Error>(tx.delete_unshown_attachments(before, PAGE).await?) },
                    )
                })
                .await?;
            for name in &names {
                self.inner.store.delete_blob(&attachment::key(name)?).await?;
            }
            report.attachments += names.len() as u64;
            if names.len() < PAGE as usize {
                break;
            }
        }
        let mut stored = pin!(self.inner.store.list_blobs("attachments").try_chunks(PAGE as usize));
        while let Some(page) = stored.try_next().await.map_err(|error| error.1)? {
            let old: HashMap<String, _> = page
                .into_iter()
                .filter(|blob| blob.modified < before)
                .filter_map(|blob| Some((blob.key.as_str().rsplit('/').next()?.to_owned(), blob.key)))
                .collect();
            let names: Vec<String> = old.keys().cloned().collect();
            let known: HashSet<String> =
                self.inner.db.read().await?.attachments_known(&names).await?.into_iter().collect();
            for (_, key) in old.iter().filter(|(name, _)| !known.contains(*name)) {
                report.attachments += u64::from(self.inner.store.delete_blob(key).await?);
            }
        }
        Ok(())
    }

    /// Forgets what could be signed in with and ended before `before`: until then its owner sees it listed.
    pub(super) async fn delete_logins(&self, before: Timestamp, report: &mut GarbageReport) -> Result<()> {
        loop {
            let deleted = self
                .inner
                .db
                .write(move |tx| {
                    Box::pin(async move { Ok::<_, Error>(tx.delete_expired_tokens(before, PAGE).await?) })
                })
                .await?;
            report.logins += deleted;
            if deleted < u64::from(PAGE) {
                return Ok(());
            }
        }
    }
}
