//! What is stored, and by whom.

use std::collections::HashMap;
use std::sync::Arc;

use lyceum_core::Timestamp;
use lyceum_db::{Quota, Usage};

use super::Administration;
use crate::{Account, Result};

/// Accounts that the report names.
const OWNERS: u32 = 100;
/// How long a report is shown before another one is made: it reads whole tables.
const FRESH_SECONDS: i64 = 60;

/// What the hub holds.
#[derive(Debug, Clone)]
pub struct StorageReport {
    /// In total.
    pub usage: Usage,
    /// The accounts that hold most.
    pub owners: Vec<OwnerStorage>,
    /// When this was found.
    pub at: Timestamp,
}

/// What one account holds.
#[derive(Debug, Clone)]
pub struct OwnerStorage {
    /// The user or organisation.
    pub account: Account,
    /// Its repos and buckets.
    pub repos: u64,
    /// Bytes of its files, as its users see them.
    pub logical_bytes: u64,
    /// What it may store and does; `None` without limits.
    pub quota: Option<Quota>,
}

impl Administration {
    /// Returns what the hub held less than a minute ago.
    pub async fn storage(&self) -> Result<Arc<StorageReport>> {
        let minute = self.hub.inner.clock.now().seconds() / FRESH_SECONDS;
        let measure = async { Ok(Arc::new(self.measure().await?)) };
        self.hub.inner.storage_reports.get_or_insert_async(&minute, measure).await
    }

    async fn measure(&self) -> Result<StorageReport> {
        let mut db = self.hub.inner.db.read().await?;
        let usage = db.usage().await?;
        let rows = db.largest_owners(OWNERS).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.owner.id).collect();
        let mut quotas: HashMap<i64, Quota> = db.quotas(&ids).await?.into_iter().collect();
        let owners = rows.into_iter().map(|row| OwnerStorage {
            quota: quotas.remove(&row.owner.id),
            account: row.owner.into(),
            repos: row.repos,
            logical_bytes: row.logical_bytes,
        });
        Ok(StorageReport { usage, owners: owners.collect(), at: self.hub.inner.clock.now() })
    }
}
