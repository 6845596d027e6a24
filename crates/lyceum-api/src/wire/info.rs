//! Repo info, whole or by property.

use lyceum_core::RepoKind;
use lyceum_hub::{RepoInfo, Sibling, Visibility};
use serde_json::{Map, Value, json};

use super::repos::gated;
use crate::error::{ApiError, ApiResult};

/// Properties that a client may ask for by `expand`, as `huggingface_hub` lists them.
const MODEL_PROPERTIES: &[&str] = &[
    "author",
    "baseModels",
    "cardData",
    "childrenModelCount",
    "config",
    "createdAt",
    "disabled",
    "downloads",
    "downloadsAllTime",
    "evalResults",
    "gated",
    "gguf",
    "inference",
    "inferenceProviderMapping",
    "lastModified",
    "library_name",
    "likes",
    "mask_token",
    "model-index",
    "pipeline_tag",
    "private",
    "resourceGroup",
    "safetensors",
    "sha",
    "siblings",
    "spaces",
    "tags",
    "transformersInfo",
    "trendingScore",
    "usedStorage",
    "widgetData",
];
const DATASET_PROPERTIES: &[&str] = &[
    "author",
    "cardData",
    "citation",
    "createdAt",
    "description",
    "disabled",
    "downloads",
    "downloadsAllTime",
    "gated",
    "lastModified",
    "likes",
    "mainSize",
    "paperswithcode_id",
    "private",
    "resourceGroup",
    "sha",
    "siblings",
    "tags",
    "trendingScore",
    "usedStorage",
];
const SPACE_PROPERTIES: &[&str] = &[
    "author",
    "cardData",
    "createdAt",
    "datasets",
    "disabled",
    "lastModified",
    "likes",
    "models",
    "private",
    "region",
    "resourceGroup",
    "runtime",
    "sdk",
    "sha",
    "siblings",
    "subdomain",
    "tags",
    "trendingScore",
    "usedStorage",
];
const KERNEL_PROPERTIES: &[&str] = &[
    "author",
    "cardData",
    "createdAt",
    "disabled",
    "downloads",
    "downloadsAllTime",
    "gated",
    "lastModified",
    "likes",
    "private",
    "resourceGroup",
    "sha",
    "siblings",
    "tags",
    "trendingScore",
    "usedStorage",
];

/// Properties of the page of one repo, for every kind; those that a kind lacks have no value there.
const INFO_PROPERTIES: &[&str] = &[
    "author",
    "cardData",
    "citation",
    "config",
    "createdAt",
    "datasets",
    "description",
    "disabled",
    "downloads",
    "gated",
    "gguf",
    "lastModified",
    "library_name",
    "likes",
    "model-index",
    "models",
    "paperswithcode_id",
    "pipeline_tag",
    "private",
    "runtime",
    "safetensors",
    "sdk",
    "sha",
    "siblings",
    "spaces",
    "subdomain",
    "tags",
    "transformersInfo",
    "usedStorage",
    "widgetData",
];
const LIST_PROPERTIES: &[&str] = &[
    "createdAt",
    "downloads",
    "library_name",
    "likes",
    "pipeline_tag",
    "private",
    "sdk",
    "tags",
    "trendingScore",
];
const DATASET_LIST_PROPERTIES: &[&str] =
    &["author", "description", "disabled", "gated", "lastModified", "sha"];
const FULL_LIST_PROPERTIES: &[&str] = &[
    "author",
    "cardData",
    "datasets",
    "description",
    "disabled",
    "gated",
    "lastModified",
    "models",
    "sha",
    "siblings",
    "subdomain",
];

/// Which properties an answer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Properties {
    names: Vec<&'static str>,
    /// Whether files come with size, blob id and LFS facts.
    blobs: bool,
    /// Whether the state of scans is asked for.
    security: bool,
}

impl Properties {
    /// Returns what the info of one repo has.
    pub(crate) fn info(blobs: bool, security: bool) -> Self {
        Self { names: INFO_PROPERTIES.to_vec(), blobs, security }
    }

    /// Returns what each repo in a list has.
    pub(crate) fn list(kind: RepoKind, full: bool, config: bool, card: bool) -> Self {
        let mut names = LIST_PROPERTIES.to_vec();
        if kind == RepoKind::Dataset {
            names.extend(DATASET_LIST_PROPERTIES);
        }
        if full {
            names.extend(FULL_LIST_PROPERTIES);
        }
        if config {
            names.push("config");
        }
        if card {
            names.push("cardData");
        }
        names.sort_unstable();
        names.dedup();
        Self { names, blobs: false, security: false }
    }

