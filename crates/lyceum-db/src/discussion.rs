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
    /// Who opened it; `None` if the account is gone.
    pub author_id: Option<i64>,
    /// The name of who opened it; not stored with the discussion.
    pub author: Option<AccountName>,
    /// Whether it carries changes.
    pub is_pull: bool,
    /// Where it stands.
    pub status: DiscussionStatus,
    /// The reference that a pull request is to be merged into.
    pub target_branch: Option<String>,
    /// The commit that a pull request began at; once it is merged, the one that it was merged against.
    pub base_oid: Option<Oid>,
    /// The commit that merged it.
    pub merge_oid: Option<Oid>,
    /// Number of its events.
    pub events: u64,
    /// Bytes of what its events say.
    pub event_bytes: u64,
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
    /// Only those closed or merged, or only others.
    pub closed: Option<bool>,
    /// Only pull requests, or only others.
    pub is_pull: Option<bool>,
    /// Only by this author.
    pub author_id: Option<i64>,
    /// Only those with all of these in their titles.
    pub words: Vec<String>,
    /// Only those with lower numbers; all of them are counted nevertheless.
    pub before: Option<i64>,
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
    /// Who did it; `None` if the account is gone.
    pub author_id: Option<i64>,
    /// The name of who did it.
    pub author: Option<AccountName>,
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
         d.events, d.event_bytes, d.created_at, d.updated_at"
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
            events: columns.get()?,
            event_bytes: columns.get()?,
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

impl DiscussionStatus {
    /// Reports whether nothing more is expected of a discussion in this state.
    pub fn closed(self) -> bool {
        matches!(self, Self::Closed | Self::Merged)
    }
}

