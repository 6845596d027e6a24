//! The tags that a card gives its repo, in the form that the clients filter by.

use lyceum_core::RepoKind;
use serde_json::Value;

use super::Metadata;
use crate::limits::{MAX_TAG_BYTES, MAX_TAGS};

/// The region tag of a repo whose card names none; the clients expect one.
const DEFAULT_REGION: &str = "region:us";

/// The metadata of a dataset that become tags under their own names.
const DATASET_KEYS: &[&str] = &[
    "task_categories",
    "task_ids",
    "annotations_creators",
    "language_creators",
    "multilinguality",
    "source_datasets",
    "language",
    "license",
    "size_categories",
];

/// Returns the tags that follow from a card alone, without repeats.
pub fn tags(kind: RepoKind, card: &Metadata) -> Vec<String> {
    let mut tags = Tags::default();
    match kind {
        RepoKind::Model | RepoKind::Kernel | RepoKind::Bucket => {
            tags.all("", card, "library_name");
            tags.all("", card, "pipeline_tag");
            tags.all("", card, "tags");
            tags.all("", card, "language");
            tags.all("dataset:", card, "datasets");
            tags.base_models(card);
            tags.all("license:", card, "license");
            if card.contains_key("model-index") {
                tags.push("model-index".to_owned());
            }
            tags.region(card);
        }
        RepoKind::Dataset => {
            for key in DATASET_KEYS {
                tags.all(&format!("{key}:"), card, key);
            }
            tags.region(card);
            tags.all("", card, "tags");
        }
        RepoKind::Space => {
            tags.all("", card, "sdk");
            tags.all("", card, "tags");
            tags.all("license:", card, "license");
            tags.region(card);
        }
    }
    tags.0
}

/// Returns `arxiv:…` for each paper that a README links to, without repeats.
pub fn arxiv(readme: &str) -> Vec<String> {
    let mut tags = Tags::default();
    for site in ["arxiv.org/abs/", "arxiv.org/pdf/", "huggingface.co/papers/"] {
        for (at, _) in readme.match_indices(site) {
            if let Some(id) = paper(&readme[at + site.len()..]) {
                tags.push(format!("arxiv:{id}"));
            }
        }
    }
    tags.0
}

/// Returns the texts of a value: itself, or those in it.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.trim().to_owned()],
        Value::Number(number) => vec![number.to_string()],
        // Old dataset cards give one list per configuration.
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(map) => map.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

#[derive(Default)]
struct Tags(Vec<String>);

impl Tags {
    fn push(&mut self, tag: String) {
        let usable = !tag.is_empty() && tag.len() <= MAX_TAG_BYTES && !tag.chars().any(char::is_control);
        if usable && self.0.len() < MAX_TAGS && !self.0.contains(&tag) {
            self.0.push(tag);
        }
    }

    fn all(&mut self, prefix: &str, card: &Metadata, key: &str) {
        for text in card.get(key).map(texts).unwrap_or_default().into_iter().filter(|text| !text.is_empty()) {
            self.push(format!("{prefix}{text}"));
        }
    }

    fn region(&mut self, card: &Metadata) {
        match card.get("region").and_then(Value::as_str) {
            Some(region) if !region.is_empty() => self.push(format!("region:{region}")),
            _ => self.push(DEFAULT_REGION.to_owned()),
        }
    }

    fn base_models(&mut self, card: &Metadata) {
        let models = card.get("base_model").map(texts).unwrap_or_default();
        let relation = relation(card, models.len());
        for model in models.iter().filter(|model| !model.is_empty()) {
            self.push(format!("base_model:{model}"));
        }
        for model in models.iter().filter(|model| !model.is_empty()) {
            self.push(format!("base_model:{relation}:{model}"));
        }
    }
}

/// Returns how a model came from those it is based on: as the card says, or what its library and tags suggest.
fn relation(card: &Metadata, base_models: usize) -> &'static str {
    const RELATIONS: [&str; 4] = ["adapter", "merge", "quantized", "finetune"];
    let said = card.get("base_model_relation").and_then(Value::as_str);
    if let Some(relation) = RELATIONS.into_iter().find(|relation| Some(*relation) == said) {
        return relation;
    }
    let mut words = card.get("tags").map(texts).unwrap_or_default();
    words.extend(card.get("library_name").map(texts).unwrap_or_default());
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.to_ascii_lowercase().as_str()));
    if has(&["peft", "lora", "adapter"]) {
        "adapter"
    } else if has(&["gguf", "gptq", "awq", "exl2", "mlx", "quantized"]) {
        "quantized"
    } else if base_models > 1 || has(&["merge", "mergekit"]) {
        "merge"
    } else {
        "finetune"
    }
}

/// Reads an arXiv number of the form `2103.00020`.
fn paper(text: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.get(4..).filter(|_| digits(text) == 4)?.strip_prefix('.')?;
    let length = digits(rest);
    (4..=5).contains(&length).then(|| &text[..5 + length])
}
