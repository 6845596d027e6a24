//! What a collection holds.

use lyceum_core::{AccountName, Timestamp};

use crate::error::Result;
use crate::list::Viewer;
use crate::queries::{Queries, Sql};
use crate::repo::{Repo, repo_columns};
use crate::value::{Columns, Record, bind};

/// Something in a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionItem {
    /// The key of the row: 24 hexadecimal digits.
    pub id: String,
    /// In which collection.
    pub collection_id: String,
    /// A kind of repo, `paper` or `collection`.
    pub kind: String,
    /// What it is: the number of a repo, the id of a collection, the identifier of a paper.
    pub target: String,
    /// What the owner says of it.
    pub note: Option<String>,
    /// Its place; there may be gaps.
    pub position: i64,
    /// The repo, if it is one.
    pub repo: Option<Repo>,
    /// The owner's name and the title of a collection, if it is one.
    pub nested: Option<(AccountName, String)>,
}

/// Something to be put into a collection, at its end.
#[derive(Debug, Clone)]
pub struct NewCollectionItem {
    /// 24 hexadecimal digits.
    pub id: String,
    /// In which collection.
    pub collection_id: String,
    /// A kind of repo, `paper` or `collection`.
    pub kind: String,
    /// What it is; unique for the kind.
    pub target: String,
    /// The repo, if it is one.
    pub repo_id: Option<i64>,
    /// The collection, if it is one.
    pub nested_id: Option<String>,
    /// What the owner says of it.
    pub note: Option<String>,
    /// When it is put in.
    pub created_at: Timestamp,
}

impl Record for CollectionItem {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            collection_id: columns.get()?,
            kind: columns.get()?,
            target: columns.get()?,
            note: columns.get()?,
            position: columns.get()?,
            nested: match (columns.get::<Option<AccountName>>()?, columns.get::<Option<String>>()?) {
                (Some(owner), Some(title)) => Some((owner, title)),
                _ => None,
            },
            repo: if columns.null()? { None } else { Some(Repo::read(columns)?) },
        })
    }
}

impl Queries {
    /// Returns the first `each` items of every collection that the viewer may see, in their order.
    pub async fn collection_items(
        &mut self,
        collections: &[&str],
        viewer: Viewer<'_>,
        each: u32,
    ) -> Result<Vec<CollectionItem>> {
        if collections.is_empty() {
            return Ok(Vec::new());
        }
        // The inner query numbers what the viewer may see; the outer one reads the rest of what is kept.
        let mut sql = Sql::new(concat!(
            "SELECT i.id, i.collection_id, i.kind, i.target, i.note, i.position, o.name, n.title, ",
            repo_columns!(),
            " FROM (SELECT j.id AS id, ROW_NUMBER() OVER (PARTITION BY j.collection_id ORDER BY j.position, j.id) AS place \
             FROM collection_item j LEFT JOIN repo r ON r.id = j.repo_id LEFT JOIN collection n ON n.id = j.nested_id \
             WHERE j.collection_id IN "
        ));
        sql.list(collections).push(" AND (j.repo_id IS NULL OR (r.id IS NOT NULL");
        viewer.filter(&mut sql);
        sql.push("))");
        sql.push(" AND (j.nested_id IS NULL OR (n.id IS NOT NULL");
        viewer.filter_collection(&mut sql, "n");
        sql.push("))");
        sql.push(") found JOIN collection_item i ON i.id = found.id LEFT JOIN repo r ON r.id = i.repo_id");
        sql.push(" LEFT JOIN collection n ON n.id = i.nested_id LEFT JOIN account o ON o.id = n.owner_id");
        sql.push(" WHERE found.place <= ").bind(each);
        sql.push(" ORDER BY i.collection_id, i.position, i.id");
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }

    /// Puts something at the end of a collection; false if it is in already.
    pub async fn insert_collection_item(&mut self, new: &NewCollectionItem) -> Result<bool> {
        let inserted = self
            .execute(
                "INSERT INTO collection_item (id, collection_id, kind, target, repo_id, nested_id, note, position, \
                 created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, \
                 (SELECT COALESCE(MAX(position), -1) + 1 FROM collection_item WHERE collection_id = $2), $8) \
                 ON CONFLICT DO NOTHING",
                bind![
                    new.id,
                    new.collection_id,
                    new.kind,
                    new.target,
                    new.repo_id,
                    new.nested_id,
                    new.note,
                    new.created_at,
                ],
            )
            .await?;
        Ok(inserted == 1)
    }

    /// Returns the number of items of a collection, seen or not.
    pub async fn collection_items_count(&mut self, collection_id: &str) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM collection_item WHERE collection_id = $1";
        self.one(sql, bind![collection_id]).await
    }

    /// Replaces what is said of an item; false if there is no such item.
    pub async fn note_collection_item(
        &mut self,
        collection_id: &str,
        id: &str,
        note: Option<&str>,
    ) -> Result<bool> {
        let sql = "UPDATE collection_item SET note = $3 WHERE id = $2 AND collection_id = $1";
        Ok(self.execute(sql, bind![collection_id, id, note]).await? == 1)
    }

    /// Moves an item from one place to another; those in between move up or down by one.
    pub async fn move_collection_item(
        &mut self,
        collection_id: &str,
        id: &str,
        from: i64,
        to: i64,
    ) -> Result<()> {
        if from < to {
            let sql = "UPDATE collection_item SET position = position - 1 \
                       WHERE collection_id = $1 AND position > $2 AND position <= $3";
            self.execute(sql, bind![collection_id, from, to]).await?;
        } else {
            let sql = "UPDATE collection_item SET position = position + 1 \
                       WHERE collection_id = $1 AND position >= $3 AND position < $2";
            self.execute(sql, bind![collection_id, from, to]).await?;
        }
        let sql = "UPDATE collection_item SET position = $3 WHERE id = $2 AND collection_id = $1";
        self.execute(sql, bind![collection_id, id, to]).await?;
        Ok(())
    }

    /// Takes an item out of a collection; false if there is no such item.
    pub async fn delete_collection_item(&mut self, collection_id: &str, id: &str) -> Result<bool> {
        let sql = "DELETE FROM collection_item WHERE id = $2 AND collection_id = $1";
        Ok(self.execute(sql, bind![collection_id, id]).await? == 1)
    }
}
