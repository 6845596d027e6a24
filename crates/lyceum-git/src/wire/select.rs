//! Which objects a client lacks: those that its wishes lead to, without those that what it has leads to.
//!
//! Memory is taken for the ids of what is sent, and, where the client has something, for the commits that are met.

mod history;
mod trees;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use lyceum_core::Oid;

use super::filter::Filter;
use super::links::peel;
use crate::limits::MAX_SENT_OBJECTS;
use crate::{Error, ErrorKind, ObjectKind, PackSource, Result};

/// What to select.
#[derive(Debug, Default)]
pub(crate) struct Question {
    /// What the client wants.
    pub(crate) wants: Vec<Oid>,
    /// What it has.
    pub(crate) haves: Vec<Oid>,
    /// Commits whose parents do not count.
    pub(crate) cut: HashSet<Oid>,
    /// Commits that the client has, and whose parents it does not have but wants.
    pub(crate) edges: Vec<Oid>,
    /// What is left out.
    pub(crate) filter: Option<Filter>,
    /// Whether to find out which similar objects the client has.
    pub(crate) thin: bool,
}

/// The objects to send.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Each once.
    pub(crate) objects: Vec<Oid>,
    /// Where each stands in `objects`.
    pub(crate) positions: OidMap<u32>,
    /// Objects that the client has, as far as they stand where sent ones do.
    pub(crate) known: HashSet<Oid, OidHash>,
}

/// A map by id; ids are hashes already.
pub(crate) type OidMap<T> = HashMap<Oid, T, OidHash>;
pub(crate) type OidHash = BuildHasherDefault<OidHasher>;

/// Takes eight bytes of an id for its hash.
///
/// Whoever makes objects so that these bytes fall together slows down what is made of their own repository only, and
/// has to find partial collisions of SHA-1 for it.
#[derive(Debug, Default)]
pub(crate) struct OidHasher(u64);

impl Hasher for OidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(Ok(last)) = bytes.len().checked_sub(8).map(|from| bytes[from..].try_into()) {
            self.0 = u64::from_le_bytes(last);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

impl Selection {
    /// Adds an object, unless it is there; reports whether it is new.
    pub(crate) fn add(&mut self, oid: Oid) -> Result<bool> {
        let position = u32::try_from(self.objects.len()).expect("the number of objects is limited below");
        match self.positions.entry(oid) {
            std::collections::hash_map::Entry::Occupied(_) => Ok(false),
            std::collections::hash_map::Entry::Vacant(entry) => {
                if self.objects.len() >= MAX_SENT_OBJECTS {
                    return Err(Error::too_large(format!(
                        "a pack would have more than {MAX_SENT_OBJECTS} objects"
                    )));
                }
                entry.insert(position);
                self.objects.push(oid);
                Ok(true)
            }
        }
    }

    /// Takes away the commits that are not `given`.
    async fn hide_commits(&mut self, source: &impl PackSource, given: &HashSet<Oid>) -> Result<()> {
        self.positions.clear();
        for oid in std::mem::take(&mut self.objects) {
            if given.contains(&oid) || source.header(oid).await?.kind != ObjectKind::Commit {
                self.add(oid)?;
            }
        }
        Ok(())
    }

    pub(crate) fn contains(&self, oid: &Oid) -> bool {
        self.positions.contains_key(oid)
    }
}

/// Told from time to time how many objects were found.
pub(crate) trait Watch: Send {
    fn found(&mut self, objects: usize) -> impl Future<Output = Result<()>> + Send;
}

impl Watch for () {
    async fn found(&mut self, _objects: usize) -> Result<()> {
        Ok(())
    }
}

/// Selects the objects to send.
pub(crate) async fn select(
    source: &impl PackSource,
    question: &Question,
    watch: &mut impl Watch,
) -> Result<Selection> {
    let mut trees = trees::Trees::new(source, question.filter.as_ref(), question.thin);
    let mut starts = Vec::new();
    let mut roots = Vec::new();
    let have: HashSet<Oid> = question.haves.iter().copied().collect();
    // What wishes name, directly or by way of a tag, is sent whatever the filter says.
    let mut given = HashSet::new();
    for want in &question.wants {
        let (tags, kind, oid) = peel(source, *want).await?;
        for tag in tags {
            if !have.contains(&tag) {
                trees.selection.add(tag)?;
            }
        }
        match kind {
            ObjectKind::Commit => {
                starts.push(oid);
                given.insert(oid);
            }
            _ if have.contains(&oid) => {}
            ObjectKind::Tree => roots.push(oid),
            ObjectKind::Blob | ObjectKind::Tag => drop(trees.selection.add(oid)?),
        }
    }
    let mut ends = Vec::new();
    for have in &question.haves {
        match peel(source, *have).await {
            Ok((_, ObjectKind::Commit, oid)) => ends.push(oid),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if ends.is_empty() && question.edges.is_empty() {
        history::select_all(question, starts, &mut trees, watch).await?;
    } else {
        history::select_new(question, starts, ends, &mut trees, watch).await?;
    }
    for root in roots {
        trees.add_given(root, watch).await?;
    }
    let mut selection = trees.selection;
    if question.filter.as_ref().is_some_and(|filter| !filter.shows(ObjectKind::Commit, 0, 0)) {
        selection.hide_commits(source, &given).await?;
    }
    Ok(selection)
}

/// Adds annotated tags whose object is sent (`include-tag`).
pub(crate) async fn add_tags(
    source: &impl PackSource,
    selection: &mut Selection,
    tags: &[(Oid, Oid)],
) -> Result<()> {
    for (tag, peeled) in tags {
        if selection.contains(peeled) {
            for tag in peel(source, *tag).await?.0 {
                selection.add(tag)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
