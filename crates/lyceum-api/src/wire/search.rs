//! What the search box shows.

use lyceum_hub::{Account, Person, QuickHits, RepoInfo, Visibility};
use serde_json::{Map, Value, json};

use super::collections::CollectionWire;
use super::people::PersonWire;
use crate::extract::BaseUrl;

/// Writes the hits, a list for each sort that was looked through; the others are empty.
pub(crate) fn hits(base: &BaseUrl, text: &str, hits: QuickHits) -> Value {
    let people = |accounts: Vec<Account>| -> Vec<PersonWire> {
        let person = |account| PersonWire::from(Person { account, following: None });
        accounts.into_iter().map(person).collect()
    };
    let collections = hits.collections.into_iter().map(|one| CollectionWire::listed(base, one));
    let mut object = Map::new();
    for sort in ["models", "datasets", "spaces"] {
        object.insert(sort.to_owned(), json!([]));
    }
    for (kind, repos) in hits.repos {
        object.insert(kind.plural().to_owned(), repos.iter().map(repo).collect());
    }
    object.insert("users".to_owned(), json!(people(hits.users)));
    object.insert("orgs".to_owned(), json!(people(hits.organisations)));
    object.insert("collections".to_owned(), json!(collections.collect::<Vec<_>>()));
    object.insert("papers".to_owned(), json!([]));
    object.insert("q".to_owned(), json!(text));
    Value::Object(object)
}

fn repo(info: &RepoInfo) -> Value {
    json!({
        "id": info.repo.id().to_string(),
        "private": info.visibility == Visibility::Private,
        "likes": info.likes,
        "downloads": info.downloads,
        "trendingWeight": info.downloads.saturating_add(info.likes),
    })
}
