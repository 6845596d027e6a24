//! What an account's page counts.

use lyceum_core::RepoKind;

use crate::error::Result;
use crate::list::Viewer;
use crate::queries::{Queries, Sql};
use crate::value::{Columns, Record, bind};

/// What a user has done, as far as the viewer may see it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// Discussions and pull requests that the user opened.
    pub discussions: u64,
    /// Repos that the user likes.
    pub likes: u64,
    /// Upvotes of the user's public collections.
    pub upvotes: u64,
    /// Accounts that the user follows.
    pub following: u64,
    /// Users who follow the user.
    pub followers: u64,
}

/// What an organisation has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrgCounts {
    /// Its members.
    pub members: u64,
    /// Users who follow it.
    pub followers: u64,
}

impl Record for UserCounts {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            discussions: columns.get()?,
            likes: columns.get()?,
            upvotes: columns.get()?,
            following: columns.get()?,
            followers: columns.get()?,
        })
    }
}

impl Record for OrgCounts {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { members: columns.get()?, followers: columns.get()? })
    }
}

impl Queries {
    /// Counts an account's repos by kind, as far as `viewer` may see them; kinds without any are left out.
    pub async fn repo_counts(&mut self, owner_id: i64, viewer: Viewer<'_>) -> Result<Vec<(RepoKind, u64)>> {
        let mut sql = Sql::new("SELECT r.kind, COUNT(*) FROM repo r WHERE r.owner_id = ");
        sql.bind(owner_id);
        viewer.filter(&mut sql);
        sql.push(" GROUP BY r.kind");
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }

    /// Counts what a user has done, as far as `viewer` may see it.
    pub async fn user_counts(&mut self, user_id: i64, viewer: Viewer<'_>) -> Result<UserCounts> {
        let mut sql = Sql::new("SELECT (SELECT COUNT(*) FROM discussion d JOIN repo r ON r.id = d.repo_id");
        sql.push(" WHERE d.author_id = ").bind(user_id);
        viewer.filter(&mut sql);
        sql.push("), (SELECT COUNT(*) FROM repo_like k JOIN repo r ON r.id = k.repo_id WHERE k.user_id = ");
        sql.bind(user_id);
        viewer.filter(&mut sql);
        sql.push("), (SELECT COUNT(*) FROM collection_upvote u JOIN collection c ON c.id = u.collection_id");
        sql.push(" WHERE c.private = 0 AND c.owner_id = ").bind(user_id);
        sql.push("), (SELECT COUNT(*) FROM follow WHERE follower_id = ").bind(user_id);
        sql.push("), (SELECT COUNT(*) FROM follow WHERE followed_id = ").bind(user_id).push(")");
        let (sql, arguments) = sql.finish();
        self.one(sql, arguments).await
    }

    /// Counts what an organisation has.
    pub async fn org_counts(&mut self, org_id: i64) -> Result<OrgCounts> {
        self.one(
            "SELECT (SELECT COUNT(*) FROM membership WHERE org_id = $1), \
             (SELECT COUNT(*) FROM follow WHERE followed_id = $1)",
            bind![org_id],
        )
        .await
    }
}
