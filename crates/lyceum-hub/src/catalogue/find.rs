//! Finding repos, people and organisations: the index finds, the database describes, the access check decides.

use std::collections::HashMap;
use std::sync::Arc;

use lyceum_core::RepoKind;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_db::{AccountKind, Role};
use lyceum_search::{Facet, FacetCounts, Grant, Hits, Kind, Look, Position, Query, Scope, Sort, Viewer};

use super::entry::kind_of_account;
use crate::derive::Facts;
use crate::list::MAX_TERMS;
use crate::{
    Account, Action, Caller, Error, ErrorKind, Hub, ListQuery, ListSort, Repo, RepoInfo, Result, access,
};

/// Longest text that is looked for.
pub(crate) const MAX_QUERY_CHARS: usize = 256;

/// What to look for among the repos of a kind.
#[derive(Debug, Clone)]
pub struct FindQuery {
    /// Kind.
    pub kind: RepoKind,
    /// Words of names, cards and tags; all must be there.
    pub text: String,
    /// Only with these values.
    pub facets: Vec<(Facet, String)>,
    /// Only with these tags.
    pub tags: Vec<String>,
    /// Only repos of this account.
    pub author: Option<String>,
    /// Order; without one, what fits best comes first, and then what is in demand.
    pub sort: Option<ListSort>,
    /// Cursor of the previous page.
    pub after: Option<String>,
    /// Repos per page.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The repos.
    pub repos: Vec<RepoInfo>,
    /// Cursor of the next page.
    pub next: Option<String>,
    /// How many there are on all pages, and of which sorts; `None` while there is no index.
    pub counts: Option<(u64, FacetCounts)>,
    /// Whether nothing fitted as it was written, and this is what is written much like it.
    pub loose: bool,
}

/// Accounts that were found.
#[derive(Debug, Clone)]
pub struct FoundAccounts {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Cursor of the next page.
    pub next: Option<String>,
    /// How many there are on all pages; `None` while there is no index.
    pub total: Option<u64>,
    /// Whether nothing fitted as it was written, and this is what is written much like it.
    pub loose: bool,
}

impl Hub {
    /// Finds repos that the caller may see, by any text and by facets, and counts the facets of all of them.
    pub async fn find_repos(&self, caller: &Caller, query: FindQuery) -> Result<Found> {
        let words = split(&query.text)?;
        if query.facets.len() > MAX_TERMS || query.tags.len() > MAX_TERMS {
            let message = format!("at most {MAX_TERMS} facets and {MAX_TERMS} tags are allowed");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let limit = query.limit.clamp(1, MAX_PAGE_ENTRIES);
        let asked = Query {
            viewer: self.searching(caller).await?,
            words: words.clone(),
            look: Look::Everywhere,
            namespace: query.author.as_deref().map(str::to_ascii_lowercase),
            tags: query.tags.clone(),
            facets: query.facets.clone(),
            sort: order(query.sort.unwrap_or(ListSort::Trending)),
            ranked: query.sort.is_none() && !words.is_empty(),
            after: query.after.as_deref().map(position).transpose()?,
            limit,
            counts: true,
            ..Query::new(Kind::Repo(query.kind))
        };
        if let Some(hits) = self.ask(asked).await? {
            return Ok(Found {
                repos: self.describe_hits(caller, &hits.ids, false).await?,
                next: hits.next.map(|next| next.to_string()),
                counts: Some((hits.total, hits.facets.clone())),
                loose: hits.loose,
            });
        }
        self.find_without_index(caller, query, words).await
    }

    /// The same from the database alone: names only, no counts, and no facets but those that are tags.
    async fn find_without_index(
        &self,
        caller: &Caller,
        query: FindQuery,
        search: Vec<String>,
    ) -> Result<Found> {
        let (mut tags, mut pipeline_tag, mut gated) = (query.tags, None, None);
        for (facet, value) in query.facets {
            match facet {
                Facet::Task if query.kind == RepoKind::Model => pipeline_tag = Some(value),
                Facet::Task => tags.push(format!("task_categories:{value}")),
                Facet::Licence => tags.push(format!("license:{value}")),
                Facet::Access => gated = Some(value == "gated"),
                Facet::Library | Facet::Sdk | Facet::Format | Facet::Language => tags.push(value),
                Facet::Size | Facet::Modality => {
                    return Ok(Found { repos: Vec::new(), next: None, counts: None, loose: false });
                }
            }
        }
        let list = ListQuery {
            kind: query.kind,
            author: query.author,
            search,
            tags,
            gated,
            pipeline_tag,
            sort: query.sort.unwrap_or(ListSort::Trending),
            ascending: false,
            after: query.after,
            limit: query.limit,
            siblings: false,
        };
        let page = self.list_stored(caller, &list).await?;
        Ok(Found { repos: page.repos, next: page.next, counts: None, loose: false })
    }

    /// Finds users or organisations by parts of their names.
    pub async fn find_accounts(
        &self,
        kind: AccountKind,
        text: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<FoundAccounts> {
        let words = split(text)?;
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let asked = Query {
            ranked: !words.is_empty(),
            words,
            sort: Sort::Created,
            after: after.map(position).transpose()?,
            limit,
            ..Query::new(kind_of_account(kind))
        };
        let Some(hits) = self.ask(asked).await? else {
            let mut db = self.inner.db.read().await?;
            let accounts = db.accounts_starting(kind, text.trim(), limit as u32).await?;
            let accounts = accounts.into_iter().map(Account::from).collect();
            return Ok(FoundAccounts { accounts, next: None, total: None, loose: false });
        };
        let rows = self.inner.db.read().await?.accounts(&hits.ids).await?;
        let mut rows: HashMap<i64, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(FoundAccounts {
            accounts: hits.ids.iter().filter_map(|id| rows.remove(id)).map(Account::from).collect(),
            next: hits.next.map(|next| next.to_string()),
            total: Some(hits.total),
            loose: hits.loose,
        })
    }

    /// Answers a list of repos whose names hold words; `None` while there is no index.
    pub(crate) async fn list_named(
        &self,
        caller: &Caller,
        query: &ListQuery,
        ranked: bool,
    ) -> Result<Option<crate::RepoPage>> {
        let mut facets = Vec::new();
        facets.extend(query.pipeline_tag.iter().map(|task| (Facet::Task, task.clone())));
        facets.extend(
            query.gated.map(|gated| (Facet::Access, if gated { "gated" } else { "open" }.to_owned())),
        );
        let asked = Query {
            viewer: self.searching(caller).await?,
            words: query.search.clone(),
            namespace: query.author.as_deref().map(str::to_ascii_lowercase),
            tags: query.tags.clone(),
            facets,
            sort: order(query.sort),
            ascending: query.ascending,
            ranked,
            after: query.after.as_deref().map(position).transpose()?,
            limit: query.limit.clamp(1, MAX_PAGE_ENTRIES),
            ..Query::new(Kind::Repo(query.kind))
        };
        let Some(hits) = self.ask(asked).await? else {
            return Ok(None);
        };
        let repos = self.describe_hits(caller, &hits.ids, query.siblings).await?;
        Ok(Some(crate::RepoPage { repos, next: hits.next.map(|next| next.to_string()) }))
    }

    /// Asks the index; `None` while there is none, also if it breaks now.
    async fn ask(&self, query: Query) -> Result<Option<Arc<Hits>>> {
        let Some(index) = self.fresh_index().await else {
            return Ok(None);
        };
        let turn = self.inner.catalogue.searches.clone().acquire_owned().await.map_err(Error::internal)?;
        let answer = super::blocking(move || {
            let _turn = turn;
            index.search(&query)
        });
        match answer.await {
            Ok(hits) => Ok(Some(hits)),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the search index cannot answer and is opened anew"
                );
                self.forget_index(&mut *self.inner.catalogue.following.lock().await);
                Ok(None)
            }
        }
    }

