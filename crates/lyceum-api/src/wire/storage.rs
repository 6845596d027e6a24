//! What a repo stores.

use lyceum_hub::RepoInfo;
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
    /// Writes a repo's share; `total` is what its owner stores, if it is known.
    pub(crate) fn new(info: &RepoInfo, total: Option<u64>) -> Self {
        let percent = |total: u64| info.used_storage as f64 * 100.0 / total.max(1) as f64;
        Self {
            id: info.repo.id().to_string(),
            r#type: info.repo.kind().singular(),
            updated_at: info.last_modified.to_string(),
            visibility: info.visibility.as_str(),
            storage: info.used_storage,
            storage_percent: total.map(percent),
        }
    }
}
