//! Repos: their row, who may reach them, moves and counters.

use lyceum_core::{RepoId, RepoKind, Timestamp};

use crate::access::{Standing, standing_columns, standing_join};
use crate::error::Result;
use crate::git::Ref;
use crate::queries::{Queries, Sql};
use crate::value::{Columns, Record, bind, words};

words! {
    /// Who sees a repo.
    Visibility {
        /// Everybody.
        Public = "public",
        /// Its owner, or the members of the organisation that owns it.
        Private = "private",
        /// Everybody sees that it is there and runs it, its members see the files (spaces only).
        Protected = "protected",
    }

    /// Whether files are given only to those who asked.
    Gated {
        /// No.
        No = "",
        /// Whoever asks is let in at once.
        Auto = "auto",
        /// The owner decides.
        Manual = "manual",
    }
}

/// A repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repo {
    /// The key of the row.
    pub id: i64,
    /// Model, dataset, space or kernel.
    pub kind: RepoKind,
    /// The account whose namespace it is in.
    pub owner_id: i64,
    /// Who made it, if the account still exists.
    pub creator_id: Option<i64>,
    /// `namespace/name`.
    pub name: RepoId,
    /// Who sees it.
    pub visibility: Visibility,
    /// Whether files are given only to those who asked.
    pub gated: Gated,
    /// Whether an administrator has closed it.
    pub disabled: bool,
    /// The branch that stands for the whole repo.
    pub default_branch: String,
    /// What runs a space.
    pub sdk: Option<String>,
    /// The resource group of the organisation that it is in.
    pub resource_group_id: Option<i64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything about it last changed.
    pub updated_at: Timestamp,
    /// When the files last changed.
    pub head_at: Timestamp,
    /// Downloads in the last 30 days.
    pub downloads: u64,
    /// Downloads ever.
    pub downloads_all: u64,
    /// Users who like it.
    pub likes: u64,
    /// How much it is in demand lately.
    pub trending: u64,
    /// Whether it follows a repo of another hub: then nobody here writes to it.
    pub mirror: bool,
}

/// A repo to be made.
#[derive(Debug, Clone)]
pub struct NewRepo {
    /// Model, dataset, space or kernel.
    pub kind: RepoKind,
    /// The account that is called like the namespace of `name`.
    pub owner_id: i64,
    /// Who makes it.
    pub creator_id: i64,
    /// `namespace/name`; unique within the kind, without regard to case.
    pub name: RepoId,
    /// Who sees it.
    pub visibility: Visibility,
    /// Whether files are given only to those who asked.
    pub gated: Gated,
    /// What runs a space.
    pub sdk: Option<String>,
    /// The resource group of the organisation that it is in.
    pub resource_group_id: Option<i64>,
    /// When it is made.
    pub created_at: Timestamp,
}

/// Changes to a repo; `None` leaves things as they are.
#[derive(Debug, Clone, Default)]
pub struct RepoSettings {
    /// Who sees it.
    pub visibility: Option<Visibility>,
    /// Whether files are given only to those who asked.
    pub gated: Option<Gated>,
    /// Whether it is closed.
    pub disabled: Option<bool>,
    /// The branch that stands for the whole repo.
    pub default_branch: Option<String>,
    /// What runs a space.
    pub sdk: Option<String>,
}

/// A repo as a caller meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoAccess {
    /// The repo.
    pub repo: Repo,
    /// How the caller stands to it.
    pub standing: Standing,
}

/// A repo as a caller meets it, with one of its references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoWithRef {
    /// The repo.
    pub repo: Repo,
    /// How the caller stands to it.
    pub standing: Standing,
    /// The first of the references that exists.
    pub found: Option<Ref>,
}

/// 20 columns; the repo's id is also the first.
macro_rules! repo_columns {
    () => {
        "r.id, r.kind, r.owner_id, r.creator_id, r.namespace, r.name, r.visibility, r.gated, r.disabled, r.default_branch, r.sdk, \
         r.resource_group_id, r.created_at, r.updated_at, r.head_at, r.downloads, r.downloads_all, r.likes, r.trending, r.mirror"
    };
}
pub(crate) use repo_columns;

