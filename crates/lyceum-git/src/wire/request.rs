//! What a client asks for: the lines that both versions of the protocol have in common.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use lyceum_core::Oid;

use super::commits::Commits;
use super::filter::Filter;
use super::links::peel;
use crate::limits::{MAX_EXCLUDED_REFERENCES, MAX_NEGOTIATION_STEPS};
use crate::{Error, ErrorKind, ObjectKind, Objects, PackSource, References, Result};

/// The depth that means: everything.
pub(crate) const INFINITE_DEPTH: u32 = 0x7fff_ffff;

/// References that are looked up by their names; with more, all are read.
const MAX_PREFIXES: usize = 16;

/// A request to fetch.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// What the client wants, each once.
    pub(crate) wants: Vec<Oid>,
    wanted: HashSet<Oid>,
    /// What both have, each once, in the order in which the client told.
    pub(crate) common: Vec<Oid>,
    /// What the client has: what it told, and the parents of that.
    theirs: HashSet<Oid>,
    oldest_common: Option<i64>,
    /// Commits whose parents the client lacks.
    pub(crate) client_shallow: Vec<Oid>,
    client_shallow_set: HashSet<Oid>,
    pub(crate) depth: Option<u32>,
    pub(crate) deepen_relative: bool,
    pub(crate) deepen_since: Option<i64>,
    /// Short names of references whose history is left out.
    deepen_not_names: BTreeSet<String>,
    /// What these names stand for.
    pub(crate) deepen_not: Vec<Oid>,
    pub(crate) filter: Option<Filter>,
    pub(crate) thin_pack: bool,
    pub(crate) offset_delta: bool,
    pub(crate) include_tag: bool,
    pub(crate) no_progress: bool,
    pub(crate) done: bool,
    enough: Enough,
}

/// What is known about whether the client has told enough.
#[derive(Debug, Default)]
struct Enough {
    /// How many commits were common when it was found out last.
    asked_at: usize,
    answer: bool,
    steps: usize,
    /// Wanted commits and ancestors that are known to lead to a common one.
    leads: HashSet<Oid>,
}