    /// Describes what was found, in the same order. The index may be behind: whatever the caller may not see now, or is
    /// gone, is left out.
    async fn describe_hits(&self, caller: &Caller, ids: &[i64], siblings: bool) -> Result<Vec<RepoInfo>> {
        let rows = self.inner.db.read().await?.listed_repos(ids, caller.user_id().unwrap_or(0)).await?;
        let mut rows: HashMap<i64, _> = rows.into_iter().map(|row| (row.access.repo.id, row)).collect();
        let now = self.inner.clock.now();
        let mut repos = Vec::with_capacity(ids.len());
        for row in ids.iter().filter_map(|id| rows.remove(id)) {
            let (record, standing) = (row.access.repo, row.access.standing);
            if access::check(caller, &record, &standing, Action::Discover, now).is_err() {
                continue;
            }
            let repo = Repo { record, action: Action::Discover };
            let sha = row.info.as_ref().map(|info| info.commit_oid);
            let facts = row.info.map(Facts::try_from).transpose()?.unwrap_or_default();
            let files = match sha {
                Some(commit) if siblings => Some(self.siblings(&repo, commit).await?),
                _ => None,
            };
            repos.push(RepoInfo::new(repo, sha, &facts, files));
        }
        Ok(repos)
    }

    /// Returns how a caller looks at the index: what [`access`] says of one repo, for all.
    async fn searching(&self, caller: &Caller) -> Result<Viewer> {
        let mut viewer = Viewer { everything: caller.hub_admin(), ..Viewer::default() };
        if let Some(scope) = caller.viewer().scope {
            viewer.scope = Some(Scope { owners: scope.owners.clone(), repos: scope.repos.clone() });
        }
        let Some(user) = caller.user_id().filter(|_| !viewer.everything) else {
            return Ok(viewer);
        };
        let mut db = self.inner.db.read().await?;
        viewer.grants.push(Grant::Owner(user));
        for (organisation, role) in db.memberships_of(user).await? {
            viewer.grants.push(Grant::Owner(organisation.id));
            if role == Role::Admin {
                viewer.grants.push(Grant::Administrators(organisation.id));
            }
        }
        viewer.grants.extend(db.resource_groups_of(user).await?.into_iter().map(Grant::Group));
        Ok(viewer)
    }
}

/// Cuts what was asked for into words.
fn split(text: &str) -> Result<Vec<String>> {
    if text.chars().count() > MAX_QUERY_CHARS {
        let message = format!("a search must have at most {MAX_QUERY_CHARS} characters");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if words.len() > MAX_TERMS {
        return Err(Error::new(ErrorKind::Invalid, format!("a search must have at most {MAX_TERMS} words")));
    }
    Ok(words)
}

fn position(cursor: &str) -> Result<Position> {
    cursor.parse().map_err(|_| Error::new(ErrorKind::Invalid, "invalid `cursor`"))
}

fn order(sort: ListSort) -> Sort {
    match sort {
        ListSort::LastModified => Sort::Updated,
        ListSort::CreatedAt => Sort::Created,
        ListSort::Downloads => Sort::Downloads,
        ListSort::Likes => Sort::Likes,
        ListSort::Trending => Sort::Trending,
    }
}
