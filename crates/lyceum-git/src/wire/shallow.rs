//! Where a shallow copy's history ends.

use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use lyceum_core::Oid;

use super::commits::Commits;
use super::links::peel;
use super::request::{INFINITE_DEPTH, Request};
use crate::limits::MAX_SHALLOW_COMMITS;
use crate::{Error, ObjectKind, PackSource, References, Result};

/// After how many commits that are left out it is looked whether any are left that are not.
const STOP_CHECK: usize = 64;

/// How the history that the client gets differs from the one there is.
#[derive(Debug, Default)]
pub(crate) struct Borders {
    /// Commits that get no parents.
    pub(crate) shallow: Vec<Oid>,
    /// Commits that had no parents at the client until now, and get them.
    pub(crate) unshallow: Vec<Oid>,
    /// What the client gets beside what it asked for: the parents of those.
    pub(crate) parents: Vec<Oid>,
    /// Commits whose parents do not count, as the client will not have them by way of these.
    pub(crate) cut: HashSet<Oid>,
}

impl Borders {
    /// Finds out where the history is cut off for a request; `told` says whether the client knows already where the
    /// repository's own history is.
    pub(crate) async fn of<S: PackSource + References>(
        request: &Request,
        commits: &mut Commits<'_, S>,
        told: bool,
    ) -> Result<Self> {
        let mut borders = Self::default();
        borders.cut.extend(commits.shallow());
        if !request.deepens() {
            borders.cut.extend(&request.client_shallow);
            if !told && !commits.shallow().is_empty() {
                let heads = wanted_commits(request, commits).await?;
                let mut border = by_depth(commits, heads, INFINITE_DEPTH, &borders.cut).await?;
                border.at.retain(|oid| !request.is_client_shallow(oid));
                borders.shallow = border.at;
            }
            return Ok(borders);
        }
        if request.depth.is_some() && request.deepens_by_list() {
            return Err(Error::protocol(
                "git upload-pack: deepen and deepen-since (or deepen-not) cannot be used together",
            ));
        }
        let border = match request.depth {
            Some(INFINITE_DEPTH) if commits.shallow().is_empty() => {
                Border { at: Vec::new(), inside: request.client_shallow.iter().copied().collect() }
            }
            Some(depth) if request.deepen_relative && depth != INFINITE_DEPTH => {
                let heads = reachable_shallow(request, commits).await?;
                by_depth(commits, heads, depth.saturating_add(1), &borders.cut).await?
            }
            Some(depth) => {
                let heads = wanted_commits(request, commits).await?;
                by_depth(commits, heads, depth, &borders.cut).await?
            }
            None => by_list(request, commits).await?,
        };
        for oid in border.at {
            if !border.inside.contains(&oid) && !request.is_client_shallow(&oid) {
                borders.cut.insert(oid);
                borders.shallow.push(oid);
            }
        }
        for oid in &request.client_shallow {
            if border.inside.contains(oid) {
                borders.unshallow.push(*oid);
                borders.parents.extend(&commits.get(*oid).await?.parents);
            }
            borders.cut.insert(*oid);
        }
        Ok(borders)
    }
}

/// A line through the history.
struct Border {
    /// The last commits before the line.
    at: Vec<Oid>,
    /// Commits before the line whose parents are before it, too.
    inside: HashSet<Oid>,
}

async fn wanted_commits<S: PackSource>(request: &Request, commits: &Commits<'_, S>) -> Result<Vec<Oid>> {
    let mut heads = Vec::new();
    for want in &request.wants {
        let (_, kind, oid) = peel(commits.source(), *want).await?;
        if kind == ObjectKind::Commit {
            heads.push(oid);
        }
    }
    Ok(heads)
}

