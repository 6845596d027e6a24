//! Discussions and pull requests, and what happened in them.

use lyceum_core::{AccountName, Oid, Timestamp};

use crate::error::Result;
use crate::queries::{Queries, Sql};
use crate::value::{Columns, Record, bind, words};

words! {
    /// Where a discussion stands.
    DiscussionStatus {
        /// A pull request that is not yet to be reviewed.
        Draft = "draft",
        /// Under way.
        Open = "open",
        /// Done with, or given up.
        Closed = "closed",
        /// A pull request whose changes are in the target branch.
        Merged = "merged",
    }
}

/// A discussion or a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discussion {
    /// In which repo.
    pub repo_id: i64,
    /// Its number there.
    pub num: i64,
    /// Its title.
    pub title: String,
    /// Who opened it.
    pub author_id: i64,
    /// The name of who opened it; not stored with the discussion.
    pub author: AccountName,
    /// Whether it carries changes.
    pub is_pull: bool,
    /// Where it stands.
    pub status: DiscussionStatus,
    /// The reference that a pull request is to be merged into.
    pub target_branch: Option<String>,
    /// The commit that a pull request began at.
    pub base_oid: Option<Oid>,
    /// The commit that merged it.
    pub merge_oid: Option<Oid>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When something last happened.
    pub updated_at: Timestamp,
}

/// Which discussions of a repo to list, the newest first.
#[derive(Debug, Clone, Default)]
pub struct DiscussionQuery {
    /// In which repo.
    pub repo_id: i64,
    /// Only in one of these states; empty for all.
    pub statuses: Vec<DiscussionStatus>,
    /// Only pull requests, or only others.
    pub is_pull: Option<bool>,
    /// Only by this author.
    pub author_id: Option<i64>,
    /// How many to pass over.
    pub offset: u32,
    /// Most to return.
    pub limit: u32,
}

/// Something that happened in a discussion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscussionEvent {
    /// Its name in addresses.
    pub id: String,
    /// `comment`, `status-change`, `title-change`, `commit` and so on.
    pub kind: String,
    /// Who did it.
    pub author_id: i64,
    /// The name of who did it.
    pub author: AccountName,
    /// When.
    pub created_at: Timestamp,
    /// What, as a JSON object.
    pub data: String,
}

/// Something to be added to a discussion.
#[derive(Debug, Clone)]
pub struct NewDiscussionEvent {
    /// In which repo.
    pub repo_id: i64,
    /// In which discussion.
    pub num: i64,
    /// Its name in addresses; unique in the discussion.
    pub id: String,
    /// `comment`, `status-change`, `title-change`, `commit` and so on.
    pub kind: String,
    /// Who did it.
    pub author_id: i64,
    /// When.
    pub created_at: Timestamp,
    /// What, as a JSON object.
    pub data: String,
}

macro_rules! discussion_columns {
    () => {
        "d.repo_id, d.num, d.title, d.author_id, a.name, d.is_pull, d.status, d.target_branch, d.base_oid, d.merge_oid, \
         d.created_at, d.updated_at"
    };
}

macro_rules! event_columns {
    () => {
        "e.id, e.type, e.author_id, a.name, e.created_at, e.data"
    };
}

impl Record for Discussion {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            repo_id: columns.get()?,
            num: columns.get()?,
            title: columns.get()?,
            author_id: columns.get()?,
            author: columns.get()?,
            is_pull: columns.get()?,
            status: columns.get()?,
            target_branch: columns.get()?,
            base_oid: columns.get()?,
            merge_oid: columns.get()?,
            created_at: columns.get()?,
            updated_at: columns.get()?,
        })
    }
}

impl Record for DiscussionEvent {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            kind: columns.get()?,
            author_id: columns.get()?,
            author: columns.get()?,
            created_at: columns.get()?,
            data: columns.get()?,
        })
    }
}

impl Queries {
    /// Opens a discussion under a number from [`take_discussion_number`](Self::take_discussion_number); false if the
    /// number is used. The author's name is not looked at.
    pub async fn insert_discussion(&mut self, new: &Discussion) -> Result<bool> {
        let inserted = self
            .execute(
                "INSERT INTO discussion (repo_id, num, title, author_id, is_pull, status, target_branch, base_oid, \
                 merge_oid, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                 ON CONFLICT (repo_id, num) DO NOTHING",
                bind![
                    new.repo_id,
                    new.num,
                    new.title,
                    new.author_id,
                    new.is_pull,
                    new.status,
                    new.target_branch,
                    new.base_oid,
                    new.merge_oid,
                    new.created_at,
                    new.updated_at,
                ],
            )
            .await?;
        Ok(inserted == 1)
    }

    /// Returns a discussion.
    pub async fn discussion(&mut self, repo_id: i64, num: i64) -> Result<Option<Discussion>> {
        self.optional(
            concat!(
                "SELECT ",
                discussion_columns!(),
                " FROM discussion d JOIN account a ON a.id = d.author_id WHERE d.repo_id = $1 AND d.num = $2"
            ),
            bind![repo_id, num],
        )
        .await
    }

