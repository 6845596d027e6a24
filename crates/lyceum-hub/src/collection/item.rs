//! What a collection holds.

use lyceum_core::{RepoKind, Timestamp};
use lyceum_db::NewCollectionItem;
use serde_json::json;

use super::{Collection, CollectionSlug, not_found};
use crate::account::append_event;
use crate::{Caller, Error, ErrorKind, Gated, Hub, Result, Visibility};

/// Most items of one collection.
pub(super) const MAX_ITEMS: u32 = 1000;
/// Longest note.
const MAX_NOTE_CHARS: usize = 500;
/// Longest identifier of a paper.
const MAX_PAPER_CHARS: usize = 64;

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionItemKind {
    /// A repo.
    Repo(RepoKind),
    /// A paper, known by its identifier alone.
    Paper,
    /// Another collection.
    Collection,
}

/// An item as a caller sees it.
#[derive(Debug, Clone)]
pub struct CollectionItem {
    /// Its own id.
    pub id: String,
    /// What it is.
    pub kind: CollectionItemKind,
    /// The repo's id, the collection's slug, or the paper's identifier.
    pub target: String,
    /// What the owner says of it.
    pub note: Option<String>,
    /// Its place among the items that the caller sees.
    pub place: usize,
    /// What is shown of it.
    pub shown: ItemShown,
}

/// What is shown of an item.
#[derive(Debug, Clone)]
pub enum ItemShown {
    /// A repo.
    Repo {
        /// Who may see it.
        visibility: Visibility,
        /// Whether its content needs consent.
        gated: Gated,
        /// Likes.
        likes: u64,
        /// Downloads of the last 30 days.
        downloads: u64,
        /// When its content last changed.
        last_modified: Timestamp,
    },
    /// A paper.
    Paper,
    /// Another collection.
    Collection {
        /// Its title.
        title: String,
    },
}

/// Changes to an item; `None` leaves things as they are.
#[derive(Debug, Clone, Default)]
pub struct ItemChange {
    /// What the owner says of it; empty for nothing.
    pub note: Option<String>,
    /// Its new place among the items that the caller sees.
    pub place: Option<usize>,
}

impl CollectionItemKind {
    /// Reads a kind, in the singular or plural.
    pub fn parse(word: &str) -> Result<Self> {
        match word {
            "paper" | "papers" => Ok(Self::Paper),
            "collection" | "collections" => Ok(Self::Collection),
            _ => RepoKind::parse(word).map(Self::Repo).ok_or_else(|| {
                Error::new(
                    ErrorKind::Invalid,
                    "an item's type must be a kind of repository, `paper` or `collection`",
                )
            }),
        }
    }

    /// Returns the word used in items.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repo(kind) => kind.singular(),
            Self::Paper => "paper",
            Self::Collection => "collection",
        }
    }
}

impl CollectionItem {
    pub(super) fn new(row: lyceum_db::CollectionItem, place: usize) -> Self {
        let (kind, target, shown) = match (row.repo, row.nested) {
            (Some(repo), _) => {
                let shown = ItemShown::Repo {
                    visibility: repo.visibility,
                    gated: repo.gated,
                    likes: repo.likes,
                    downloads: repo.downloads,
                    last_modified: repo.head_at,
                };
                (CollectionItemKind::Repo(repo.kind), repo.name.to_string(), shown)
            }
            (None, Some((owner, title))) => {
                let slug = CollectionSlug::new(owner, &title, row.target);
                (CollectionItemKind::Collection, slug.to_string(), ItemShown::Collection { title })
            }
            (None, None) => (CollectionItemKind::Paper, row.target, ItemShown::Paper),
        };
        Self { id: row.id, kind, target, note: row.note, place, shown }
    }
}

