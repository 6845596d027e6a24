//! Collections: ordered lists of repos, papers and other collections, kept by a user or an organisation.

use lyceum_core::{AccountName, Timestamp};

use crate::account::{AccountKind, Role};
use crate::error::Result;
use crate::list::Viewer;
use crate::queries::{Queries, Sql};
use crate::value::{Columns, Record, bind};

mod item;

pub use item::{CollectionItem, NewCollectionItem};

/// A collection, as a viewer meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// The key of the row: 24 hexadecimal digits.
    pub id: String,
    /// Whose it is.
    pub owner_id: i64,
    /// Who made it, if the account still exists.
    pub creator_id: Option<i64>,
    /// What people read.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// Whether only the owner, or the members of the organisation that owns it, see it.
    pub private: bool,
    /// The colour of its card.
    pub theme: String,
    /// Its place among the owner's.
    pub position: i64,
    /// Users who recommend it.
    pub upvotes: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it or its items last changed.
    pub updated_at: Timestamp,
    /// Name of the owner; not stored with the collection.
    pub owner: AccountName,
    /// What people call the owner; not stored with the collection.
    pub owner_full_name: String,
    /// Whether the owner is a user or an organisation; not stored with the collection.
    pub owner_kind: AccountKind,
    /// The viewer's role in the owner: [`Role::Admin`] for the owner himself.
    pub role: Option<Role>,
    /// Whether the viewer recommends it.
    pub upvoted: bool,
}

/// A collection to be made.
#[derive(Debug, Clone)]
pub struct NewCollection {
    /// 24 hexadecimal digits.
    pub id: String,
    /// Whose it is.
    pub owner_id: i64,
    /// Who makes it.
    pub creator_id: i64,
    /// What people read; unique within the owner.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// Whether it is hidden.
    pub private: bool,
    /// The colour of its card.
    pub theme: String,
    /// When it is made.
    pub created_at: Timestamp,
}

/// Changes to a collection; `None` leaves things as they are.
#[derive(Debug, Clone, Default)]
pub struct CollectionChange {
    /// What people read.
    pub title: Option<String>,
    /// More about it; empty for none.
    pub description: Option<String>,
    /// Whether it is hidden.
    pub private: Option<bool>,
    /// The colour of its card.
    pub theme: Option<String>,
    /// Its place among the owner's.
    pub position: Option<i64>,
}

/// The order of a list of collections, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionSort {
    /// When it or its items last changed.
    LastModified,
    /// Users who recommend it.
    Upvotes,
}

/// Which collections to list. Only those that the viewer may see are listed.
#[derive(Debug, Clone)]
pub struct CollectionQuery<'a> {
    /// Who looks.
    pub viewer: Viewer<'a>,
    /// Only those of one of these accounts; empty for all.
    pub owners: Vec<AccountName>,
    /// Only those that hold one of these, given as kind and target; `None` for all.
    pub items: Option<Vec<(String, String)>>,
    /// Only those whose title holds this, without regard to case.
    pub search: Option<String>,
    /// The order.
    pub sort: CollectionSort,
    /// What the last collection of the page before is ordered by, and its id.
    pub after: Option<(i64, String)>,
    /// Most collections to return.
    pub limit: u32,
}

impl CollectionSort {
    /// Returns what the list is ordered by; with the id, where the next page starts.
    pub fn value(self, collection: &Collection) -> i64 {
        match self {
            Self::LastModified => collection.updated_at.0,
            Self::Upvotes => i64::try_from(collection.upvotes).unwrap_or(i64::MAX),
        }
    }

    fn column(self) -> &'static str {
        match self {
            Self::LastModified => "c.updated_at",
            Self::Upvotes => "c.upvotes",
        }
    }
}

/// The viewer is bound in the middle; nobody has the id 0.
fn select(viewer: Viewer<'_>) -> Sql {
    let viewer = viewer.user_id.unwrap_or(0);
    let mut sql = Sql::new(
        "SELECT c.id, c.owner_id, c.creator_id, c.title, c.description, c.private, c.theme, c.position, c.upvotes, \
         c.created_at, c.updated_at, o.name, o.full_name, o.kind, \
         CASE WHEN c.owner_id = ",
    );
    sql.bind(viewer).push(" THEN 'admin' ELSE m.role END, CASE WHEN u.user_id IS NULL THEN 0 ELSE 1 END");
    sql.push(" FROM collection c JOIN account o ON o.id = c.owner_id");
    sql.push(" LEFT JOIN membership m ON m.org_id = c.owner_id AND m.user_id = ").bind(viewer);
    sql.push(" LEFT JOIN collection_upvote u ON u.collection_id = c.id AND u.user_id = ").bind(viewer);
    sql
}

impl Record for Collection {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            owner_id: columns.get()?,
            creator_id: columns.get()?,
            title: columns.get()?,
            description: columns.get()?,
            private: columns.get()?,
            theme: columns.get()?,
            position: columns.get()?,
            upvotes: columns.get()?,
            created_at: columns.get()?,
            updated_at: columns.get()?,
            owner: columns.get()?,
            owner_full_name: columns.get()?,
            owner_kind: columns.get()?,
            role: columns.get()?,
            upvoted: columns.get()?,
        })
    }
}

