//! Lists of repos, with filters, orders and pages.

use lyceum_core::{AccountName, RepoKind};

use crate::error::Result;
use crate::info::{Facet, RepoInfo, info_columns, info_columns_brief};
use crate::queries::{Queries, Sql};
use crate::repo::{Repo, repo_columns};
use crate::value::{Columns, Record, bind};

/// A tag on at most so many repos is looked up and its repos sorted; above, repos are walked in order and asked for it.
const RARE_TAG_REPOS: u32 = 4000;

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// When the files last changed.
    LastModified,
    /// When the repo was made.
    CreatedAt,
    /// Downloads in the last 30 days.
    Downloads,
    /// Users who like it.
    Likes,
    /// Demand lately.
    Trending,
}

impl Sort {
    /// Returns what the list is ordered by; with the repo's id, where the next page starts.
    pub fn value(self, repo: &Repo) -> i64 {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        match self {
            Self::LastModified => repo.head_at.0,
            Self::CreatedAt => repo.created_at.0,
            Self::Downloads => count(repo.downloads),
            Self::Likes => count(repo.likes),
            Self::Trending => count(repo.trending),
        }
    }

    fn column(self) -> &'static str {
        match self {
            Self::LastModified => "r.head_at",
            Self::CreatedAt => "r.created_at",
            Self::Downloads => "r.downloads",
            Self::Likes => "r.likes",
            Self::Trending => "r.trending",
        }
    }
}

/// Who looks at a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Viewer<'a> {
    /// The user: sees public and protected repos, own ones and those of own organisations.
    pub user_id: Option<i64>,
    /// Whether the viewer sees everything.
    pub admin: bool,
    /// Of private repos, only those in here, whoever looks.
    pub scope: Option<&'a ViewerScope>,
}

/// What a token with limits shows of what its user sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewerScope {
    /// Repos of these accounts.
    pub owners: Vec<i64>,
    /// These repos.
    pub repos: Vec<i64>,
    /// Private collections of these accounts.
    pub collections: Vec<i64>,
}

impl Viewer<'_> {
    /// Writes the condition that the viewer may see the repo `r`: what the access check says of one repo, for many.
    pub(crate) fn filter(self, sql: &mut Sql) {
        if self.admin && self.scope.is_none() {
            return;
        }
        sql.push(" AND (r.visibility <> 'private'");
        if let Some(user) = self.user_id {
            sql.push(" OR (");
            if self.admin {
                sql.push("1 = 1");
            } else {
                sql.push("(r.owner_id = ").bind(user);
                sql.push(
                    " OR EXISTS (SELECT 1 FROM membership m WHERE m.org_id = r.owner_id AND m.user_id = ",
                );
                sql.bind(user)
                    .push(" AND (r.resource_group_id IS NULL OR m.role = 'admin' OR EXISTS (SELECT 1 ");
                sql.push(
                    "FROM resource_group_member g WHERE g.group_id = r.resource_group_id AND g.user_id = ",
                );
                sql.bind(user).push("))))");
            }
            if let Some(ViewerScope { owners, repos, .. }) = self.scope {
                sql.push(" AND (1 = 0");
                if !owners.is_empty() {
                    sql.push(" OR r.owner_id IN ").list(owners);
                }
                if !repos.is_empty() {
                    sql.push(" OR r.id IN ").list(repos);
                }
                sql.push(")");
            }
            sql.push(")");
        }
        sql.push(")");
    }

    /// Writes the condition that the viewer may see the collection that is called `alias`.
    pub(crate) fn filter_collection(self, sql: &mut Sql, alias: &'static str) {
        if self.admin && self.scope.is_none() {
            return;
        }
        sql.push(" AND (").push(alias).push(".private = 0");
        if let Some(user) = self.user_id {
            sql.push(" OR (");
            if self.admin {
                sql.push("1 = 1");
            } else {
                sql.push("(").push(alias).push(".owner_id = ").bind(user);
                sql.push(" OR EXISTS (SELECT 1 FROM membership p WHERE p.org_id = ").push(alias);
                sql.push(".owner_id AND p.user_id = ").bind(user).push("))");
            }
            if let Some(ViewerScope { collections, .. }) = self.scope {
                sql.push(" AND (1 = 0");
                if !collections.is_empty() {
                    sql.push(" OR ").push(alias).push(".owner_id IN ").list(collections);
                }
                sql.push(")");
            }
            sql.push(")");
        }
        sql.push(")");
    }
}