impl Record for Repo {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            kind: columns.get()?,
            owner_id: columns.get()?,
            creator_id: columns.get()?,
            name: RepoId::read(columns)?,
            visibility: columns.get()?,
            gated: columns.get()?,
            disabled: columns.get()?,
            default_branch: columns.get()?,
            sdk: columns.get()?,
            resource_group_id: columns.get()?,
            created_at: columns.get()?,
            updated_at: columns.get()?,
            head_at: columns.get()?,
            downloads: columns.get()?,
            downloads_all: columns.get()?,
            likes: columns.get()?,
            trending: columns.get()?,
            mirror: columns.get()?,
        })
    }
}

impl Record for RepoAccess {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { repo: Repo::read(columns)?, standing: Standing::read(columns)? })
    }
}

impl Record for RepoWithRef {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        let (repo, standing) = (Repo::read(columns)?, Standing::read(columns)?);
        let found = if columns.null()? { None } else { Some(Ref::read(columns)?) };
        Ok(Self { repo, standing, found })
    }
}

/// Returns the text that is unique for a repo: `kind:namespace/name` in lower case.
pub(crate) fn repo_key(kind: RepoKind, name: &RepoId) -> String {
    format!("{kind}:{}", name.key())
}

impl Queries {
    /// Makes a repo; `None` if the name is taken. An alias of that name ends.
    pub async fn insert_repo(&mut self, new: &NewRepo) -> Result<Option<i64>> {
        let key = repo_key(new.kind, &new.name);
        let id = self
            .optional(
                "INSERT INTO repo (kind, owner_id, namespace, name, key, visibility, default_branch, sdk, created_at, \
                 updated_at, head_at, creator_id, gated, resource_group_id) \
                 VALUES ($1, $2, $3, $4, $5, $6, 'main', $7, $8, $8, $8, $9, $10, $11) ON CONFLICT (key) DO NOTHING RETURNING id",
                bind![
                    new.kind,
                    new.owner_id,
                    new.name.namespace(),
                    new.name.name(),
                    key,
                    new.visibility,
                    new.sdk,
                    new.created_at,
                    new.creator_id,
                    new.gated,
                    new.resource_group_id,
                ],
            )
            .await?;
        if id.is_some() {
            self.execute("DELETE FROM repo_alias WHERE key = $1", bind![key]).await?;
        }
        Ok(id)
    }

    /// Returns a repo by its row.
    pub async fn repo(&mut self, id: i64) -> Result<Option<Repo>> {
        self.optional(concat!("SELECT ", repo_columns!(), " FROM repo r WHERE r.id = $1"), bind![id]).await
    }

    /// Returns the repos that exist among `ids`, in no order.
    pub async fn repos(&mut self, ids: &[i64]) -> Result<Vec<Repo>> {
        let mut repos = Vec::with_capacity(ids.len());
        for ids in ids.chunks(crate::queries::MAX_LIST) {
            let mut sql = Sql::new(concat!("SELECT ", repo_columns!(), " FROM repo r WHERE r.id IN "));
            sql.list(ids);
            let (sql, arguments) = sql.finish();
            repos.extend(self.all::<Repo>(sql, arguments).await?);
        }
        Ok(repos)
    }

    /// Returns the repo of a name, whatever its case.
    pub async fn repo_by_key(&mut self, kind: RepoKind, name: &RepoId) -> Result<Option<Repo>> {
        self.optional(
            concat!("SELECT ", repo_columns!(), " FROM repo r WHERE r.key = $1"),
            bind![repo_key(kind, name)],
        )
        .await
    }

