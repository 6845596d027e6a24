//! What users have to do with a repo of others: likes, and requests to use a gated one.

use lyceum_core::{AccountName, Timestamp};

use crate::account::{Account, Role, account_columns};
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

/// How a user stands to a repo: what the access check looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The role in the repo's namespace, or in its resource group: [`Role::Admin`] in the user's own namespace.
    pub role: Option<Role>,
    /// Where the user's request stands, if the repo is gated and there is one.
    pub request: Option<RequestState>,
    /// When the access that was given ends.
    pub expires_at: Option<Timestamp>,
    /// Why the request was rejected, in the words of who did.
    pub reason: Option<String>,
}

impl Record for Standing {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            role: columns.get()?,
            request: columns.get()?,
            expires_at: columns.get()?,
            reason: columns.get()?,
        })
    }
}

/// How user $2 stands to repo `r`; nobody has the id 0. In a resource group only the organisation's administrators
/// keep their role, everybody else has the one of the group.
macro_rules! standing_columns {
    () => {
        "CASE WHEN r.owner_id = $2 THEN 'admin' \
         WHEN r.resource_group_id IS NULL OR m.role IS NULL OR m.role = 'admin' THEN m.role ELSE g.role END, \
         q.state, q.expires_at, q.reason"
    };
}
pub(crate) use standing_columns;

macro_rules! standing_join {
    () => {
        " LEFT JOIN membership m ON m.org_id = r.owner_id AND m.user_id = $2 \
         LEFT JOIN resource_group_member g ON g.group_id = r.resource_group_id AND g.user_id = $2 \
         LEFT JOIN access_request q ON r.gated <> '' AND q.repo_id = r.id AND q.user_id = $2"
    };
}
pub(crate) use standing_join;

/// A user's request to use a gated repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// Which repo.
    pub repo_id: i64,
    /// Who asks.
    pub user_id: i64,
    /// The name of who asks; not stored with the request.
    pub user: AccountName,
    /// The name for people of who asks; not stored with the request.
    pub full_name: String,
    /// The mail address of who asks; not stored with the request.
    pub email: Option<String>,
    /// Where it stands.
    pub state: RequestState,
    /// What the user filled in, as a JSON object; `None` if the user never asked.
    pub fields: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// When the access that was given ends.
    pub expires_at: Option<Timestamp>,
    /// When the user asked.
    pub created_at: Timestamp,
    /// When the state last changed.
    pub updated_at: Timestamp,
}

macro_rules! request_columns {
    () => {
        "q.repo_id, q.user_id, a.name, a.full_name, a.email, q.state, q.fields, q.reason, q.expires_at, q.created_at, \
         q.updated_at"
    };
}

impl AccessRequest {
    /// Reports whether the user asked and nobody has answered since.
    pub fn unanswered(&self) -> bool {
        self.state == RequestState::Pending && self.fields.is_some() && self.updated_at == self.created_at
    }
}

/// A request to be stored, or the answer to one.
#[derive(Debug, Clone)]
pub struct NewAccessRequest {
    /// Which repo.
    pub repo_id: i64,
    /// Who asks.
    pub user_id: i64,
    /// Where it stands from now on.
    pub state: RequestState,
    /// What the user filled in, as a JSON object; `None` keeps what is there.
    pub fields: Option<String>,
    /// Why it is rejected.
    pub reason: Option<String>,
    /// When the access ends.
    pub expires_at: Option<Timestamp>,
}

impl Record for AccessRequest {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            repo_id: columns.get()?,
            user_id: columns.get()?,
            user: columns.get()?,
            full_name: columns.get()?,
            email: columns.get()?,
            state: columns.get()?,
            fields: columns.get()?,
            reason: columns.get()?,
            expires_at: columns.get()?,
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
        viewer: Viewer<'_>,
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
    pub async fn put_access_request(&mut self, new: &NewAccessRequest, at: Timestamp) -> Result<()> {
        self.execute(
            "INSERT INTO access_request (repo_id, user_id, state, fields, reason, expires_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (repo_id, user_id) DO UPDATE SET \
             state = excluded.state, fields = COALESCE(excluded.fields, access_request.fields), \
             reason = excluded.reason, expires_at = excluded.expires_at, updated_at = excluded.updated_at",
            bind![new.repo_id, new.user_id, new.state, new.fields, new.reason, new.expires_at, at],
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