/// Which repos to list. Only those that the viewer may see are listed.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Model, dataset, space or kernel.
    pub kind: RepoKind,
    /// Who looks: sees public and protected repos, own ones and those of own organisations.
    pub viewer: Option<i64>,
    /// Whether the viewer sees everything.
    pub viewer_admin: bool,
    /// Of private repos, only those in here, whoever looks.
    pub viewer_scope: Option<ViewerScope>,
    /// Only in this namespace.
    pub author: Option<AccountName>,
    /// Only where `namespace/name` holds each of these, without regard to case.
    pub search: Vec<String>,
    /// Only with all of these tags.
    pub tags: Vec<String>,
    /// Only gated ones, or only others.
    pub gated: Option<bool>,
    /// Only for this task.
    pub pipeline_tag: Option<String>,
    /// Only for this library.
    pub library: Option<String>,
    /// The order.
    pub sort: Sort,
    /// From least to most.
    pub ascending: bool,
    /// The [value](Sort::value) and the id of the last repo of the page before.
    pub after: Option<(i64, i64)>,
    /// Most repos to return.
    pub limit: u32,
    /// Whether to return the large parts of [`RepoInfo`]: card, config, transformers info, safetensors and gguf.
    pub details: bool,
}

impl ListQuery {
    /// Returns a query for all of a kind, the last changed first, as everybody sees them.
    pub fn new(kind: RepoKind) -> Self {
        Self {
            kind,
            viewer: None,
            viewer_admin: false,
            viewer_scope: None,
            author: None,
            search: Vec::new(),
            tags: Vec::new(),
            gated: None,
            pipeline_tag: None,
            library: None,
            sort: Sort::LastModified,
            ascending: false,
            after: None,
            limit: 30,
            details: false,
        }
    }

    fn facets(&self) -> Vec<(Facet, &str)> {
        let tags = self.tags.iter().map(|tag| (Facet::Tag, tag.as_str()));
        let pipeline = self.pipeline_tag.iter().map(|tag| (Facet::Pipeline, tag.as_str()));
        let library = self.library.iter().map(|tag| (Facet::Library, tag.as_str()));
        tags.chain(pipeline).chain(library).collect()
    }
}

struct Listed(Repo, Option<RepoInfo>);

impl Record for Listed {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        let repo = Repo::read(columns)?;
        let info = if columns.null()? { None } else { Some(RepoInfo::read(columns)?) };
        Ok(Self(repo, info))
    }
}

impl Queries {
    /// Returns a page of repos with what is known of their contents.
    pub async fn list_repos(&mut self, query: &ListQuery) -> Result<Vec<(Repo, Option<RepoInfo>)>> {
        self.list_repos_with(query, RARE_TAG_REPOS).await
    }

    /// `rare` is the number of repos up to which a tag counts as rare.
    pub(crate) async fn list_repos_with(
        &mut self,
        query: &ListQuery,
        rare: u32,
    ) -> Result<Vec<(Repo, Option<RepoInfo>)>> {
        let mut sql = Sql::new(if query.details {
            concat!("SELECT ", repo_columns!(), ", ", info_columns!())
        } else {
            concat!("SELECT ", repo_columns!(), ", ", info_columns_brief!())
        });
        let facets = self.filter(&mut sql, query, " LEFT JOIN repo_info i ON i.repo_id = r.id", rare).await?;
        if !facets {
            return Ok(Vec::new());
        }
        let column = query.sort.column();
        let (order, beyond) = if query.ascending { (" ASC", ") > (") } else { (" DESC", ") < (") };
        if let Some((value, id)) = query.after {
            sql.push(" AND (").push(column).push(", r.id").push(beyond);
            sql.bind(value).push(", ").bind(id).push(")");
        }
        sql.push(" ORDER BY ").push(column).push(order).push(", r.id").push(order);
        sql.push(" LIMIT ").bind(query.limit);
        let (sql, arguments) = sql.finish();
        let listed: Vec<Listed> = self.all(sql, arguments).await?;
        Ok(listed.into_iter().map(|Listed(repo, info)| (repo, info)).collect())
    }

