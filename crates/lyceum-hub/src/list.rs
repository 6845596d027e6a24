//! Listing repos.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, RepoKind};
use lyceum_db::{Facet, Sort};
use serde_json::{Value, json};

use crate::derive::Facts;
use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, RepoInfo, Result};

/// Most words of a search, and most tags of a filter.
pub(crate) const MAX_TERMS: usize = 16;
/// Most tags of one type in the catalogue.
const MAX_CATALOGUE: usize = 1000;
/// Most tags that the catalogue looks at, the most used first.
const MAX_COUNTED: u32 = 20_000;
/// How long a catalogue is answered as it was counted, in seconds.
const CATALOGUE_SECONDS: i64 = 60;
/// Prefixes of tags that are types of the catalogue.
const TAG_TYPES: &[&str] = &[
    "annotations_creators",
    "dataset",
    "format",
    "language",
    "language_creators",
    "library",
    "license",
    "modality",
    "multilinguality",
    "region",
    "size_categories",
    "source_datasets",
    "task_categories",
    "task_ids",
];

/// Order of a list, descending unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListSort {
    /// Last change of content.
    LastModified,
    /// Creation.
    CreatedAt,
    /// Downloads of the last 30 days.
    Downloads,
    /// Likes.
    Likes,
    /// Recent downloads and likes.
    Trending,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// Kind.
    pub kind: RepoKind,
    /// Only repos of this account.
    pub author: Option<String>,
    /// Every word must be part of the id.
    pub search: Vec<String>,
    /// Every tag must be there.
    pub tags: Vec<String>,
    /// Only gated, or only open, repos.
    pub gated: Option<bool>,
    /// Only this task.
    pub pipeline_tag: Option<String>,
    /// Order.
    pub sort: ListSort,
    /// Ascending.
    pub ascending: bool,
    /// Cursor of the previous page.
    pub after: Option<String>,
    /// Repos per page.
    pub limit: usize,
    /// Also list the files of each.
    pub siblings: bool,
}

/// One page of repos.
#[derive(Debug, Clone)]
pub struct RepoPage {
    /// The repos.
    pub repos: Vec<RepoInfo>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Lists the repos that the caller may see.
    pub async fn list_repos(&self, caller: &Caller, query: ListQuery) -> Result<RepoPage> {
        if query.search.len() > MAX_TERMS || query.tags.len() > MAX_TERMS {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("at most {MAX_TERMS} search words and {MAX_TERMS} filters are allowed"),
            ));
        }
        if !query.search.is_empty()
            && let Some(page) = self.list_named(caller, &query, false).await?
        {
            return Ok(page);
        }
        self.list_stored(caller, &query).await
    }

    /// Lists the repos that the caller may see, from the database alone.
    pub(crate) async fn list_stored(&self, caller: &Caller, query: &ListQuery) -> Result<RepoPage> {
        let Some(rows) = self.list_query(caller, query)? else {
            return Ok(RepoPage { repos: Vec::new(), next: None });
        };
        let sort = rows.sort;
        let limit = rows.limit as usize;
        let listed = self.inner.db.read().await?.list_repos(&rows).await?;
        let next = match listed.last() {
            Some((last, _)) if listed.len() == limit => Some(format!("{}.{}", sort.value(last), last.id)),
            _ => None,
        };
        let mut repos = Vec::with_capacity(listed.len());
        for (record, info) in listed {
            let repo = Repo { record, action: Action::Discover };
            // What was not described yet is shown without facts rather than keeping the list waiting.
            let sha = info.as_ref().map(|info| info.commit_oid);
            let facts = info.map(Facts::try_from).transpose()?.unwrap_or_default();
            let siblings = match sha {
                Some(commit) if query.siblings => Some(self.siblings(&repo, commit).await?),
                _ => None,
            };
            repos.push(RepoInfo::new(repo, sha, &facts, siblings));
        }
        Ok(RepoPage { repos, next })
    }

    /// Counts tags by type for the catalogue of tags: `{type: [{id, label, type, count}]}`, of public repos only.
    ///
    /// A tag like `license:mit` has the type before the colon, if it is one of `TAG_TYPES`; plain tags are `other`,
    /// except those that name a task or a library.
    ///
    /// It is counted once a minute: everybody may ask, and the answer is the same for all.
    pub async fn tags_by_type(&self, kind: RepoKind) -> Result<Arc<Value>> {
        let minute = self.inner.clock.now().seconds() / CATALOGUE_SECONDS;
        let count = async { Ok(Arc::new(self.count_tags(kind).await?)) };
        self.inner.catalogues.get_or_insert_async(&(kind, minute), count).await
    }

    async fn count_tags(&self, kind: RepoKind) -> Result<Value> {
        let mut db = self.inner.db.read().await?;
        let mut catalogue: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        let mut add = |name: &'static str, id: &str, label: &str, count: u64| {
            let tags = catalogue.entry(name).or_default();
            if tags.len() < MAX_CATALOGUE {
                tags.push(json!({ "id": id, "label": label, "type": name, "count": count }));
            }
        };
        let mut named = HashSet::new();
        for (name, facet) in [("pipeline_tag", Facet::Pipeline), ("library", Facet::Library)] {
            for (tag, count) in db.tag_counts(kind, facet, "", MAX_COUNTED).await? {
                add(name, &tag, &tag, count);
                named.insert(tag);
            }
        }
        for (tag, count) in db.tag_counts(kind, Facet::Tag, "", MAX_COUNTED).await? {
            match tag.split_once(':') {
                Some((prefix, label)) => {
                    if let Some(name) = TAG_TYPES.iter().find(|name| **name == prefix) {
                        add(name, &tag, label, count);
                    }
                }
                None if named.contains(&tag) => {}
                None => add("other", &tag, &tag, count),
            }
        }
        Ok(json!(catalogue))
    }

    /// Translates a query; `None` if nothing can match it.
    fn list_query(&self, caller: &Caller, query: &ListQuery) -> Result<Option<lyceum_db::ListQuery>> {
        let author = match &query.author {
            None => None,
            Some(author) => match AccountName::parse(author) {
                Ok(author) => Some(author),
                Err(_) => return Ok(None),
            },
        };
        let sort = match query.sort {
            ListSort::LastModified => Sort::LastModified,
            ListSort::CreatedAt => Sort::CreatedAt,
            ListSort::Downloads => Sort::Downloads,
            ListSort::Likes => Sort::Likes,
            ListSort::Trending => Sort::Trending,
        };
        let cursor = |cursor: &str| {
            // The index adds to a cursor what only it knows.
            let mut parts = cursor.split('.');
            let mut next = || parts.next()?.parse().ok();
            Some((next()?, next()?))
        };
        let after = match &query.after {
            None => None,
            Some(after) => {
                Some(cursor(after).ok_or_else(|| Error::new(ErrorKind::Invalid, "invalid `cursor`"))?)
            }
        };
        Ok(Some(lyceum_db::ListQuery {
            viewer: caller.user_id(),
            viewer_admin: caller.hub_admin(),
            viewer_scope: caller.viewer().scope.cloned(),
            author,
            search: query.search.clone(),
            tags: query.tags.clone(),
            gated: query.gated,
            pipeline_tag: query.pipeline_tag.clone(),
            library: None,
            sort,
            ascending: query.ascending,
            after,
            limit: query.limit.clamp(1, MAX_PAGE_ENTRIES) as u32,
            details: true,
            ..lyceum_db::ListQuery::new(query.kind)
        }))
    }
}