impl Queries {
    /// Makes a collection, the last of its owner's; false if the owner has one with this title.
    pub async fn insert_collection(&mut self, new: &NewCollection) -> Result<bool> {
        let inserted = self
            .execute(
                "INSERT INTO collection (id, owner_id, creator_id, title, description, private, theme, position, \
                 created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, \
                 (SELECT COUNT(*) FROM collection WHERE owner_id = $2), $8, $8) ON CONFLICT DO NOTHING",
                bind![
                    new.id,
                    new.owner_id,
                    new.creator_id,
                    new.title,
                    new.description,
                    new.private,
                    new.theme,
                    new.created_at,
                ],
            )
            .await?;
        Ok(inserted == 1)
    }

    /// Returns a collection, whether or not the viewer may see it.
    pub async fn collection(&mut self, id: &str, viewer: Viewer<'_>) -> Result<Option<Collection>> {
        let mut sql = select(viewer);
        sql.push(" WHERE c.id = ").bind(id);
        let (sql, arguments) = sql.finish();
        self.optional(sql, arguments).await
    }

    /// Reports whether a collection exists.
    pub async fn collection_exists(&mut self, id: &str) -> Result<bool> {
        let found: u64 = self.one("SELECT COUNT(*) FROM collection WHERE id = $1", bind![id]).await?;
        Ok(found == 1)
    }

    /// Returns the id of an owner's collection with a title.
    pub async fn collection_by_title(&mut self, owner_id: i64, title: &str) -> Result<Option<String>> {
        let sql = "SELECT id FROM collection WHERE owner_id = $1 AND title = $2";
        self.optional(sql, bind![owner_id, title]).await
    }

    /// Returns the number of an owner's collections.
    pub async fn collections_count(&mut self, owner_id: i64) -> Result<u64> {
        self.one("SELECT COUNT(*) FROM collection WHERE owner_id = $1", bind![owner_id]).await
    }

    /// Changes a collection; false if it is gone. The new title must be free.
    pub async fn update_collection(
        &mut self,
        id: &str,
        change: &CollectionChange,
        at: Timestamp,
    ) -> Result<bool> {
        let changed = self
            .execute(
                "UPDATE collection SET title = COALESCE($2, title), description = COALESCE($3, description), \
                 private = COALESCE($4, private), theme = COALESCE($5, theme), position = COALESCE($6, position), \
                 updated_at = $7 WHERE id = $1",
                bind![
                    id,
                    change.title,
                    change.description,
                    change.private,
                    change.theme,
                    change.position,
                    at
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Notes that the items of a collection change, and locks its row until the transaction ends; false if it is gone.
    pub async fn touch_collection(&mut self, id: &str, at: Timestamp) -> Result<bool> {
        Ok(self.execute("UPDATE collection SET updated_at = $2 WHERE id = $1", bind![id, at]).await? == 1)
    }

    /// Deletes a collection with its items; false if it is gone.
    pub async fn delete_collection(&mut self, id: &str) -> Result<bool> {
        Ok(self.execute("DELETE FROM collection WHERE id = $1", bind![id]).await? == 1)
    }

    /// Makes a user recommend a collection, or no longer; false if nothing changed.
    pub async fn set_upvote(&mut self, id: &str, user_id: i64, upvote: bool, at: Timestamp) -> Result<bool> {
        let changed = if upvote {
            let sql = "INSERT INTO collection_upvote (collection_id, user_id, created_at) VALUES ($1, $2, $3) \
                       ON CONFLICT (collection_id, user_id) DO NOTHING";
            self.execute(sql, bind![id, user_id, at]).await?
        } else {
            let sql = "DELETE FROM collection_upvote WHERE collection_id = $1 AND user_id = $2";
            self.execute(sql, bind![id, user_id]).await?
        };
        if changed == 1 {
            let by = if upvote { 1_i64 } else { -1 };
            let sql = "UPDATE collection SET upvotes = upvotes + $2 WHERE id = $1 AND upvotes + $2 >= 0";
            self.execute(sql, bind![id, by]).await?;
        }
        Ok(changed == 1)
    }

    /// Returns a page of collections.
    pub async fn list_collections(&mut self, query: &CollectionQuery<'_>) -> Result<Vec<Collection>> {
        let mut sql = select(query.viewer);
        sql.push(" WHERE 1 = 1");
        query.viewer.filter_collection(&mut sql, "c");
        if !query.owners.is_empty() {
            let keys: Vec<String> = query.owners.iter().map(AccountName::key).collect();
            sql.push(" AND c.owner_id IN (SELECT id FROM account WHERE name_key IN ").list(&keys).push(")");
        }
        if let Some(items) = &query.items {
            if items.is_empty() {
                return Ok(Vec::new());
            }
            sql.push(" AND c.id IN (");
            for (index, (kind, target)) in items.iter().enumerate() {
                sql.push(if index == 0 { "" } else { " UNION " });
                sql.push("SELECT collection_id FROM collection_item WHERE kind = ").bind(kind);
                sql.push(" AND target = ").bind(target);
            }
            sql.push(")");
        }
        if let Some(words) = &query.search {
            sql.push(" AND LOWER(c.title) LIKE ").bind(crate::list::contains(words)).push(" ESCAPE '\\'");
        }
        let column = query.sort.column();
        if let Some((value, id)) = &query.after {
            sql.push(" AND (").push(column).push(", c.id) < (").bind(*value).push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY ").push(column).push(" DESC, c.id DESC LIMIT ").bind(query.limit);
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }
}