impl Hub {
    /// Puts something that the caller may see at the end of a collection, and returns the collection.
    pub async fn add_collection_item(
        &self,
        caller: &Caller,
        slug: &CollectionSlug,
        kind: CollectionItemKind,
        target: &str,
        note: Option<String>,
    ) -> Result<Collection> {
        let note = check_note(note)?;
        let (found, user_id) = self.find_own_collection(caller, slug).await?;
        let now = self.inner.clock.now();
        let mut item = NewCollectionItem {
            id: self.new_collection_id(),
            collection_id: found.id,
            kind: kind.as_str().to_owned(),
            target: target.to_owned(),
            repo_id: None,
            nested_id: None,
            note,
            created_at: now,
        };
        match kind {
            CollectionItemKind::Repo(kind) => {
                let (target, repo_id) = self.visible_repo(caller, kind, target).await?;
                (item.target, item.repo_id) = (target, Some(repo_id));
            }
            CollectionItemKind::Paper => check_paper(target)?,
            CollectionItemKind::Collection => {
                let nested = CollectionSlug::parse(target).ok_or_else(not_found)?;
                let nested = self.find_collection(caller, &nested).await?;
                if nested.id == item.collection_id {
                    return Err(Error::new(ErrorKind::Invalid, "a collection cannot hold itself"));
                }
                item.target.clone_from(&nested.id);
                item.nested_id = Some(nested.id);
            }
        }
        let shown = target.to_owned();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.touch_collection(&item.collection_id, now).await? {
                        return Err(not_found());
                    }
                    if tx.collection_items_count(&item.collection_id).await? >= u64::from(MAX_ITEMS) {
                        let message = format!("the collection has {MAX_ITEMS} items, which is the most");
                        return Err(Error::new(ErrorKind::TooLarge, message));
                    }
                    // Deleted meanwhile: the row that the item would refer to is gone.
                    if let Some(repo_id) = item.repo_id
                        && tx.repo(repo_id).await?.is_none()
                    {
                        return Err(crate::access::not_found());
                    }
                    if let Some(nested) = &item.nested_id
                        && !tx.collection_exists(nested).await?
                    {
                        return Err(not_found());
                    }
                    if !tx.insert_collection_item(&item).await? {
                        let message = format!("the {} `{shown}` is in the collection already", item.kind);
                        return Err(Error::new(ErrorKind::AlreadyExists, message));
                    }
                    let detail = json!({ "collection": item.collection_id, "item": item.id });
                    append_event(tx, None, Some(user_id), "add-collection-item", &detail, now).await
                })
            })
            .await?;
        self.collection(caller, slug).await
    }

    /// Changes the note or the place of an item.
    pub async fn change_collection_item(
        &self,
        caller: &Caller,
        slug: &CollectionSlug,
        item: &str,
        change: ItemChange,
    ) -> Result<()> {
        let note = change.note.map(|note| check_note(Some(note))).transpose()?;
        let (found, user_id) = self.find_own_collection(caller, slug).await?;
        let (now, item, caller) = (self.inner.clock.now(), item.to_owned(), caller.clone());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.touch_collection(&found.id, now).await? {
                        return Err(not_found());
                    }
                    // Places are counted among what the caller sees, so that they tell nothing of the rest.
                    let seen = tx.collection_items(&[&found.id], caller.viewer(), MAX_ITEMS).await?;
                    let from = seen.iter().find(|row| row.id == item).ok_or_else(no_item)?.position;
                    if let Some(note) = note {
                        tx.note_collection_item(&found.id, &item, note.as_deref()).await?;
                    }
                    if let Some(place) = change.place {
                        let to = seen[place.min(seen.len() - 1)].position;
                        tx.move_collection_item(&found.id, &item, from, to).await?;
                    }
                    let detail = json!({ "collection": found.id, "item": item });
                    append_event(tx, None, Some(user_id), "change-collection-item", &detail, now).await
                })
            })
            .await
    }

    /// Takes an item out of a collection.
    pub async fn delete_collection_item(
        &self,
        caller: &Caller,
        slug: &CollectionSlug,
        item: &str,
    ) -> Result<()> {
        let (found, user_id) = self.find_own_collection(caller, slug).await?;
        let (now, item) = (self.inner.clock.now(), item.to_owned());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.delete_collection_item(&found.id, &item).await? {
                        return Err(no_item());
                    }
                    tx.touch_collection(&found.id, now).await?;
                    let detail = json!({ "collection": found.id, "item": item });
                    append_event(tx, None, Some(user_id), "delete-collection-item", &detail, now).await
                })
            })
            .await
    }
}

fn no_item() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such item in the collection")
}

/// Checks a note; an empty one is none.
fn check_note(note: Option<String>) -> Result<Option<String>> {
    if note.as_ref().is_some_and(|note| note.chars().count() > MAX_NOTE_CHARS) {
        let message = format!("`note` must have at most {MAX_NOTE_CHARS} characters");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(note.filter(|note| !note.is_empty()))
}

/// Checks the identifier of a paper, such as `2401.00001` or `cs/0112017`; whether the paper exists is not asked.
fn check_paper(id: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
    if id.is_empty() || id.len() > MAX_PAPER_CHARS || !id.chars().all(allowed) {
        let message =
            format!("a paper's id must have 1 to {MAX_PAPER_CHARS} letters, digits, `.`, `/`, `-` or `_`");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(())
}