impl Queries {
    /// Opens a discussion without events under a number from
    /// [`take_discussion_number`](Self::take_discussion_number); false if the number is used. The author's name is not
    /// looked at.
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
        if inserted == 1 {
            self.count_discussion(new.repo_id, new.is_pull, new.status.closed(), 1).await?;
        }
        Ok(inserted == 1)
    }

    /// Returns a discussion.
    pub async fn discussion(&mut self, repo_id: i64, num: i64) -> Result<Option<Discussion>> {
        self.optional(
            concat!(
                "SELECT ",
                discussion_columns!(),
                " FROM discussion d LEFT JOIN account a ON a.id = d.author_id WHERE d.repo_id = $1 AND d.num = $2"
            ),
            bind![repo_id, num],
        )
        .await
    }

    /// Returns a page of discussions, and how many there are on all pages.
    pub async fn discussions(&mut self, query: &DiscussionQuery) -> Result<(Vec<Discussion>, u64)> {
        let mut count = if query.author_id.is_none() && query.words.is_empty() {
            // Counting is done when one is opened or closed, unless few are asked for.
            Sql::new("SELECT CAST(COALESCE(SUM(d.count), 0) AS BIGINT) FROM discussion_count d")
        } else {
            Sql::new("SELECT COUNT(*) FROM discussion d")
        };
        filter(&mut count, query);
        let (sql, arguments) = count.finish();
        let count: u64 = self.one(sql, arguments).await?;
        let mut page = Sql::new(concat!(
            "SELECT ",
            discussion_columns!(),
            " FROM discussion d LEFT JOIN account a ON a.id = d.author_id"
        ));
        filter(&mut page, query);
        if let Some(before) = query.before {
            page.push(" AND d.num < ").bind(before);
        }
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
        let sql = "UPDATE discussion SET status = $4, updated_at = $5 \
                   WHERE repo_id = $1 AND num = $2 AND status = $3 RETURNING is_pull";
        let moved: Option<bool> = self.optional(sql, bind![repo_id, num, from, to, at]).await?;
        if let Some(is_pull) = moved
            && from.closed() != to.closed()
        {
            self.count_discussion(repo_id, is_pull, from.closed(), -1).await?;
            self.count_discussion(repo_id, is_pull, to.closed(), 1).await?;
        }
        Ok(moved.is_some())
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

    /// Notes the commit that merged a pull request, and the one that it was merged against; false unless it was open.
    pub async fn merge_discussion(
        &mut self,
        repo_id: i64,
        num: i64,
        base_oid: Oid,
        merge_oid: Oid,
        at: Timestamp,
    ) -> Result<bool> {
        use DiscussionStatus::{Merged, Open};
        let sql = "UPDATE discussion SET base_oid = $3, merge_oid = $4 \
                   WHERE repo_id = $1 AND num = $2 AND is_pull = 1 AND status = 'open'";
        Ok(self.execute(sql, bind![repo_id, num, base_oid, merge_oid]).await? == 1
            && self.set_discussion_status(repo_id, num, Open, Merged, at).await?)
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
            let sql = "UPDATE discussion SET updated_at = $3, events = events + 1, event_bytes = event_bytes + $4 \
                       WHERE repo_id = $1 AND num = $2";
            let bytes = new.data.len() as u64;
            self.execute(sql, bind![new.repo_id, new.num, new.created_at, bytes]).await?;
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
                " FROM discussion_event e LEFT JOIN account a ON a.id = e.author_id \
                 WHERE e.repo_id = $1 AND e.num = $2 AND e.id = $3"
            ),
            bind![repo_id, num, id],
        )
        .await
    }

    /// Returns a discussion's events in the order they were added, up to `limit` after the first `offset`.
    pub async fn discussion_events(
        &mut self,
        repo_id: i64,
        num: i64,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<DiscussionEvent>> {
        self.all(
            concat!(
                "SELECT ",
                event_columns!(),
                " FROM discussion_event e LEFT JOIN account a ON a.id = e.author_id \
                 WHERE e.repo_id = $1 AND e.num = $2 ORDER BY e.seq LIMIT $3 OFFSET $4"
            ),
            bind![repo_id, num, limit, offset],
        )
        .await
    }

    /// Replaces what an event said, `old`, such as an edited comment; false if it does not say that.
    pub async fn set_discussion_event_data(
        &mut self,
        repo_id: i64,
        num: i64,
        id: &str,
        old: &str,
        data: &str,
    ) -> Result<bool> {
        let sql =
            "UPDATE discussion_event SET data = $5 WHERE repo_id = $1 AND num = $2 AND id = $3 AND data = $4";
        if self.execute(sql, bind![repo_id, num, id, old, data]).await? == 0 {
            return Ok(false);
        }
        let sql = "UPDATE discussion SET event_bytes = CASE WHEN event_bytes + $3 < $4 THEN 0 \
                   ELSE event_bytes + $3 - $4 END WHERE repo_id = $1 AND num = $2";
        self.execute(sql, bind![repo_id, num, data.len() as u64, old.len() as u64]).await?;
        Ok(true)
    }

    async fn count_discussion(&mut self, repo_id: i64, is_pull: bool, closed: bool, by: i64) -> Result<()> {
        let sql = "INSERT INTO discussion_count (repo_id, is_pull, closed, count) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (repo_id, is_pull, closed) DO UPDATE SET count = discussion_count.count + $4";
        self.execute(sql, bind![repo_id, is_pull, closed, by]).await?;
        Ok(())
    }
}

fn filter(sql: &mut Sql, query: &DiscussionQuery) {
    sql.push(" WHERE d.repo_id = ").bind(query.repo_id);
    if let Some(closed) = query.closed {
        sql.push(" AND d.closed = ").bind(closed);
    }
    if let Some(is_pull) = query.is_pull {
        sql.push(" AND d.is_pull = ").bind(is_pull);
    }
    if let Some(author_id) = query.author_id {
        sql.push(" AND d.author_id = ").bind(author_id);
    }
    for word in &query.words {
        sql.push(" AND LOWER(d.title) LIKE ").bind(crate::list::contains(word)).push(" ESCAPE '\\'");
    }
}