impl Request {
    /// Takes a wish; `false` if there is no such object.
    pub(crate) async fn want(&mut self, source: &impl PackSource, oid: Oid) -> Result<bool> {
        if self.wanted.contains(&oid) {
            return Ok(true);
        }
        match source.header(oid).await {
            Ok(_) => {
                self.wanted.insert(oid);
                self.wants.push(oid);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes what the client says it has; `false` if it is not here.
    pub(crate) async fn have<S: PackSource>(
        &mut self,
        commits: &mut Commits<'_, S>,
        oid: Oid,
    ) -> Result<bool> {
        let kind = match commits.source().header(oid).await {
            Ok(header) => header.kind,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let known = !self.theirs.insert(oid);
        if kind == ObjectKind::Commit {
            let links = commits.get(oid).await?;
            self.theirs.extend(&links.parents);
            self.oldest_common = Some(self.oldest_common.map_or(links.date, |date| date.min(links.date)));
        }
        if !known {
            self.common.push(oid);
        }
        Ok(true)
    }

    /// Takes a line that both versions have; `false` if it is none of them. After the last one comes
    /// [`find_names`](Self::find_names).
    pub(crate) async fn take(&mut self, source: &impl PackSource, line: &str) -> Result<bool> {
        if let Some(hex) = line.strip_prefix("shallow ") {
            let oid: Oid =
                hex.parse().map_err(|_| Error::protocol(format!("invalid shallow line: {line}")))?;
            match source.header(oid).await {
                Ok(header) if header.kind != ObjectKind::Commit => {
                    return Err(Error::protocol(format!("invalid shallow object {oid}")));
                }
                Ok(_) => {
                    if self.client_shallow_set.insert(oid) {
                        self.client_shallow.push(oid);
                    }
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        } else if let Some(depth) = line.strip_prefix("deepen ") {
            let depth = depth.parse().ok().filter(|depth| *depth > 0);
            let depth: u32 = depth.ok_or_else(|| Error::protocol(format!("Invalid deepen: {line}")))?;
            self.depth = Some(depth.min(INFINITE_DEPTH));
        } else if let Some(since) = line.strip_prefix("deepen-since ") {
            let since = since.parse().ok().filter(|since| *since > 0);
            self.deepen_since =
                Some(since.ok_or_else(|| Error::protocol(format!("Invalid deepen-since: {line}")))?);
        } else if let Some(name) = line.strip_prefix("deepen-not ") {
            self.deepen_not_names.insert(name.to_owned());
            if self.deepen_not_names.len() > MAX_EXCLUDED_REFERENCES {
                return Err(Error::protocol(format!(
                    "more than {MAX_EXCLUDED_REFERENCES} references are to be left out"
                )));
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Finds the references whose names were taken.
    pub(crate) async fn find_names(&mut self, source: &impl References) -> Result<()> {
        let names = std::mem::take(&mut self.deepen_not_names);
        if names.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = names.iter().flat_map(|name| expand(name)).collect();
        let found = source.references(&prefixes(all)).await?;
        let found: HashMap<&str, Oid> = found.iter().map(|found| (&*found.name, found.target)).collect();
        for name in &names {
            let [only] = expand(name).filter_map(|full| found.get(&*full).copied()).collect::<Vec<_>>()[..]
            else {
                return Err(Error::protocol(format!(
                    "git upload-pack: ambiguous deepen-not: deepen-not {name}"
                )));
            };
            self.deepen_not.push(only);
        }
        Ok(())
    }

    /// Takes a filter.
    pub(crate) fn filter(&mut self, spec: &str) -> Result<()> {
        if self.filter.is_some() {
            return Err(Error::protocol("multiple filter-specs cannot be combined"));
        }
        self.filter = Some(Filter::parse(spec)?);
        Ok(())
    }

    /// Reports whether the history is to be cut off somewhere.
    pub(crate) fn deepens(&self) -> bool {
        self.depth.is_some() || self.deepens_by_list()
    }

    pub(crate) fn deepens_by_list(&self) -> bool {
        self.deepen_since.is_some() || !self.deepen_not.is_empty()
    }

    pub(crate) fn is_client_shallow(&self, oid: &Oid) -> bool {
        self.client_shallow_set.contains(oid)
    }

    /// Reports whether every wanted commit leads to one that both have: more need not be told.
    pub(crate) async fn told_enough<S: PackSource>(&mut self, commits: &mut Commits<'_, S>) -> Result<bool> {
        let Some(oldest) = self.oldest_common else {
            return Ok(false);
        };
        if self.enough.answer || self.enough.asked_at == self.common.len() {
            return Ok(self.enough.answer);
        }
        self.enough.asked_at = self.common.len();
        // Fully explored without a common commit, in this search.
        let mut barren: HashSet<Oid> = HashSet::new();
        for want in self.wants.clone() {
            let (_, kind, commit) = peel(commits.source(), want).await?;
            if kind != ObjectKind::Commit {
                continue;
            }
            if !self.leads_to_common(commits, commit, oldest, &mut barren).await? {
                return Ok(false);
            }
        }
        self.enough.answer = true;
        Ok(true)
    }

    async fn leads_to_common<S: Objects>(
        &mut self,
        commits: &mut Commits<'_, S>,
        from: Oid,
        oldest: i64,
        barren: &mut HashSet<Oid>,
    ) -> Result<bool> {
        // The path from `from`, each commit with the number of its parents that were tried.
        let mut path: Vec<(Oid, Arc<super::links::CommitLinks>, usize)> = Vec::new();
        let mut next = Some(from);
        loop {
            if let Some(oid) = next.take() {
                if self.theirs.contains(&oid) || self.enough.leads.contains(&oid) {
                    self.enough.leads.insert(from);
                    self.enough.leads.extend(path.iter().map(|(oid, ..)| *oid));
                    return Ok(true);
                }
                self.enough.steps += 1;
                if self.enough.steps > MAX_NEGOTIATION_STEPS {
                    return Ok(false);
                }
                if barren.insert(oid) {
                    let links = commits.get(oid).await?;
                    if links.date >= oldest {
                        path.push((oid, links, 0));
                    }
                }
            }
            let Some((_, links, tried)) = path.last_mut() else {
                return Ok(false);
            };
            next = links.parents.get(*tried).copied();
            *tried += 1;
            if next.is_none() {
                path.pop();
            }
        }
    }
}

/// Returns the names that a short name may stand for (gitrevisions, “Specifying revisions”).
fn expand(name: &str) -> impl Iterator<Item = String> {
    let full = ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];
    let full = full.map(|prefix| format!("{prefix}{name}"));
    full.into_iter().chain([format!("refs/remotes/{name}/HEAD")])
}

/// Returns what to ask for, so that references of these names are among what is found: with many, all.
pub(crate) fn prefixes(names: Vec<String>) -> Vec<String> {
    if names.len() > MAX_PREFIXES { vec!["refs/".to_owned()] } else { names }
}
