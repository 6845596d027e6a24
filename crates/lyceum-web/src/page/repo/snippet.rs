//! How to use a repo from the tools that people have, with this hub's address filled in.

use lyceum_core::RepoKind;
use lyceum_hub::RepoInfo;
use serde_json::Value;

use crate::visit::Visit;

/// A few lines to copy.
pub(crate) struct Snippet {
    pub(crate) title: &'static str,
    pub(crate) code: String,
}

/// Returns what fits the repo, the library that it was made for first.
pub(super) fn snippets(visit: &Visit, info: &RepoInfo) -> Vec<Snippet> {
    let (id, base) = (info.repo.id().to_string(), visit.base.as_str());
    let kind = info.repo.kind();
    let endpoint = format!("export HF_ENDPOINT={base}");
    let mut snippets = Vec::new();
    let mut add = |title, code| snippets.push(Snippet { title, code });
    match kind {
        RepoKind::Model => {
            let tagged = |tag: &str| info.tags.iter().any(|known| known == tag);
            match info.library_name.as_deref() {
                Some("transformers") => add("transformers", transformers(info, &id, base)),
                Some("diffusers") => add(
                    "diffusers",
                    python(
                        base,
                        &[
                            "from diffusers import DiffusionPipeline",
                            "",
                            &format!("pipe = DiffusionPipeline.from_pretrained(\"{id}\")"),
                        ],
                    ),
                ),
                Some("sentence-transformers") => add(
                    "sentence-transformers",
                    python(
                        base,
                        &[
                            "from sentence_transformers import SentenceTransformer",
                            "",
                            &format!("model = SentenceTransformer(\"{id}\")"),
                            "vectors = model.encode([\"first text\", \"second text\"])",
                        ],
                    ),
                ),
                _ => {}
            }
            if tagged("gguf") || info.gguf.is_some() || info.library_name.as_deref() == Some("gguf") {
                let quantised =
                    info.gguf.as_ref().and_then(|gguf| gguf.get("file_type")).and_then(Value::as_str);
                let id = quantised.map_or_else(|| id.clone(), |file_type| format!("{id}:{file_type}"));
                add("llama.cpp", format!("{endpoint}\nllama-cli -hf {id}"));
            }
        }
        RepoKind::Dataset => add(
            "datasets",
            python(
                base,
                &["from datasets import load_dataset", "", &format!("dataset = load_dataset(\"{id}\")")],
            ),
        ),
        RepoKind::Space | RepoKind::Kernel | RepoKind::Bucket => {}
    }
    let option = match kind {
        RepoKind::Model => String::new(),
        other => format!(" --repo-type {}", other.singular()),
    };
    add("hf", format!("{endpoint}\nhf download {id}{option}"));
    add("git", format!("git clone {base}/{}{id}", kind.url_prefix()));
    snippets
}

/// Returns the card's own BibTeX entry, or one made of what is known.
pub(super) fn citation(visit: &Visit, info: &RepoInfo, card: &str) -> String {
    if let Some(entry) = bibtex(card) {
        return entry.to_owned();
    }
    let id = info.repo.id();
    let key: String =
        id.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let year = info.last_modified.day();
    format!(
        "@misc{{{key},\n  author = {{{}}},\n  title = {{{}}},\n  year = {{{}}},\n  url = {{{}/{}{id}}}\n}}",
        id.namespace(),
        id.name(),
        year.get(..4).unwrap_or_default(),
        visit.base,
        info.repo.kind().url_prefix(),
    )
}

/// Returns the first fenced block that is a BibTeX entry.
fn bibtex(card: &str) -> Option<&str> {
    let mut fences = card.match_indices("```").map(|(at, _)| at);
    while let (Some(start), Some(end)) = (fences.next(), fences.next()) {
        let block = &card[start..end];
        let entry = block.split_once('\n').map_or("", |(_, rest)| rest).trim();
        if entry.starts_with('@') {
            return Some(entry);
        }
    }
    None
}

/// Returns Python that asks this hub rather than another.
fn python(base: &str, lines: &[&str]) -> String {
    format!("import os\nos.environ[\"HF_ENDPOINT\"] = \"{base}\"\n\n{}", lines.join("\n"))
}

fn transformers(info: &RepoInfo, id: &str, base: &str) -> String {
    let told = |key: &str| {
        let name = info.transformers_info.as_ref()?.get(key)?.as_str()?;
        // What stands in a configuration is anybody's; only what can be a class is shown as one.
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
    };
    let model = told("auto_model").unwrap_or("AutoModel");
    let names =
        told("processor").map_or_else(|| model.to_owned(), |processor| format!("{processor}, {model}"));
    let import = format!("from transformers import {names}");
    let mut lines = vec![import, String::new()];
    if let Some(processor) = told("processor") {
        let variable = if processor == "AutoTokenizer" { "tokenizer" } else { "processor" };
        lines.push(format!("{variable} = {processor}.from_pretrained(\"{id}\")"));
    }
    lines.push(format!("model = {model}.from_pretrained(\"{id}\")"));
    python(base, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