    /// Returns a repo and how the user stands to it. Falls back to the names that repos had before they moved.
    pub async fn repo_access(
        &mut self,
        kind: RepoKind,
        name: &RepoId,
        user: Option<i64>,
    ) -> Result<Option<RepoAccess>> {
        let (key, user) = (repo_key(kind, name), user.unwrap_or(0));
        let direct = concat!(
            "SELECT ",
            repo_columns!(),
            ", ",
            standing_columns!(),
            " FROM repo r",
            standing_join!(),
            " WHERE r.key = $1"
        );
        if let Some(found) = self.optional(direct, bind![key, user]).await? {
            return Ok(Some(found));
        }
        let moved = concat!(
            "SELECT ",
            repo_columns!(),
            ", ",
            standing_columns!(),
            " FROM repo_alias l JOIN repo r ON r.id = l.repo_id",
            standing_join!(),
            " WHERE l.key = $1"
        );
        self.optional(moved, bind![key, user]).await
    }

    /// Returns a repo by its row and how the user, 0 being nobody, stands to it.
    pub async fn repo_access_by_id(&mut self, id: i64, user: i64) -> Result<Option<RepoAccess>> {
        self.optional(
            concat!(
                "SELECT ",
                repo_columns!(),
                ", ",
                standing_columns!(),
                " FROM repo r",
                standing_join!(),
                " WHERE r.id = $1"
            ),
            bind![id, user],
        )
        .await
    }

    /// Returns what [`repo_access`](Self::repo_access) does, and the first of two references that exists.
    ///
    /// Every download asks this; pass the branch before the tag.
    pub async fn repo_with_ref(
        &mut self,
        kind: RepoKind,
        name: &RepoId,
        user: Option<i64>,
        refs: [&str; 2],
    ) -> Result<Option<RepoWithRef>> {
        macro_rules! with_ref {
            ($from:literal, $where:literal) => {
                concat!(
                    "SELECT ",
                    repo_columns!(),
                    ", ",
                    standing_columns!(),
                    ", COALESCE(x.name, y.name), COALESCE(x.target, y.target), COALESCE(x.peeled, y.peeled), \
                     COALESCE(x.updated_at, y.updated_at)",
                    $from,
                    standing_join!(),
                    " LEFT JOIN git_ref x ON x.repo_id = r.id AND x.name = $3 \
                     LEFT JOIN git_ref y ON y.repo_id = r.id AND y.name = $4 ",
                    $where
                )
            };
        }
        let (key, user) = (repo_key(kind, name), user.unwrap_or(0));
        let direct = with_ref!(" FROM repo r", "WHERE r.key = $1");
        if let Some(found) = self.optional(direct, bind![key, user, refs[0], refs[1]]).await? {
            return Ok(Some(found));
        }
        let moved = with_ref!(" FROM repo_alias l JOIN repo r ON r.id = l.repo_id", "WHERE l.key = $1");
        self.optional(moved, bind![key, user, refs[0], refs[1]]).await
    }

    /// Deletes a repo and all that belongs to it, except its events; false if there is none.
    ///
    /// Segments above the inline limit leave their bytes behind: see
    /// [`segment_blob_keys`](Self::segment_blob_keys).
    pub async fn delete_repo(&mut self, id: i64) -> Result<bool> {
        // The row first: it is the lock that a push in progress waits for, or holds.
        let deleted = self.execute("DELETE FROM repo WHERE id = $1", bind![id]).await? == 1;
        if deleted {
            self.delete_segments(id).await?;
        }
        Ok(deleted)
    }

    /// Gives a repo a new name, and the old name to whoever still uses it; false if the new name is taken.
    pub async fn move_repo(
        &mut self,
        repo: &Repo,
        new_owner_id: i64,
        new_name: &RepoId,
        at: Timestamp,
    ) -> Result<bool> {
        let (old_key, new_key) = (repo_key(repo.kind, &repo.name), repo_key(repo.kind, new_name));
        let taken: Option<i64> = self.optional("SELECT id FROM repo WHERE key = $1", bind![new_key]).await?;
        if taken.is_some_and(|taken| taken != repo.id) {
            return Ok(false);
        }
        let moved = self
            .execute(
                "UPDATE repo SET owner_id = $2, namespace = $3, name = $4, key = $5, updated_at = $6, \
                 resource_group_id = CASE WHEN owner_id = $2 THEN resource_group_id END WHERE id = $1 AND key = $7",
                bind![repo.id, new_owner_id, new_name.namespace(), new_name.name(), new_key, at, old_key],
            )
            .await?;
        if moved == 0 {
            return Ok(false);
        }
        self.execute("DELETE FROM repo_alias WHERE key = $1", bind![new_key]).await?;
        if old_key != new_key {
            self.insert_alias(repo.kind, &repo.name, repo.id).await?;
        }
        Ok(true)
    }

