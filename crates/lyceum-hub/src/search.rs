//! The search box: a few hits of every sort for what was typed so far.

use lyceum_core::RepoKind;
use lyceum_db::AccountKind;

use crate::{
    Account, Caller, Collection, CollectionFilter, CollectionSort, Error, ErrorKind, Hub, ListQuery,
    ListSort, RepoInfo, Result,
};

/// Longest text that is looked for.
const MAX_QUERY_CHARS: usize = 256;
/// Most hits of one sort.
const MAX_HITS: usize = 50;

/// What to look for.
#[derive(Debug, Clone)]
pub struct QuickQuery {
    /// What was typed so far; empty shows what is in demand.
    pub text: String,
    /// Kinds of repos to look through.
    pub kinds: Vec<RepoKind>,
    /// Whether to look through users.
    pub users: bool,
    /// Whether to look through organisations.
    pub organisations: bool,
    /// Whether to look through collections.
    pub collections: bool,
    /// Most hits of each sort.
    pub limit: usize,
}

/// What was found, of each sort that was asked for.
#[derive(Debug, Clone, Default)]
pub struct QuickHits {
    /// Repos whose id holds the text, by kind, the most demanded first.
    pub repos: Vec<(RepoKind, Vec<RepoInfo>)>,
    /// Users whose name starts with the text.
    pub users: Vec<Account>,
    /// Organisations whose name starts with the text.
    pub organisations: Vec<Account>,
    /// Collections whose title holds the text.
    pub collections: Vec<Collection>,
}

impl Hub {
    /// Looks for what was typed into the search box, among what the caller may see.
    pub async fn quick_search(&self, caller: &Caller, query: QuickQuery) -> Result<QuickHits> {
        let text = query.text.trim();
        if text.chars().count() > MAX_QUERY_CHARS {
            let message = format!("`q` must have at most {MAX_QUERY_CHARS} characters");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let limit = query.limit.clamp(1, MAX_HITS);
        let mut hits = QuickHits::default();
        for kind in query.kinds {
            let list = ListQuery {
                kind,
                author: None,
                search: text.split_whitespace().map(str::to_owned).collect(),
                tags: Vec::new(),
                gated: None,
                pipeline_tag: None,
                sort: ListSort::Trending,
                ascending: false,
                after: None,
                limit,
                siblings: false,
            };
            hits.repos.push((kind, self.list_repos(caller, list).await?.repos));
        }
        let mut db = self.inner.db.read().await?;
        if query.users {
            let found = db.accounts_starting(AccountKind::User, text, limit as u32).await?;
            hits.users = found.into_iter().map(Account::from).collect();
        }
        if query.organisations {
            let found = db.accounts_starting(AccountKind::Org, text, limit as u32).await?;
            hits.organisations = found.into_iter().map(Account::from).collect();
        }
        drop(db);
        if query.collections {
            let filter = CollectionFilter {
                owners: Vec::new(),
                items: Vec::new(),
                search: Some(text.to_owned()),
                sort: CollectionSort::Upvotes,
                after: None,
                limit,
            };
            hits.collections = self.collections(caller, filter).await?.collections;
        }
        Ok(hits)
    }
}
