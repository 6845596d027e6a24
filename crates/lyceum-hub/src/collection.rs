//! Collections: ordered lists of repos, papers and other collections, kept by a user or an organisation.

use std::collections::HashMap;

use lyceum_core::{AccountName, RepoId, RepoKind, Timestamp};
use lyceum_db::{CollectionChange, CollectionQuery, CollectionSort, NewCollection};
use serde_json::json;

use crate::account::append_event;
use crate::{AccountKind, Action, Caller, Error, ErrorKind, Hub, Permission, Result, Role};

mod item;
mod slug;

pub use item::{CollectionItem, CollectionItemKind, ItemChange, ItemShown};
pub use slug::CollectionSlug;

/// Longest title.
const MAX_TITLE_CHARS: usize = 120;
/// Longest description.
const MAX_DESCRIPTION_CHARS: usize = 500;
/// Most collections of one user or organisation.
const MAX_COLLECTIONS: u64 = 1000;
/// Most collections on one page: each comes with its first items.
const MAX_PAGE: usize = 100;
/// Items that a list shows of each collection.
const LISTED_ITEMS: u32 = 4;
/// Most owners, and most items, that a list is filtered by.
const MAX_FILTERS: usize = 16;
/// Colours of the cards; the first is taken when none is asked for.
const THEMES: &[&str] = &["orange", "blue", "green", "purple", "pink", "indigo"];
/// Furthest place of a collection among its owner's.
const MAX_POSITION: i64 = 1_000_000;

/// A collection.
#[derive(Debug, Clone)]
pub struct Collection {
    /// How it is addressed.
    pub slug: CollectionSlug,
    /// What people read.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// What people call the owner.
    pub owner_full_name: String,
    /// Database id of the owner.
    pub owner_id: i64,
    /// Whether the owner is a user or an organisation.
    pub owner_kind: AccountKind,
    /// Whether only its owner's people see it.
    pub private: bool,
    /// The colour of its card.
    pub theme: String,
    /// Its place among the owner's.
    pub position: i64,
    /// Users who recommend it.
    pub upvotes: u64,
    /// Whether the caller is one of them.
    pub upvoted: bool,
    /// When it or its items last changed.
    pub updated_at: Timestamp,
    /// What it holds, as far as the caller may see it; in lists only the first.
    pub items: Vec<CollectionItem>,
}

/// A collection to make.
#[derive(Debug, Clone)]
pub struct NewCollectionOf {
    /// The user or organisation whose it will be.
    pub namespace: AccountName,
    /// What people read.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// Whether only its owner's people see it.
    pub private: bool,
}

/// How making a collection ended.
#[derive(Debug, Clone)]
pub enum CollectionMade {
    /// It was made.
    New(Box<Collection>),
    /// The namespace has one with this title.
    Exists(CollectionSlug),
}

/// Which collections to list.
#[derive(Debug, Clone)]
pub struct CollectionFilter {
    /// Only those of one of these accounts.
    pub owners: Vec<String>,
    /// Only those that hold one of these, such as `models/a/b`, `papers/2401.00001` or `collections/a/b-id`.
    pub items: Vec<String>,
    /// Only those whose title holds this.
    pub search: Option<String>,
    /// The order.
    pub sort: CollectionSort,
    /// Cursor of the previous page.
    pub after: Option<String>,
    /// Collections per page.
    pub limit: usize,
}