    /// Returns a page of discussions, and how many there are on all pages.
    pub async fn discussions(&mut self, query: &DiscussionQuery) -> Result<(Vec<Discussion>, u64)> {
        let mut count = Sql::new("SELECT COUNT(*) FROM discussion d");
        filter(&mut count, query);
        let (sql, arguments) = count.finish();
        let count: u64 = self.one(sql, arguments).await?;
        let mut page = Sql::new(concat!(
            "SELECT ",
            discussion_columns!(),
            " FROM discussion d JOIN account a ON a.id = d.author_id"
        ));
        filter(&mut page, query);
        page.push(" ORDER BY d.num DESC LIMIT ").bind(query.limit).push(" OFFSET ").bind(query.offset);
        let (sql, arguments) = page.finish();
        Ok((self.all(sql, arguments).await?, count))
    }

    /// Moves a discussion from one state to another; false if it was not in `from`.
    pub async fn set_discussion_status(
        &mut self,
        repo_id: i64,
        num: i64,
        from: DiscussionStatus,
        to: DiscussionStatus,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE discussion SET status = $4, updated_at = $5 WHERE repo_id = $1 AND num = $2 AND status = $3";
        Ok(self.execute(sql, bind![repo_id, num, from, to, at]).await? == 1)
    }

    /// Gives a discussion another title; false if there is none.
    pub async fn set_discussion_title(
        &mut self,
        repo_id: i64,
        num: i64,
        title: &str,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE discussion SET title = $3, updated_at = $4 WHERE repo_id = $1 AND num = $2";
        Ok(self.execute(sql, bind![repo_id, num, title, at]).await? == 1)
    }

    /// Notes the commit that merged a pull request; false unless it was a draft or open.
    pub async fn merge_discussion(
        &mut self,
        repo_id: i64,
        num: i64,
        merge_oid: Oid,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE discussion SET status = 'merged', merge_oid = $3, updated_at = $4 \
                   WHERE repo_id = $1 AND num = $2 AND is_pull = 1 AND status IN ('draft', 'open')";
        Ok(self.execute(sql, bind![repo_id, num, merge_oid, at]).await? == 1)
    }

    /// Adds an event and notes the time at the discussion; false if the id is used.
    pub async fn insert_discussion_event(&mut self, new: &NewDiscussionEvent) -> Result<bool> {
        let inserted = self
            .execute(
                "INSERT INTO discussion_event (repo_id, num, id, type, author_id, created_at, data) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (repo_id, num, id) DO NOTHING",
                bind![new.repo_id, new.num, new.id, new.kind, new.author_id, new.created_at, new.data],
            )
            .await?;
        if inserted == 1 {
            let sql = "UPDATE discussion SET updated_at = $3 WHERE repo_id = $1 AND num = $2";
            self.execute(sql, bind![new.repo_id, new.num, new.created_at]).await?;
        }
        Ok(inserted == 1)
    }

    /// Returns an event of a discussion.
    pub async fn discussion_event(
        &mut self,
        repo_id: i64,
        num: i64,
        id: &str,
    ) -> Result<Option<DiscussionEvent>> {
        self.optional(
            concat!(
                "SELECT ",
                event_columns!(),
                " FROM discussion_event e JOIN account a ON a.id = e.author_id \
                 WHERE e.repo_id = $1 AND e.num = $2 AND e.id = $3"
            ),
            bind![repo_id, num, id],
        )
        .await
    }

    /// Returns a discussion's events in the order they were added, up to `limit`.
    pub async fn discussion_events(
        &mut self,
        repo_id: i64,
        num: i64,
        limit: u32,
    ) -> Result<Vec<DiscussionEvent>> {
        self.all(
            concat!(
                "SELECT ",
                event_columns!(),
                " FROM discussion_event e JOIN account a ON a.id = e.author_id \
                 WHERE e.repo_id = $1 AND e.num = $2 ORDER BY e.seq LIMIT $3"
            ),
            bind![repo_id, num, limit],
        )
        .await
    }

    /// Replaces what an event says, such as an edited comment; false if there is none.
    pub async fn set_discussion_event_data(
        &mut self,
        repo_id: i64,
        num: i64,
        id: &str,
        data: &str,
    ) -> Result<bool> {
        let sql = "UPDATE discussion_event SET data = $4 WHERE repo_id = $1 AND num = $2 AND id = $3";
        Ok(self.execute(sql, bind![repo_id, num, id, data]).await? == 1)
    }
}

fn filter(sql: &mut Sql, query: &DiscussionQuery) {
    sql.push(" WHERE d.repo_id = ").bind(query.repo_id);
    if !query.statuses.is_empty() {
        sql.push(" AND d.status IN ").list(&query.statuses);
    }
    if let Some(is_pull) = query.is_pull {
        sql.push(" AND d.is_pull = ").bind(is_pull);
    }
    if let Some(author_id) = query.author_id {
        sql.push(" AND d.author_id = ").bind(author_id);
    }
}
