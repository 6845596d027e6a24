//! What folders hold in all: how many files, how deep, and how far their links lead up.
//!
//! A few small trees that name each other again and again hold more files than can ever be listed, and a folder that is
//! moved takes along paths that nobody looks at one by one. So each tree is summed up once, from what those below it are.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lyceum_core::Oid;

use crate::{Error, Mode, Objects, Result, Tree, read_tree};

/// Trees that are remembered, at some 100 bytes each; when they are more, all are forgotten.
const MAX_REMEMBERED: usize = 200_000;
/// Most trees and links that are read to sum up what one push brings.
const MAX_READ: usize = 2_000_000;

/// What a folder holds, together with all folders below it. Sums that are too large stay at the largest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// How many files, links and submodules.
    pub files: u64,
    /// Length of all their paths in bytes, seen from the folder.
    pub path_bytes: u64,
    /// Length of the longest path in bytes.
    pub longest: u64,
    /// Most names in one path.
    pub deepest: u64,
    /// How many folders above this one a symbolic link leads to.
    pub upward: u64,
}

/// Extents of trees, which never change, of any repository.
#[derive(Debug, Default)]
pub struct Extents(Mutex<HashMap<Oid, Extent>>);

impl Extents {
    fn lock(&self) -> MutexGuard<'_, HashMap<Oid, Extent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, oid: Oid) -> Option<Extent> {
        self.lock().get(&oid).copied()
    }

    fn keep(&self, oid: Oid, extent: Extent) {
        let mut extents = self.lock();
        if extents.len() >= MAX_REMEMBERED {
            extents.clear();
        }
        extents.insert(oid, extent);
    }
}

/// Sums up trees one after another, each once.
pub(crate) struct Survey<'a> {
    remembered: &'a Extents,
    /// What this survey met.
    met: HashMap<Oid, Extent>,
    /// How far links lead up from the folder they are in.
    links: HashMap<Oid, u64>,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(remembered: &'a Extents) -> Self {
        Self { remembered, met: HashMap::new(), links: HashMap::new() }
    }

    /// Returns the extent of a tree that is there with all below it.
    pub(crate) async fn extent(&mut self, objects: &impl Objects, root: Oid) -> Result<Extent> {
        let mut work = vec![root];
        while let Some(oid) = work.pop() {
            if self.known(oid) {
                continue;
            }
            if self.met.len() + self.links.len() >= MAX_READ {
                return Err(Error::too_large(format!("there are more than {MAX_READ} folders to look at")));
            }
            let tree = read_tree(objects, oid).await?;
            let unknown = tree.entries().iter().filter(|entry| entry.mode == Mode::Folder);
            let unknown: Vec<Oid> = unknown.map(|entry| entry.oid).filter(|oid| !self.known(*oid)).collect();
            if !unknown.is_empty() {
                // It is read once more when all below it is known.
                work.push(oid);
                work.extend(unknown);
                continue;
            }
            let extent = self.sum(objects, &tree).await?;
            self.met.insert(oid, extent);
            self.remembered.keep(oid, extent);
            // Trees that are in memory are read without a pause.
            tokio::task::yield_now().await;
        }
        Ok(self.met.get(&root).copied().unwrap_or_default())
    }

    fn known(&mut self, oid: Oid) -> bool {
        if self.met.contains_key(&oid) {
            return true;
        }
        let remembered = self.remembered.get(oid);
        self.met.extend(remembered.map(|extent| (oid, extent)));
        remembered.is_some()
    }

    /// Sums up a tree whose folders are known.
    async fn sum(&mut self, objects: &impl Objects, tree: &Tree) -> Result<Extent> {
        let mut sum = Extent::default();
        for entry in tree.entries() {
            let name = entry.name.len() as u64;
            let below = match entry.mode {
                Mode::Folder => self.met.get(&entry.oid).copied().unwrap_or_default(),
                Mode::Symlink => {
                    let upward = match self.links.get(&entry.oid) {
                        Some(upward) => *upward,
                        None => climb(&objects.read(entry.oid).await?.data),
                    };
                    self.links.insert(entry.oid, upward);
                    // It leads up from this folder, not from one below it.
                    Extent { files: 1, upward: upward.saturating_add(1), ..Extent::default() }
                }
                _ => Extent { files: 1, ..Extent::default() },
            };
            let slash = u64::from(below.longest > 0);
            let paths = below.files.saturating_mul(name + slash).saturating_add(below.path_bytes);
            sum.files = sum.files.saturating_add(below.files);
            sum.path_bytes = sum.path_bytes.saturating_add(paths);
            sum.longest = sum.longest.max(below.longest.saturating_add(name + slash));
            sum.deepest = sum.deepest.max(below.deepest.saturating_add(1));
            sum.upward = sum.upward.max(below.upward.saturating_sub(1));
        }
        Ok(sum)
    }
}

/// Returns how many folders above its own the target of a symbolic link leads, on the way or in the end.
pub fn climb(target: &[u8]) -> u64 {
    let (mut up, mut highest) = (0_i64, 0);
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => up += 1,
            _ => up -= 1,
        }
        highest = highest.max(up);
    }
    highest.unsigned_abs()
}

#[cfg(test)]
mod tests;
