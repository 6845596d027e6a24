//! What users have to do with a repo of others: likes, and requests to use a gated one.

use lyceum_core::{AccountName, Timestamp};

use crate::account::{Account, account_columns};
use crate::error::Result;
use crate::list::Viewer;
use crate::queries::{Queries, Sql};
use crate::repo::{Repo, repo_columns};
use crate::value::{Columns, Record, bind, words};

words! {
    /// Where a request for access stands.
    RequestState {
        /// Nobody has answered yet.
        Pending = "pending",
        /// The user is let in.
        Accepted = "accepted",
        /// The user is kept out.
        Rejected = "rejected",
    }
}

/// A user's request to use a gated repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// Which repo.
    pub repo_id: i64,
    /// Who asks.
    pub user_id: i64,
    /// The name of who asks; not stored with the request.
    pub user: AccountName,
    /// Where it stands.
    pub state: RequestState,
    /// What the user filled in, as a JSON object.
    pub fields: Option<String>,
    /// When the user asked.
    pub created_at: Timestamp,
    /// When the state last changed.
    pub updated_at: Timestamp,
}

macro_rules! request_columns {
    () => {
        "q.repo_id, q.user_id, a.name, q.state, q.fields, q.created_at, q.updated_at"
    };
}

impl Record for AccessRequest {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            repo_id: columns.get()?,
            user_id: columns.get()?,
            user: columns.get()?,
            state: columns.get()?,
            fields: columns.get()?,
            created_at: columns.get()?,
            updated_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Makes a user like a repo, or no longer; false if nothing changed.
    pub async fn set_like(&mut self, repo_id: i64, user_id: i64, like: bool, at: Timestamp) -> Result<bool> {
        let changed = if like {
            let sql = "INSERT INTO repo_like (repo_id, user_id, created_at) VALUES ($1, $2, $3) \
                       ON CONFLICT (repo_id, user_id) DO NOTHING";
            self.execute(sql, bind![repo_id, user_id, at]).await?
        } else {
            let sql = "DELETE FROM repo_like WHERE repo_id = $1 AND user_id = $2";
            self.execute(sql, bind![repo_id, user_id]).await?
        };
        if changed == 1 {
            let by = if like { 1_i64 } else { -1 };
            let sql = "UPDATE repo SET likes = likes + $2, trending = trending + $2 WHERE id = $1 AND likes + $2 >= 0";
            self.execute(sql, bind![repo_id, by]).await?;
        }
        Ok(changed == 1)
    }

    /// Returns a page of the repos that a user likes and `viewer` may see, the last liked first, with the time of each
    /// like.
    pub async fn liked_repos(
        &mut self,
        user_id: i64,
        viewer: Viewer,
        after: Option<(Timestamp, i64)>,
        limit: u32,
    ) -> Result<Vec<(Repo, Timestamp)>> {
        let (at, id) = after.unwrap_or((Timestamp(i64::MAX), i64::MAX));
        let mut sql = Sql::new(concat!("SELECT ", repo_columns!(), ", k.created_at"));
        sql.push(" FROM repo_like k JOIN repo r ON r.id = k.repo_id WHERE k.user_id = ").bind(user_id);
        sql.push(" AND (k.created_at, k.repo_id) < (").bind(at).push(", ").bind(id).push(")");
        viewer.filter(&mut sql);
        sql.push(" ORDER BY k.created_at DESC, k.repo_id DESC LIMIT ").bind(limit);
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }

    /// Returns a page of the users who like a repo, in order of id, after the user `after`.
    pub async fn likers(&mut self, repo_id: i64, after: Option<i64>, limit: u32) -> Result<Vec<Account>> {
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                " FROM repo_like k JOIN account a ON a.id = k.user_id WHERE k.repo_id = $1 AND k.user_id > $2 \
                 ORDER BY k.user_id LIMIT $3"
            ),
            bind![repo_id, after.unwrap_or(0), limit],
        )
        .await
    }

    /// Stores a request or replaces the one that the user made before.
    pub async fn put_access_request(
        &mut self,
        repo_id: i64,
        user_id: i64,
        state: RequestState,
        fields: Option<&str>,
        at: Timestamp,
    ) -> Result<()> {
        self.execute(
            "INSERT INTO access_request (repo_id, user_id, state, fields, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (repo_id, user_id) DO UPDATE SET state = excluded.state, \
             fields = COALESCE(excluded.fields, access_request.fields), updated_at = excluded.updated_at",
            bind![repo_id, user_id, state, fields, at],
        )
        .await?;
        Ok(())
    }

    /// Returns a user's request for a repo.
    pub async fn access_request(&mut self, repo_id: i64, user_id: i64) -> Result<Option<AccessRequest>> {
        self.optional(
            concat!(
                "SELECT ",
                request_columns!(),
                " FROM access_request q JOIN account a ON a.id = q.user_id WHERE q.repo_id = $1 AND q.user_id = $2"
            ),
            bind![repo_id, user_id],
        )
        .await
    }

    /// Returns a page of a repo's requests in a state, in order of user id, after the user `after`.
    pub async fn access_requests(
        &mut self,
        repo_id: i64,
        state: RequestState,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AccessRequest>> {
        self.all(
            concat!(
                "SELECT ",
                request_columns!(),
                " FROM access_request q JOIN account a ON a.id = q.user_id WHERE q.repo_id = $1 AND q.state = $2 \
                 AND q.user_id > $3 ORDER BY q.user_id LIMIT $4"
            ),
            bind![repo_id, state, after.unwrap_or(0), limit],
        )
        .await
    }

    /// Deletes a user's request for a repo; false if there is none.
    pub async fn delete_access_request(&mut self, repo_id: i64, user_id: i64) -> Result<bool> {
        let sql = "DELETE FROM access_request WHERE repo_id = $1 AND user_id = $2";
        Ok(self.execute(sql, bind![repo_id, user_id]).await? == 1)
    }
}
