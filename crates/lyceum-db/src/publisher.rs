//! Programs that get tokens because an issuer vouches for them.

use lyceum_core::Timestamp;

use crate::error::Result;
use crate::queries::Queries;
use crate::value::{Columns, Record, bind};

/// What a publisher may write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublisherOf {
    /// All that an account owns.
    Account(i64),
    /// One repo.
    Repo(i64),
}

/// A program that an issuer vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// The key of the row.
    pub id: i64,
    /// Who registered it; its tokens are tokens of this user.
    pub user_id: i64,
    /// Who vouches for it.
    pub issuer: String,
    /// What must be said of it, as a JSON object.
    pub claims: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last got a token.
    pub used_at: Option<Timestamp>,
}

/// A publisher to be registered.
#[derive(Debug, Clone)]
pub struct NewPublisher {
    /// What it may write to.
    pub of: PublisherOf,
    /// Who registers it.
    pub user_id: i64,
    /// Who vouches for it.
    pub issuer: String,
    /// What must be said of it, as a JSON object.
    pub claims: String,
    /// When it is registered.
    pub created_at: Timestamp,
}

impl Record for Publisher {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            user_id: columns.get()?,
            issuer: columns.get()?,
            claims: columns.get()?,
            created_at: columns.get()?,
            used_at: columns.get()?,
        })
    }
}

impl PublisherOf {
    /// Returns the columns `account_id` and `repo_id`.
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Account(id) => (Some(id), None),
            Self::Repo(id) => (None, Some(id)),
        }
    }
}

impl Queries {
    /// Registers a publisher.
    pub async fn insert_publisher(&mut self, new: &NewPublisher) -> Result<i64> {
        let (account_id, repo_id) = new.of.columns();
        self.one(
            "INSERT INTO publisher (account_id, repo_id, user_id, issuer, claims, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            bind![account_id, repo_id, new.user_id, new.issuer, new.claims, new.created_at],
        )
        .await
    }

    /// Returns the first publishers of a repo or an account, oldest first.
    pub async fn publishers_of(&mut self, of: PublisherOf, limit: u32) -> Result<Vec<Publisher>> {
        let (sql, id) = match of {
            PublisherOf::Account(id) => (
                "SELECT id, user_id, issuer, claims, created_at, used_at FROM publisher \
                 WHERE account_id = $1 ORDER BY id LIMIT $2",
                id,
            ),
            PublisherOf::Repo(id) => (
                "SELECT id, user_id, issuer, claims, created_at, used_at FROM publisher \
                 WHERE repo_id = $1 ORDER BY id LIMIT $2",
                id,
            ),
        };
        self.all(sql, bind![id, limit]).await
    }

    /// Removes a publisher of a repo or an account with the tokens that it was given, and returns it.
    pub async fn delete_publisher(&mut self, of: PublisherOf, id: i64) -> Result<Option<Publisher>> {
        let (account_id, repo_id) = of.columns();
        self.optional(
            "DELETE FROM publisher WHERE id = $1 AND (account_id = $2 OR repo_id = $3) \
             RETURNING id, user_id, issuer, claims, created_at, used_at",
            bind![id, account_id, repo_id],
        )
        .await
    }

    /// Deletes tokens of a publisher that ended before `at`.
    pub async fn delete_expired_publisher_tokens(&mut self, id: i64, at: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM token WHERE publisher_id = $1 AND expires_at < $2";
        self.execute(sql, bind![id, at]).await
    }

    /// Notes that a publisher got a token; false if it is gone.
    pub async fn touch_publisher(&mut self, id: i64, at: Timestamp) -> Result<bool> {
        Ok(self.execute("UPDATE publisher SET used_at = $2 WHERE id = $1", bind![id, at]).await? == 1)
    }
}
