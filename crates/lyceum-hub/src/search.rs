//! The search box: a few hits of every sort for what was typed so far.

use lyceum_core::RepoKind;
use lyceum_db::AccountKind;

use crate::catalogue::find::MAX_QUERY_CHARS;
use crate::{
    Account, Caller, Collection, CollectionFilter, CollectionSort, Error, ErrorKind, Hub, ListQuery,
    ListSort, RepoInfo, Result,
};

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
    /// Repos whose id holds the text, by kind: what is called so first, then the most demanded.
    pub repos: Vec<(RepoKind, Vec<RepoInfo>)>,
    /// Users whose name holds the text.
    pub users: Vec<Account>,
    /// Organisations whose name holds the text.
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
            let named = if text.is_empty() { None } else { self.list_named(caller, &list, true).await? };
            let found = match named {
                Some(found) => found,
                None => self.list_repos(caller, list).await?,
            };
            hits.repos.push((kind, found.repos));
        }
        if query.users {
            hits.users = self.find_accounts(AccountKind::User, text, None, limit).await?.accounts;
        }
        if query.organisations {
            hits.organisations = self.find_accounts(AccountKind::Org, text, None, limit).await?.accounts;
        }
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
