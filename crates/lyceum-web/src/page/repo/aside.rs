//! What stands beside the card: facts, what the repo comes from, and what comes from it.

use std::collections::BTreeMap;

use lyceum_core::{RepoId, RepoKind};
use lyceum_hub::{ListQuery, ListSort, MirrorInfo, Repo, RepoInfo};
use serde_json::Value;

use crate::chart::Line;
use crate::error::PageError;
use crate::format;
use crate::link::{RepoLink, filtered};
use crate::visit::Visit;

/// Days of the chart of downloads.
const DAYS: u16 = 30;
/// Repos of each sort that are named.
const MAX_RELATED: usize = 6;
/// Most values of one fact, and most plain tags.
const MAX_VALUES: usize = 40;

/// A word that leads to a list, or nowhere.
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) link: Option<String>,
}

/// Something known, with one value or several.
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<Word>,
}

/// Repos that this one comes from or leads to.
pub(crate) struct Related {
    pub(crate) heading: &'static str,
    pub(crate) repos: Vec<Word>,
    /// Where all of them are listed.
    pub(crate) all: Option<String>,
}

/// The side bar of a repo.
pub(crate) struct Aside {
    pub(crate) downloads: String,
    pub(crate) downloads_ever: String,
    pub(crate) chart: Option<Line>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) related: Vec<Related>,
    pub(crate) tags: Vec<Word>,
}

impl Aside {
    /// Collects what the caller may know of a repo.
    pub(super) async fn of(visit: &Visit, repo: &Repo, info: &RepoInfo) -> Result<Self, PageError> {
        let days = visit.web.hub.downloads_by_day(repo, DAYS).await?;
        let mut facts = facts(info);
        if let Some(mirror) = visit.web.hub.mirror_of(repo).await? {
            facts.splice(0..0, followed(&mirror));
        }
        Ok(Self {
            downloads: format::count(info.downloads),
            downloads_ever: format::count(info.downloads_all_time),
            chart: Line::of_days("Downloads", &days),
            facts,
            related: related(visit, info).await?,
            tags: tags(info),
        })
    }
}

/// Tells what a mirror follows, and when it was last the same.
fn followed(mirror: &MirrorInfo) -> [Fact; 2] {
    let synced = mirror.synced_at.map_or("never".to_owned(), format::time);
    let fact = |name, text| Fact { name, values: vec![Word { text, link: None }] };
    [fact("Mirror of", mirror.source.to_string()), fact("Up to date", synced)]
}

fn facts(info: &RepoInfo) -> Vec<Fact> {
    let kind = info.repo.kind();
    let mut facts = Vec::new();
    let mut add = |name, values: Vec<Word>| {
        if !values.is_empty() {
            facts.push(Fact { name, values });
        }
    };
    let plain = |text: String| vec![Word { text, link: None }];
    let tag = |tag: &str| Word { text: tag.to_owned(), link: Some(filtered(kind, tag)) };
    let tagged = |prefix: &str| -> Vec<Word> {
        let values = info.tags.iter().filter_map(|tag| Some((tag, tag.strip_prefix(prefix)?)));
        values
            .take(MAX_VALUES)
            .map(|(tag, text)| Word { text: text.to_owned(), link: Some(filtered(kind, tag)) })
            .collect()
    };
    add("Task", info.pipeline_tag.iter().map(|task| tag(task)).collect());
    add("Tasks", tagged("task_categories:"));
    add("Library", info.library_name.iter().map(|library| tag(library)).collect());
    add("SDK", info.sdk.iter().map(|sdk| tag(sdk)).collect());
    add("Licence", tagged("license:"));
    add(if kind == RepoKind::Dataset { "Rows" } else { "Size class" }, tagged("size_categories:"));
    if kind == RepoKind::Dataset {
        add("Languages", tagged("language:"));
    } else {
        add("Languages", languages(info).iter().take(MAX_VALUES).map(|language| tag(language)).collect());
    }
    if let Some(weights) = &info.safetensors {
        let total = weights.get("total").and_then(Value::as_u64);
        add("Parameters", total.map(|total| plain(format::amount(total))).unwrap_or_default());
        let types: BTreeMap<&String, u64> = weights
            .get("parameters")
            .and_then(Value::as_object)
            .map(|types| types.iter().filter_map(|(name, count)| Some((name, count.as_u64()?))).collect())
            .unwrap_or_default();
        let all = total.unwrap_or(0).max(1) as f64;
        let share = |(name, count): (&String, u64)| Word {
            text: if types.len() == 1 {
                name.clone()
            } else {
                format!("{name} {}", percent(count as f64 / all))
            },
            link: None,
        };
        add("Tensor types", types.iter().map(|(name, count)| share((name, *count))).collect());
    }
    if let Some(gguf) = &info.gguf {
        let said = |key: &str| {
            gguf.get(key).and_then(Value::as_str).map(|text| plain(text.to_owned())).unwrap_or_default()
        };
        let number = |key: &str| gguf.get(key).and_then(Value::as_u64);
        if info.safetensors.is_none() {
            add("Parameters", number("total").map(|total| plain(format::amount(total))).unwrap_or_default());
        }
        add("Architecture", said("architecture"));
        add("Quantisation", said("file_type"));
        add(
            "Context",
            number("context_length").map(|length| plain(format::count(length))).unwrap_or_default(),
        );
    }
    add("Papers", papers(info));
    add("Storage", plain(format::size(info.used_storage)));
    add("Changed", plain(format::time(info.last_modified)));
    add("Created", plain(format::time(info.created_at)));
    facts
}

