//! What a repo page and `model_info` show.

use std::sync::Arc;

use lyceum_core::{Oid, Timestamp};
use serde_json::Value;

use crate::derive::Facts;
use crate::{Entry, Gated, Hub, LfsEntry, Repo, Result, Visibility};

/// A file as repo info lists it.
#[derive(Debug, Clone)]
pub struct Sibling {
    /// Path from the root.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Git blob id.
    pub oid: Oid,
    /// Set for large files.
    pub lfs: Option<LfsEntry>,
}

impl From<Entry> for Sibling {
    fn from(entry: Entry) -> Self {
        Self { path: entry.path, size: entry.size, oid: entry.oid, lfs: entry.lfs }
    }
}

/// Everything known of a repo at a revision. JSON values are derived from its files.
#[derive(Debug, Clone)]
pub struct RepoInfo {
    /// The repo.
    pub repo: Repo,
    /// Commit described; `None` for a repo without the default branch.
    pub sha: Option<Oid>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether its content needs consent.
    pub gated: Gated,
    /// Whether an administrator disabled it.
    pub disabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its content last changed.
    pub last_modified: Timestamp,
    /// Downloads of the last 30 days.
    pub downloads: u64,
    /// Downloads since ever.
    pub downloads_all_time: u64,
    /// Likes.
    pub likes: u64,
    /// Tags in the order of the site.
    pub tags: Vec<String>,
    /// `pipeline_tag`.
    pub pipeline_tag: Option<String>,
    /// `library_name`.
    pub library_name: Option<String>,
    /// Front matter of the card.
    pub card_data: Option<Value>,
    /// Selected keys of `config.json`.
    pub config: Option<Value>,
    /// `{auto_model, pipeline_tag, processor}`.
    pub transformers_info: Option<Value>,
    /// `{parameters: {dtype: count}, total}`.
    pub safetensors: Option<Value>,
    /// Summary of the first GGUF file.
    pub gguf: Option<Value>,
    /// First paragraph of the card, for datasets.
    pub description: Option<String>,
    /// SDK of a space.
    pub sdk: Option<String>,
    /// Bytes of all files at the default branch.
    pub used_storage: u64,
    /// Files, when asked for.
    pub siblings: Option<Arc<[Sibling]>>,
}

impl Hub {
    /// Describes a repo at a commit, `None` while it has none; `siblings` lists the files as well.
    pub async fn repo_info(&self, repo: &Repo, sha: Option<Oid>, siblings: bool) -> Result<RepoInfo> {
        let facts = match sha {
            Some(commit) => self.facts(repo, commit).await?,
            None => Arc::new(Facts::default()),
        };
        let siblings = match sha {
            Some(commit) if siblings => Some(self.siblings(repo, commit).await?),
            _ => None,
        };
        Ok(RepoInfo::new(repo.clone(), sha, &facts, siblings))
    }

    pub(crate) async fn siblings(&self, repo: &Repo, commit: Oid) -> Result<Arc<[Sibling]>> {
        if let Some(siblings) = self.inner.git.siblings(repo.record.id, commit) {
            return Ok(siblings);
        }
        let files = self.all_files(repo, commit).await?;
        let siblings: Arc<[Sibling]> = files.into_iter().map(Sibling::from).collect();
        self.inner.git.keep_siblings(repo.record.id, commit, &siblings);
        Ok(siblings)
    }
}

impl RepoInfo {
    pub(crate) fn new(repo: Repo, sha: Option<Oid>, facts: &Facts, siblings: Option<Arc<[Sibling]>>) -> Self {
        let record = &repo.record;
        Self {
            sha,
            visibility: record.visibility,
            gated: record.gated,
            disabled: record.disabled,
            created_at: record.created_at,
            last_modified: record.head_at,
            downloads: record.downloads,
            downloads_all_time: record.downloads_all,
            likes: record.likes,
            sdk: record.sdk.clone(),
            tags: facts.tags.clone(),
            pipeline_tag: facts.pipeline_tag.clone(),
            library_name: facts.library.clone(),
            card_data: facts.card.clone(),
            config: facts.config.clone(),
            transformers_info: facts.transformers_info.clone(),
            safetensors: facts.safetensors.clone(),
            gguf: facts.gguf.clone(),
            description: facts.description.clone(),
            used_storage: facts.used_bytes,
            siblings,
            repo,
        }
    }
}
