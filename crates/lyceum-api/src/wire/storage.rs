//! What a repo stores.

use lyceum_hub::{BucketInfo, RepoInfo};
use serde::Serialize;

/// One repo of `…/settings/repositories`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StorageWire {
    id: String,
    r#type: &'static str,
    updated_at: String,
    visibility: &'static str,
    storage: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_percent: Option<f64>,
}

impl StorageWire {
    /// Returns the bytes that it stores.
    pub(crate) fn bytes(&self) -> u64 {
        self.storage
    }

    /// Adds its share of what its owner stores.
    pub(crate) fn share(&mut self, total: u64) {
        self.storage_percent = Some(self.storage as f64 * 100.0 / total.max(1) as f64);
    }
}

impl From<&RepoInfo> for StorageWire {
    fn from(info: &RepoInfo) -> Self {
        Self {
            id: info.repo.id().to_string(),
            r#type: info.repo.kind().singular(),
            updated_at: info.last_modified.to_string(),
            visibility: info.visibility.as_str(),
            storage: info.used_storage,
            storage_percent: None,
        }
    }
}

impl From<&BucketInfo> for StorageWire {
    fn from(info: &BucketInfo) -> Self {
        Self {
            id: info.repo.id().to_string(),
            r#type: info.repo.kind().singular(),
            updated_at: info.updated_at.to_string(),
            visibility: info.visibility.as_str(),
            storage: info.bytes,
            storage_percent: None,
        }
    }
}