    /// Makes a name lead to a repo that is not called so.
    pub async fn insert_alias(&mut self, kind: RepoKind, name: &RepoId, repo_id: i64) -> Result<()> {
        self.execute(
            "INSERT INTO repo_alias (key, repo_id) VALUES ($1, $2) \
             ON CONFLICT (key) DO UPDATE SET repo_id = excluded.repo_id",
            bind![repo_key(kind, name), repo_id],
        )
        .await?;
        Ok(())
    }

    /// Changes settings; false if there is no such repo.
    pub async fn update_repo_settings(
        &mut self,
        id: i64,
        settings: &RepoSettings,
        at: Timestamp,
    ) -> Result<bool> {
        let changed = self
            .execute(
                "UPDATE repo SET visibility = COALESCE($2, visibility), gated = COALESCE($3, gated), \
                 disabled = COALESCE($4, disabled), default_branch = COALESCE($5, default_branch), \
                 sdk = COALESCE($6, sdk), updated_at = $7 WHERE id = $1",
                bind![
                    id,
                    settings.visibility,
                    settings.gated,
                    settings.disabled,
                    settings.default_branch,
                    settings.sdk,
                    at,
                ],
            )
            .await?;
        if let Some(visibility) = settings.visibility {
            let public = visibility != Visibility::Private;
            self.execute("UPDATE repo_tag SET public = $2 WHERE repo_id = $1", bind![id, public]).await?;
        }
        Ok(changed == 1)
    }

    /// Notes that a repo changed, and with `head_at` that its files did.
    pub async fn touch_repo(&mut self, id: i64, at: Timestamp, head_at: Option<Timestamp>) -> Result<()> {
        let sql = "UPDATE repo SET updated_at = $2, head_at = COALESCE($3, head_at) WHERE id = $1";
        self.execute(sql, bind![id, at, head_at]).await?;
        Ok(())
    }

    /// Returns the next segment number of a repo; `None` if the repo is gone.
    ///
    /// Locks the repo's row until the transaction ends, so changes of one repo happen one after another.
    pub async fn take_segment_number(&mut self, repo_id: i64) -> Result<Option<i64>> {
        self.optional(
            "UPDATE repo SET next_segment = next_segment + 1 WHERE id = $1 RETURNING next_segment - 1",
            bind![repo_id],
        )
        .await
    }

    /// Returns the next discussion number of a repo; `None` if the repo is gone.
    pub async fn take_discussion_number(&mut self, repo_id: i64) -> Result<Option<i64>> {
        self.optional(
            "UPDATE repo SET next_discussion = next_discussion + 1 WHERE id = $1 RETURNING next_discussion - 1",
            bind![repo_id],
        )
        .await
    }

    /// Returns a page of all repos in order of id, after the id `after`, for checks and administrators.
    pub async fn all_repos(&mut self, after: i64, limit: u32) -> Result<Vec<Repo>> {
        self.all(
            concat!("SELECT ", repo_columns!(), " FROM repo r WHERE r.id > $1 ORDER BY r.id LIMIT $2"),
            bind![after, limit],
        )
        .await
    }

    /// Returns the number of repos of a kind, of all visibilities.
    pub async fn repos_count(&mut self, kind: RepoKind) -> Result<u64> {
        self.one("SELECT COUNT(*) FROM repo WHERE kind = $1", bind![kind]).await
    }
}