/// One page of collections.
#[derive(Debug, Clone)]
pub struct CollectionPage {
    /// The collections.
    pub collections: Vec<Collection>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Makes a collection in a namespace of the caller's.
    pub async fn create_collection(&self, caller: &Caller, new: NewCollectionOf) -> Result<CollectionMade> {
        let identity = caller.signed_in()?;
        check_title(&new.title)?;
        check_description(new.description.as_deref())?;
        let refuse = || {
            let namespace = &new.namespace;
            Error::new(
                ErrorKind::Forbidden,
                format!(
                    "You don't have the rights to create a collection under the namespace \"{namespace}\""
                ),
            )
        };
        let mut db = self.inner.db.read().await?;
        let owner = db.account_by_name(&new.namespace).await?.ok_or_else(refuse)?;
        let allowed = identity.admin
            || owner.id == identity.user_id
            || db.role_in(owner.id, identity.user_id).await? >= Some(Role::Contributor);
        if !allowed {
            return Err(refuse());
        }
        identity.may(&[Permission::WriteCollections], owner.id)?;
        drop(db);
        let (id, now, user_id) = (self.new_collection_id(), self.inner.clock.now(), identity.user_id);
        let row = NewCollection {
            id: id.clone(),
            owner_id: owner.id,
            creator_id: user_id,
            title: new.title,
            description: new.description.filter(|text| !text.is_empty()),
            private: new.private,
            theme: THEMES[0].to_owned(),
            created_at: now,
        };
        let namespace = owner.name.clone();
        let existing = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if tx.collections_count(row.owner_id).await? >= MAX_COLLECTIONS {
                        return Err(Error::new(
                            ErrorKind::TooLarge,
                            format!("`{namespace}` has {MAX_COLLECTIONS} collections, which is the most"),
                        ));
                    }
                    if tx.insert_collection(&row).await? {
                        let detail = json!({ "collection": row.id, "owner": namespace.as_str() });
                        append_event(tx, None, Some(user_id), "create-collection", &detail, now).await?;
                        return Ok(None);
                    }
                    let existing = tx.collection_by_title(row.owner_id, &row.title).await?;
                    existing.map(Some).ok_or_else(|| Error::internal("a collection's id is taken"))
                })
            })
            .await?;
        let viewer = caller.viewer();
        let made = existing.as_deref().unwrap_or(&id);
        let found = self.inner.db.read().await?.collection(made, viewer).await?.ok_or_else(not_found)?;
        let collection = Collection::new(found, Vec::new());
        Ok(match existing {
            None => CollectionMade::New(Box::new(collection)),
            Some(_) => CollectionMade::Exists(collection.slug),
        })
    }

    /// Reads a collection with its items, by its current or an earlier slug.
    pub async fn collection(&self, caller: &Caller, slug: &CollectionSlug) -> Result<Collection> {
        let found = self.find_collection(caller, slug).await?;
        let mut db = self.inner.db.read().await?;
        let items = db.collection_items(&[&found.id], caller.viewer(), item::MAX_ITEMS).await?;
        Ok(Collection::new(found, items))
    }

    /// Changes a collection.
    pub async fn change_collection(
        &self,
        caller: &Caller,
        slug: &CollectionSlug,
        change: CollectionChange,
    ) -> Result<Collection> {
        if let Some(title) = &change.title {
            check_title(title)?;
        }
        check_description(change.description.as_deref())?;
        if let Some(theme) = &change.theme
            && !THEMES.contains(&theme.as_str())
        {
            let known = THEMES.join("`, `");
            return Err(Error::new(ErrorKind::Invalid, format!("`theme` must be one of `{known}`")));
        }
        if change.position.is_some_and(|position| !(0..=MAX_POSITION).contains(&position)) {
            let message = format!("`position` must be between 0 and {MAX_POSITION}");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let (found, user_id) = self.find_own_collection(caller, slug).await?;
        let (now, id) = (self.inner.clock.now(), found.id);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(title) = &change.title
                        && tx
                            .collection_by_title(found.owner_id, title)
                            .await?
                            .is_some_and(|taken| taken != id)
                    {
                        let message = "there is another collection with this title in the namespace";
                        return Err(Error::new(ErrorKind::AlreadyExists, message));
                    }
                    if !tx.update_collection(&id, &change, now).await? {
                        return Err(not_found());
                    }
                    let detail = json!({ "collection": id });
                    append_event(tx, None, Some(user_id), "change-collection", &detail, now).await
                })
            })
            .await?;
        self.collection(caller, slug).await
    }

    /// Deletes a collection.
    pub async fn delete_collection(&self, caller: &Caller, slug: &CollectionSlug) -> Result<()> {
        let (found, user_id) = self.find_own_collection(caller, slug).await?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.delete_collection(&found.id).await? {
                        return Err(not_found());
                    }
                    let detail = json!({ "collection": found.id });
                    append_event(tx, None, Some(user_id), "delete-collection", &detail, now).await
                })
            })
            .await
    }

    /// Makes the caller recommend a collection, or no longer. Doing so twice changes nothing.
    pub async fn set_upvote(
        &self,
        caller: &Caller,
        slug: &CollectionSlug,
        upvote: bool,
    ) -> Result<Collection> {
        let identity = caller.signed_in()?;
        identity.may_write()?;
        let found = self.find_collection(caller, slug).await?;
        let (now, user_id) = (self.inner.clock.now(), identity.user_id);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    // Deleted meanwhile: the row that the vote would refer to is gone.
                    if tx.collection_exists(&found.id).await? {
                        tx.set_upvote(&found.id, user_id, upvote, now).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        self.collection(caller, slug).await
    }

    /// Lists the collections that the caller may see, each with its first items.
    pub async fn collections(&self, caller: &Caller, filter: CollectionFilter) -> Result<CollectionPage> {
        if filter.owners.len() > MAX_FILTERS || filter.items.len() > MAX_FILTERS {
            let message = format!("at most {MAX_FILTERS} owners and {MAX_FILTERS} items are allowed");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let empty = CollectionPage { collections: Vec::new(), next: None };
        let asked = filter.owners.len();
        // A name that breaks the rules is nobody's.
        let owners: Vec<_> = filter.owners.iter().filter_map(|name| AccountName::parse(name).ok()).collect();
        if asked > 0 && owners.is_empty() {
            return Ok(empty);
        }
        let items =
            if filter.items.is_empty() { None } else { Some(self.targets(caller, &filter.items).await?) };
        let limit = filter.limit.clamp(1, MAX_PAGE);
        let query = CollectionQuery {
            viewer: caller.viewer(),
            owners,
            items,
            search: filter.search,
            sort: filter.sort,
            after: filter.after.as_deref().map(cursor).transpose()?,
            limit: limit as u32,
        };
        let mut db = self.inner.db.read().await?;
        let rows = db.list_collections(&query).await?;
        let next = match rows.last() {
            Some(last) if rows.len() == limit => Some(format!("{}.{}", query.sort.value(last), last.id)),
            _ => None,
        };
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let mut items: HashMap<String, Vec<lyceum_db::CollectionItem>> = HashMap::new();
        for item in db.collection_items(&ids, query.viewer, LISTED_ITEMS).await? {
            items.entry(item.collection_id.clone()).or_default().push(item);
        }
        let collection = |row: lyceum_db::Collection| {
            let items = items.remove(&row.id).unwrap_or_default();
            Collection::new(row, items)
        };
        Ok(CollectionPage { collections: rows.into_iter().map(collection).collect(), next })
    }

    /// Finds what collections are to be filtered by; what the caller may not see is in none.
    async fn targets(&self, caller: &Caller, items: &[String]) -> Result<Vec<(String, String)>> {
        let mut targets = Vec::new();
        for item in items {
            let (kind, id) = item.split_once('/').unwrap_or(("models", item));
            let kind = CollectionItemKind::parse(kind)?;
            let target = match kind {
                CollectionItemKind::Repo(kind) => self.visible_repo(caller, kind, id).await.map(|(id, _)| id),
                CollectionItemKind::Paper => Ok(id.to_owned()),
                CollectionItemKind::Collection => match CollectionSlug::parse(id) {
                    Some(slug) => self.find_collection(caller, &slug).await.map(|found| found.id),
                    None => Err(not_found()),
                },
            };
            match target {
                Ok(target) => targets.push((kind.as_str().to_owned(), target)),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::RepoNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(targets)
    }

    /// Finds a repo that the caller may know of; returns its number as text and the number.
    async fn visible_repo(&self, caller: &Caller, kind: RepoKind, id: &str) -> Result<(String, i64)> {
        let id = RepoId::parse(id).map_err(|_| crate::access::not_found())?;
        let repo = self.open(caller, kind, &id, Action::Discover).await?;
        Ok((repo.record.id.to_string(), repo.record.id))
    }

    /// Finds a collection that the caller may see. A hidden one is answered as one that does not exist.
    async fn find_collection(&self, caller: &Caller, slug: &CollectionSlug) -> Result<lyceum_db::Collection> {
        let viewer = caller.viewer();
        let found = self.inner.db.read().await?.collection(slug.id(), viewer).await?;
        found
            .filter(|found| found.owner.key() == slug.namespace().key())
            .filter(|found| !found.private || sees_private(caller, found))
            .ok_or_else(not_found)
    }

    /// Finds a collection that the caller may change; returns it with the caller's id.
    async fn find_own_collection(
        &self,
        caller: &Caller,
        slug: &CollectionSlug,
    ) -> Result<(lyceum_db::Collection, i64)> {
        let found = self.find_collection(caller, slug).await?;
        let identity = caller.signed_in()?;
        identity.may(&[Permission::WriteCollections], found.owner_id)?;
        let own = found.role == Some(Role::Contributor) && found.creator_id == Some(identity.user_id);
        if identity.admin || own || found.role >= Some(Role::Write) {
            return Ok((found, identity.user_id));
        }
        Err(Error::new(ErrorKind::Forbidden, "you have no write access to this collection"))
    }

    fn new_collection_id(&self) -> String {
        let mut id = self.inner.entropy.id();
        id.truncate(slug::ID_CHARS);
        id
    }
}

impl Collection {
    fn new(row: lyceum_db::Collection, items: Vec<lyceum_db::CollectionItem>) -> Self {
        Self {
            slug: CollectionSlug::new(row.owner, &row.title, row.id),
            title: row.title,
            description: row.description.filter(|text| !text.is_empty()),
            owner_full_name: row.owner_full_name,
            owner_id: row.owner_id,
            owner_kind: row.owner_kind,
            private: row.private,
            theme: row.theme,
            position: row.position,
            upvotes: row.upvotes,
            upvoted: row.upvoted,
            updated_at: row.updated_at,
            items: items
                .into_iter()
                .enumerate()
                .map(|(place, row)| CollectionItem::new(row, place))
                .collect(),
        }
    }
}

/// Reports whether a private collection is for the caller, as far as his token lets him.
fn sees_private(caller: &Caller, collection: &lyceum_db::Collection) -> bool {
    let viewer = caller.viewer();
    let scoped = viewer.scope.is_none_or(|scope| scope.collections.contains(&collection.owner_id));
    scoped && (viewer.admin || collection.role.is_some())
}

/// Returns the error for a collection that does not exist, or that the caller may not know of.
pub(crate) fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "Collection not found")
}

fn check_title(title: &str) -> Result<()> {
    let length = title.chars().count();
    if title.trim().is_empty() || length > MAX_TITLE_CHARS || title.chars().any(char::is_control) {
        let message =
            format!("`title` must have 1 to {MAX_TITLE_CHARS} characters and no control characters");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(())
}

fn check_description(description: Option<&str>) -> Result<()> {
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION_CHARS) {
        let message = format!("`description` must have at most {MAX_DESCRIPTION_CHARS} characters");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(())
}

fn cursor(cursor: &str) -> Result<(i64, String)> {
    let parse = || {
        let (value, id) = cursor.split_once('.')?;
        Some((value.parse().ok()?, id.to_owned()))
    };
    parse().ok_or_else(|| Error::new(ErrorKind::Invalid, "invalid `cursor`"))
}
