//! What repos and accounts are found by.

use lyceum_core::RepoKind;
use lyceum_db::{Account, AccountKind, CatalogueRepo, Gated, Visibility};
use lyceum_search::{Entry, Facet, Grant, Kind, Order};
use serde_json::Value;

use crate::derive::Facts;

/// Most languages of one repo that are counted; more is a table, not a statement.
const MAX_LANGUAGES: usize = 100;
/// Tags that say in which format a model's weights are.
const FORMATS: &[&str] =
    &["safetensors", "gguf", "onnx", "pytorch", "tf", "jax", "openvino", "coreml", "tflite", "mlx"];
/// Sizes by parameters: the first number of the next class, and the name. The names are shown as they are.
const SIZES: &[(u64, &str)] = &[
    (100_000_000, "below 0.1B"),
    (1_000_000_000, "0.1B to 1B"),
    (4_000_000_000, "1B to 4B"),
    (10_000_000_000, "4B to 10B"),
    (40_000_000_000, "10B to 40B"),
    (100_000_000_000, "40B to 100B"),
    (u64::MAX, "100B and more"),
];

/// Returns the entry of a repo. What cannot be read of its facts is left out rather than leaving out the repo.
pub(super) fn of_repo(row: CatalogueRepo) -> Entry {
    let repo = row.repo;
    let facts = row.info.and_then(|info| Facts::try_from(info).ok()).unwrap_or_default();
    let mut facets = facets(repo.kind, &facts);
    facets.extend(repo.sdk.iter().map(|sdk| (Facet::Sdk, sdk.clone())));
    let access = if repo.gated == Gated::No { "open" } else { "gated" };
    facets.push((Facet::Access, access.to_owned()));
    let seen_by = match (repo.visibility, repo.resource_group_id) {
        (Visibility::Public | Visibility::Protected, _) => vec![Grant::Everybody],
        (Visibility::Private, None) => {
            facets.push((Facet::Access, "private".to_owned()));
            vec![Grant::Owner(repo.owner_id)]
        }
        (Visibility::Private, Some(group)) => {
            facets.push((Facet::Access, "private".to_owned()));
            vec![Grant::Administrators(repo.owner_id), Grant::Group(group)]
        }
    };
    let mut text = row.text.unwrap_or_default();
    if let Some(description) = facts.description {
        text = format!("{description}\n{text}");
    }
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Entry {
        kind: Kind::Repo(repo.kind),
        id: repo.id,
        name: repo.name.to_string(),
        title: String::new(),
        text,
        owner: repo.owner_id,
        seen_by,
        tags: facts.tags,
        facets,
        order: Order {
            trending: count(repo.trending),
            likes: count(repo.likes),
            downloads: count(repo.downloads),
            updated: repo.head_at.0,
            created: repo.created_at.0,
        },
    }
}

/// Returns the entry of an account.
pub(super) fn of_account(account: Account) -> Entry {
    Entry {
        kind: kind_of_account(account.kind),
        id: account.id,
        name: account.name.to_string(),
        title: account.full_name,
        text: String::new(),
        owner: account.id,
        seen_by: vec![Grant::Everybody],
        tags: Vec::new(),
        facets: Vec::new(),
        order: Order { created: account.created_at.0, updated: account.created_at.0, ..Order::default() },
    }
}

/// Returns how the index calls a kind of account.
pub(super) fn kind_of_account(kind: AccountKind) -> Kind {
    match kind {
        AccountKind::User => Kind::User,
        AccountKind::Org => Kind::Organisation,
    }
}

fn facets(kind: RepoKind, facts: &Facts) -> Vec<(Facet, String)> {
    let mut facets = Vec::new();
    facets.extend(facts.pipeline_tag.iter().map(|task| (Facet::Task, task.clone())));
    facets.extend(facts.library.iter().map(|library| (Facet::Library, library.clone())));
    for tag in &facts.tags {
        let facet = match (kind, tag.split_once(':')) {
            (_, Some(("license", _))) => Facet::Licence,
            (RepoKind::Dataset, Some(("task_categories", _))) => Facet::Task,
            (RepoKind::Dataset, Some(("language", _))) => Facet::Language,
            (RepoKind::Dataset, Some(("size_categories", _))) => Facet::Size,
            (RepoKind::Dataset, Some(("modality", _))) => Facet::Modality,
            (RepoKind::Dataset, Some(("format", _))) => Facet::Format,
            (RepoKind::Dataset, Some(("library", _))) => Facet::Library,
            (RepoKind::Model, None) if FORMATS.contains(&tag.as_str()) => Facet::Format,
            _ => continue,
        };
        let value = tag.split_once(':').map_or(tag.as_str(), |(_, value)| value);
        facets.push((facet, value.to_owned()));
    }
    if kind != RepoKind::Dataset {
        let card = facts.card.as_ref().and_then(|card| card.get("language"));
        facets.extend(languages(card).map(|language| (Facet::Language, language.to_owned())));
    }
    facets.extend(parameters(facts).map(|count| (Facet::Size, size(count).to_owned())));
    facets.sort();
    facets.dedup();
    facets
}

fn languages(said: Option<&Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match said {
        Some(Value::Array(many)) => (None, many.as_slice()),
        one => (one, &[][..]),
    };
    one.into_iter().chain(many).filter_map(Value::as_str).take(MAX_LANGUAGES)
}

fn parameters(facts: &Facts) -> Option<u64> {
    let total = |value: &Option<Value>| value.as_ref().and_then(|value| value.get("total")?.as_u64());
    total(&facts.safetensors).or_else(|| total(&facts.gguf))
}

fn size(parameters: u64) -> &'static str {
    let class = SIZES.iter().find(|(end, _)| parameters < *end);
    class.or(SIZES.last()).map_or("", |(_, name)| name)
}