    /// Counts the repos that a query lists on all its pages, up to `most`.
    pub async fn count_repos(&mut self, query: &ListQuery, most: u32) -> Result<u64> {
        let mut sql = Sql::new("SELECT COUNT(*) FROM (SELECT 1 AS one");
        if !self.filter(&mut sql, query, "", RARE_TAG_REPOS).await? {
            return Ok(0);
        }
        sql.push(" LIMIT ").bind(most).push(") found");
        let (sql, arguments) = sql.finish();
        self.one(sql, arguments).await
    }

    /// Writes `FROM` and `WHERE`; false if nothing can match.
    async fn filter(
        &mut self,
        sql: &mut Sql,
        query: &ListQuery,
        join: &'static str,
        rare: u32,
    ) -> Result<bool> {
        let mut facets = query.facets();
        let mut rarest = None;
        for (index, (facet, tag)) in facets.iter().enumerate() {
            let repos = self.tag_repos_up_to(*facet, tag, rare + 1).await?;
            if repos == 0 {
                return Ok(false);
            }
            if repos <= u64::from(rare) && rarest.is_none_or(|(least, _)| repos < least) {
                rarest = Some((repos, index));
            }
        }
        if let Some((_, index)) = rarest {
            let (facet, tag) = facets.swap_remove(index);
            // CROSS JOIN keeps SQLite from reordering: the rare tag leads.
            sql.push(" FROM repo_tag t CROSS JOIN repo r").push(join);
            sql.push(" WHERE r.id = t.repo_id AND t.facet = ").bind(facet).push(" AND t.tag = ").bind(tag);
            sql.push(" AND r.kind = ").bind(query.kind);
        } else {
            sql.push(" FROM repo r").push(join).push(" WHERE r.kind = ").bind(query.kind);
        }
        for (facet, tag) in facets {
            sql.push(" AND EXISTS (SELECT 1 FROM repo_tag f WHERE f.facet = ").bind(facet);
            sql.push(" AND f.tag = ").bind(tag).push(" AND f.repo_id = r.id)");
        }
        let (user_id, admin, scope) = (query.viewer, query.viewer_admin, query.viewer_scope.as_ref());
        Viewer { user_id, admin, scope }.filter(sql);
        if let Some(author) = &query.author {
            sql.push(" AND r.owner_id = (SELECT id FROM account WHERE name_key = ");
            sql.bind(author.key()).push(")");
        }
        for words in &query.search {
            sql.push(" AND ").push(name_expression(query.kind)).push(" LIKE ").bind(contains(words));
            sql.push(" ESCAPE '\\'");
        }
        if let Some(gated) = query.gated {
            sql.push(if gated { " AND r.gated <> ''" } else { " AND r.gated = ''" });
        }
        Ok(true)
    }

    async fn tag_repos_up_to(&mut self, facet: Facet, tag: &str, most: u32) -> Result<u64> {
        self.one(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM repo_tag WHERE facet = $1 AND tag = $2 LIMIT $3) found",
            bind![facet, tag, most],
        )
        .await
    }
}

/// `namespace/name` in lower case: the key without its kind.
fn name_expression(kind: RepoKind) -> &'static str {
    match kind {
        RepoKind::Model | RepoKind::Space => {
            const { assert!("model:".len() == "space:".len()) };
            "substr(r.key, 7)"
        }
        RepoKind::Dataset => "substr(r.key, 9)",
        RepoKind::Kernel | RepoKind::Bucket => {
            const { assert!("kernel:".len() == "bucket:".len()) };
            "substr(r.key, 8)"
        }
    }
}

/// Returns the `LIKE` pattern for text that holds `words`.
pub(crate) fn contains(words: &str) -> String {
    let mut pattern = String::with_capacity(words.len() + 2);
    pattern.push('%');
    for character in words.to_ascii_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
