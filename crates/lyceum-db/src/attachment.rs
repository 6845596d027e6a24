//! Files that people show in comments.

use lyceum_core::Timestamp;

use crate::error::Result;
use crate::queries::{MAX_LIST, Queries, Sql};
use crate::value::{Columns, Record, bind};

/// A file to be shown in comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its unguessable name.
    pub name: String,
    /// Who uploaded it; `None` if the account is gone.
    pub user_id: Option<i64>,
    /// The repo in which its uploader first showed it; `None` if that is gone, or he has not yet.
    pub repo_id: Option<i64>,
    /// What its bytes were found to be.
    pub media_type: String,
    /// Its length.
    pub bytes: u64,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

impl Record for Attachment {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            name: columns.get()?,
            user_id: columns.get()?,
            repo_id: columns.get()?,
            media_type: columns.get()?,
            bytes: columns.get()?,
            created_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Adds an attachment; false if the name is used.
    pub async fn insert_attachment(&mut self, new: &Attachment) -> Result<bool> {
        let sql = "INSERT INTO attachment (name, user_id, media_type, bytes, created_at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (name) DO NOTHING";
        let arguments = bind![new.name, new.user_id, new.media_type, new.bytes, new.created_at];
        Ok(self.execute(sql, arguments).await? == 1)
    }

    /// Binds those attachments of a user that are called so, and are not bound yet, to a repo.
    pub async fn bind_attachments(&mut self, user_id: i64, names: &[&str], repo_id: i64) -> Result<()> {
        for names in names.chunks(MAX_LIST) {
            let mut sql = Sql::new("UPDATE attachment SET repo_id = ");
            sql.bind(repo_id).push(" WHERE repo_id IS NULL AND user_id = ").bind(user_id);
            sql.push(" AND name IN ").list(names);
            let (sql, arguments) = sql.finish();
            self.execute(sql, arguments).await?;
        }
        Ok(())
    }

    /// Deletes at most `limit` attachments that came before `before` and belong to no repo: those that were never shown, and
    /// those of repos that are gone. Returns their names.
    pub async fn delete_unshown_attachments(&mut self, before: Timestamp, limit: u32) -> Result<Vec<String>> {
        // Asked twice: one may be shown while this waits for its row.
        let sql = "DELETE FROM attachment WHERE repo_id IS NULL AND name IN \
                   (SELECT name FROM attachment WHERE repo_id IS NULL AND created_at < $1 LIMIT $2) RETURNING name";
        self.all(sql, bind![before, limit]).await
    }

    /// Returns those of `names` that are the names of attachments, in no order.
    pub async fn attachments_known(&mut self, names: &[String]) -> Result<Vec<String>> {
        let mut known = Vec::with_capacity(names.len());
        for part in names.chunks(MAX_LIST) {
            let mut sql = Sql::new("SELECT name FROM attachment WHERE name IN ");
            sql.list(part);
            let (sql, arguments) = sql.finish();
            known.extend(self.all::<String>(sql, arguments).await?);
        }
        Ok(known)
    }

    /// Returns an attachment.
    pub async fn attachment(&mut self, name: &str) -> Result<Option<Attachment>> {
        let sql =
            "SELECT name, user_id, repo_id, media_type, bytes, created_at FROM attachment WHERE name = $1";
        self.optional(sql, bind![name]).await
    }

    /// Returns a page of all attachments in order of name, after the one called `after`, for checks.
    pub async fn attachments_page(&mut self, after: &str, limit: u32) -> Result<Vec<Attachment>> {
        let sql = "SELECT name, user_id, repo_id, media_type, bytes, created_at FROM attachment WHERE name > $1 \
                   ORDER BY name LIMIT $2";
        self.all(sql, bind![after, limit]).await
    }

    /// Returns the bytes that a user attached since a time.
    pub async fn attached_bytes(&mut self, user_id: i64, since: Timestamp) -> Result<u64> {
        let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM attachment WHERE user_id = $1 AND created_at >= $2";
        self.one(sql, bind![user_id, since]).await
    }
}