/// Goes down from `heads`, which have depth one, as far as `depth` or to the commits that have no parents.
async fn by_depth<S: PackSource>(
    commits: &mut Commits<'_, S>,
    heads: Vec<Oid>,
    depth: u32,
    cut: &HashSet<Oid>,
) -> Result<Border> {
    let mut border = Border { at: Vec::new(), inside: HashSet::new() };
    let mut seen: HashSet<Oid> = heads.iter().copied().collect();
    let mut queue: VecDeque<(Oid, u32)> = heads.into_iter().map(|head| (head, 1)).collect();
    while let Some((oid, at)) = queue.pop_front() {
        if (depth != INFINITE_DEPTH && at >= depth) || cut.contains(&oid) {
            border.at.push(oid);
            continue;
        }
        border.inside.insert(oid);
        check(seen.len())?;
        for parent in &commits.get(oid).await?.parents {
            if seen.insert(*parent) {
                queue.push_back((*parent, at + 1));
            }
        }
    }
    Ok(border)
}

/// Returns those of the commits at which the client's history ends now that references still lead to.
async fn reachable_shallow<S: PackSource + References>(
    request: &Request,
    commits: &mut Commits<'_, S>,
) -> Result<Vec<Oid>> {
    let mut queue = Vec::new();
    for reference in commits.source().references(&[]).await? {
        let oid = reference.peeled.unwrap_or(reference.target);
        if peel(commits.source(), oid).await?.1 == ObjectKind::Commit {
            queue.push(oid);
        }
    }
    let mut seen: HashSet<Oid> = queue.iter().copied().collect();
    let mut left = request.client_shallow.len();
    let mut found = Vec::new();
    while let Some(oid) = queue.pop() {
        if request.is_client_shallow(&oid) {
            found.push(oid);
            left -= 1;
        }
        if left == 0 {
            break;
        }
        check(seen.len())?;
        queue.extend(commits.get(oid).await?.parents.iter().filter(|parent| seen.insert(**parent)));
    }
    Ok(found)
}

/// Takes the commits that are not older than a date, and that none of the references given leads to.
async fn by_list<S: PackSource>(request: &Request, commits: &mut Commits<'_, S>) -> Result<Border> {
    let since = request.deepen_since.unwrap_or(i64::MIN);
    let mut walk: BinaryHeap<(i64, Oid)> = BinaryHeap::new();
    // Whether each commit that was met is left out.
    let mut out: HashMap<Oid, bool> = HashMap::new();
    let mut starts = Vec::new();
    for oid in &request.deepen_not {
        let (_, kind, oid) = peel(commits.source(), *oid).await?;
        if kind == ObjectKind::Commit {
            starts.push((oid, true));
        }
    }
    starts.extend(wanted_commits(request, commits).await?.into_iter().map(|oid| (oid, false)));
    for (oid, excluded) in starts {
        *out.entry(oid).or_insert(excluded) |= excluded;
        walk.push((commits.get(oid).await?.date, oid));
    }
    let mut left_out = 0_usize;
    while let Some((date, oid)) = walk.pop() {
        let excluded = out[&oid] || date < since;
        out.insert(oid, excluded);
        check(out.len())?;
        left_out += usize::from(excluded);
        if excluded && left_out.is_multiple_of(STOP_CHECK) && walk.iter().all(|(_, oid)| out[oid]) {
            break;
        }
        for parent in &commits.get(oid).await?.parents {
            let known = out.get(parent).copied();
            // A commit is visited again when it turns out, late because dates lie, that it is left out.
            if known.is_none() || (excluded && known == Some(false)) {
                out.insert(*parent, excluded);
                // Beyond the date nothing is taken, and only what is excluded by name needs to be followed.
                if !(excluded && known.is_none() && request.deepen_not.is_empty()) {
                    walk.push((commits.get(*parent).await?.date, *parent));
                }
            }
        }
    }
    let taken: HashSet<Oid> = out.iter().filter(|(_, out)| !**out).map(|(oid, _)| *oid).collect();
    if taken.is_empty() {
        return Err(Error::protocol("no commits selected for shallow requests"));
    }
    let mut border = Border { at: Vec::new(), inside: HashSet::new() };
    for oid in &taken {
        if commits.get(*oid).await?.parents.iter().all(|parent| taken.contains(parent)) {
            border.inside.insert(*oid);
        } else {
            border.at.push(*oid);
        }
    }
    border.at.sort_unstable();
    Ok(border)
}

fn check(commits: usize) -> Result<()> {
    if commits > MAX_SHALLOW_COMMITS {
        return Err(Error::too_large(format!("the history has more than {MAX_SHALLOW_COMMITS} commits")));
    }
    Ok(())
}
