//! Commits that one request looks at more than once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lyceum_core::Oid;

use super::links::{CommitLinks, read_links};
use crate::limits::MAX_KEPT_COMMITS;
use crate::{Objects, Result};

/// Reads commits and keeps what it read.
pub(crate) struct Commits<'a, S> {
    source: &'a S,
    kept: HashMap<Oid, Arc<CommitLinks>>,
    /// Commits of which the repository has no parents, as it is a shallow copy itself.
    shallow: HashSet<Oid>,
}

impl<'a, S: Objects> Commits<'a, S> {
    pub(crate) fn new(source: &'a S, shallow: Vec<Oid>) -> Self {
        Self { source, kept: HashMap::new(), shallow: shallow.into_iter().collect() }
    }

    pub(crate) fn source(&self) -> &'a S {
        self.source
    }

    /// Returns the commits of which the repository has no parents.
    pub(crate) fn shallow(&self) -> &HashSet<Oid> {
        &self.shallow
    }

    /// Reads a commit, whose parents are those that the repository has.
    pub(crate) async fn get(&mut self, oid: Oid) -> Result<Arc<CommitLinks>> {
        if let Some(links) = self.kept.get(&oid) {
            return Ok(links.clone());
        }
        let mut links = read_links(self.source, oid).await?;
        if self.shallow.contains(&oid) {
            links.parents.clear();
        }
        let links = Arc::new(links);
        if self.kept.len() >= MAX_KEPT_COMMITS {
            self.kept.clear();
        }
        self.kept.insert(oid, links.clone());
        Ok(links)
    }
}