/// Returns a share of a whole.
fn percent(share: f64) -> String {
    match share * 100.0 {
        small if small < 0.5 => "<1 %".to_owned(),
        large if (99.5..100.0).contains(&large) => ">99 %".to_owned(),
        share => format!("{share:.0} %"),
    }
}

/// Returns the languages that a card names.
fn languages(info: &RepoInfo) -> Vec<String> {
    match info.card_data.as_ref().and_then(|card| card.get("language")) {
        Some(Value::String(language)) => vec![language.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn papers(info: &RepoInfo) -> Vec<Word> {
    let ids = info.tags.iter().filter_map(|tag| tag.strip_prefix("arxiv:"));
    let digits = |id: &&str| id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let word = |id: &str| Word { text: id.to_owned(), link: Some(format!("https://arxiv.org/abs/{id}")) };
    ids.filter(digits).take(MAX_VALUES).map(word).collect()
}

/// Returns the tags that no fact tells already.
fn tags(info: &RepoInfo) -> Vec<Word> {
    let kind = info.repo.kind();
    let languages = languages(info);
    let told = |tag: &&String| {
        let known = [&info.pipeline_tag, &info.library_name, &info.sdk]
            .into_iter()
            .flatten()
            .any(|word| word == *tag);
        let prefixed = [
            "license:",
            "dataset:",
            "base_model:",
            "arxiv:",
            "region:",
            "language:",
            "task_categories:",
            "size_categories:",
        ];
        known || languages.contains(tag) || prefixed.iter().any(|prefix| tag.starts_with(prefix))
    };
    let word = |tag: &String| Word { text: tag.clone(), link: Some(filtered(kind, tag)) };
    info.tags.iter().filter(|tag| !told(tag)).take(MAX_VALUES).map(word).collect()
}

async fn related(visit: &Visit, info: &RepoInfo) -> Result<Vec<Related>, PageError> {
    let id = info.repo.id();
    let named = |prefix: &str, kind: RepoKind| -> Vec<Word> {
        let names = info.tags.iter().filter_map(|tag| tag.strip_prefix(prefix));
        names.take(MAX_VALUES).map(|name| Word { text: name.to_owned(), link: link_to(kind, name) }).collect()
    };
    let mut related = Vec::new();
    let mut add = |heading, repos: Vec<Word>, all| {
        if !repos.is_empty() {
            related.push(Related { heading, repos, all });
        }
    };
    match info.repo.kind() {
        RepoKind::Model => {
            for (heading, relation) in [
                ("Fine-tuned from", "finetune"),
                ("Adapter for", "adapter"),
                ("Quantised from", "quantized"),
                ("Merged from", "merge"),
            ] {
                add(heading, named(&format!("base_model:{relation}:"), RepoKind::Model), None);
            }
            for (heading, relation) in [
                ("Fine-tunes", "finetune"),
                ("Adapters", "adapter"),
                ("Quantisations", "quantized"),
                ("Merges", "merge"),
            ] {
                let (repos, all) = tagged(visit, format!("base_model:{relation}:{id}")).await?;
                add(heading, repos, all);
            }
            add("Trained on", named("dataset:", RepoKind::Dataset), None);
        }
        RepoKind::Dataset => {
            let (repos, all) = tagged(visit, format!("dataset:{id}")).await?;
            add("Models trained on it", repos, all);
        }
        RepoKind::Space | RepoKind::Kernel | RepoKind::Bucket => {}
    }
    Ok(related)
}

/// Returns the models with a tag that the caller may see, and where to find all if there are more than are named.
async fn tagged(visit: &Visit, tag: String) -> Result<(Vec<Word>, Option<String>), PageError> {
    let all = filtered(RepoKind::Model, &tag);
    let query = ListQuery {
        kind: RepoKind::Model,
        author: None,
        search: Vec::new(),
        tags: vec![tag],
        gated: None,
        pipeline_tag: None,
        sort: ListSort::Downloads,
        ascending: false,
        after: None,
        limit: MAX_RELATED,
        siblings: false,
    };
    let found = visit.web.hub.list_repos(&visit.session.caller, query).await?;
    let word = |info: &RepoInfo| {
        let link = RepoLink { kind: RepoKind::Model, id: info.repo.id().clone() };
        Word { text: link.id.to_string(), link: Some(link.path()) }
    };
    Ok((found.repos.iter().map(word).collect(), found.next.map(|_| all)))
}

/// Returns where a name that a card gives may be found. Nobody asks whether it is there: following it will tell.
fn link_to(kind: RepoKind, name: &str) -> Option<String> {
    let id = RepoId::parse(name).ok()?;
    Some(RepoLink { kind, id }.path())
}