    /// Returns the named properties; an unknown one is refused with the list of those that are known.
    pub(crate) fn expand<'a>(
        kind: RepoKind,
        asked: impl Iterator<Item = &'a str>,
    ) -> ApiResult<Option<Self>> {
        let known = match kind {
            RepoKind::Model => MODEL_PROPERTIES,
            RepoKind::Dataset => DATASET_PROPERTIES,
            RepoKind::Space => SPACE_PROPERTIES,
            RepoKind::Kernel | RepoKind::Bucket => KERNEL_PROPERTIES,
        };
        let mut names = Vec::new();
        for asked in asked.flat_map(|value| value.split(',')).filter(|name| !name.is_empty()) {
            let Some(name) = known.iter().find(|name| **name == asked) else {
                return Err(ApiError::invalid(format!(
                    "invalid `expand` property `{asked}`: it must be one of {}",
                    known.join(", ")
                )));
            };
            if !names.contains(name) {
                names.push(*name);
            }
        }
        Ok((!names.is_empty()).then_some(Self { names, blobs: false, security: false }))
    }

    /// Reports whether the files are to be listed.
    pub(crate) fn siblings(&self) -> bool {
        self.names.contains(&"siblings")
    }

    /// Reports whether the repo's resource group is asked for.
    pub(crate) fn resource_group(&self) -> bool {
        self.names.contains(&"resourceGroup")
    }

    /// Writes a repo.
    pub(crate) fn render(&self, info: &RepoInfo) -> Value {
        let id = info.repo.id().to_string();
        let mut object = Map::new();
        if info.repo.kind() == RepoKind::Model {
            object.insert("modelId".to_owned(), Value::String(id.clone()));
        }
        object.insert("id".to_owned(), Value::String(id));
        object.insert("_id".to_owned(), Value::String(info.repo.number().to_string()));
        for name in &self.names {
            if let Some(value) = property(info, name, self.blobs) {
                object.insert((*name).to_owned(), value);
            }
        }
        if self.security {
            // Nothing is scanned yet, and saying otherwise would be a claim of safety.
            object.insert(
                "securityRepoStatus".to_owned(),
                json!({ "scansDone": false, "filesWithIssues": [] }),
            );
        }
        Value::Object(object)
    }
}

/// Returns one property; `None` if the repo has no value for it.
fn property(info: &RepoInfo, name: &str, blobs: bool) -> Option<Value> {
    let kind = info.repo.kind();
    let card = |key: &str| info.card_data.as_ref()?.get(key).cloned();
    let model = |value: Option<Value>| value.filter(|_| kind == RepoKind::Model);
    match name {
        "author" => Some(json!(info.repo.id().namespace().as_str())),
        "sha" => Some(json!(info.sha?.to_string())),
        "private" => Some(json!(info.visibility == Visibility::Private)),
        "gated" => Some(gated(info.gated)),
        "disabled" => Some(json!(info.disabled)),
        "createdAt" => Some(json!(info.created_at.to_string())),
        "lastModified" => Some(json!(info.last_modified.to_string())),
        "downloads" => Some(json!(info.downloads)),
        "downloadsAllTime" => Some(json!(info.downloads_all_time)),
        "likes" => Some(json!(info.likes)),
        // The same order as `sort=trendingScore`, which weighs recent downloads and likes alike.
        "trendingScore" => Some(json!(info.downloads.saturating_add(info.likes))),
        "usedStorage" => Some(json!(info.used_storage)),
        "tags" => Some(json!(info.tags)),
        "cardData" => info.card_data.clone(),
        "siblings" => {
            let siblings = info.siblings.as_ref()?;
            Some(siblings.iter().map(|file| sibling(file, blobs)).collect())
        }
        "pipeline_tag" => model(info.pipeline_tag.clone().map(Value::String)),
        "library_name" => model(info.library_name.clone().map(Value::String)),
        "config" => model(info.config.clone()),
        "transformersInfo" => model(info.transformers_info.clone()),
        "safetensors" => model(info.safetensors.clone()),
        "gguf" => model(info.gguf.clone()),
        "model-index" => model(card("model-index")),
        "widgetData" => model(card("widget")),
        "spaces" => model(Some(json!([]))),
        "baseModels" => model(card("base_model").map(|base| json!({ "models": base_models(&base) }))),
        "inferenceProviderMapping" => model(Some(json!([]))),
        "description" if kind == RepoKind::Dataset => info.description.clone().map(Value::String),
        "paperswithcode_id" if kind == RepoKind::Dataset => card("paperswithcode_id"),
        "sdk" if kind == RepoKind::Space => info.sdk.clone().map(Value::String),
        "models" | "datasets" if kind == RepoKind::Space => card(name),
        "subdomain" if kind == RepoKind::Space => Some(json!(subdomain(info))),
        // Spaces are kept here, not run.
        "runtime" if kind == RepoKind::Space => Some(json!({
            "stage": "STOPPED",
            "hardware": { "current": null, "requested": null },
            "storage": null,
            "gcTimeout": null,
        })),
        _ => None,
    }
}

fn sibling(file: &Sibling, blobs: bool) -> Value {
    if !blobs {
        return json!({ "rfilename": file.path });
    }
    let mut object = json!({ "rfilename": file.path, "size": file.size, "blobId": file.oid.to_string() });
    if let Some(lfs) = file.lfs {
        object["lfs"] =
            json!({ "sha256": lfs.sha256.to_string(), "size": lfs.size, "pointerSize": lfs.pointer_size });
    }
    object
}

fn base_models(base: &Value) -> Vec<Value> {
    let ids = match base {
        Value::Array(ids) => ids.as_slice(),
        id => std::slice::from_ref(id),
    };
    ids.iter().filter_map(Value::as_str).map(|id| json!({ "id": id })).collect()
}

fn subdomain(info: &RepoInfo) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    info.repo.id().to_string().chars().map(word).collect()
}

#[cfg(test)]
mod tests;
