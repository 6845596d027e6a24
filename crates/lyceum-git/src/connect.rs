//! Whether everything that new references lead to is there.
//!
//! The walk goes through what a push brought and ends at what the repository has: an object is kept only together with
//! all that it leads to, so nothing behind it can be missing.

use std::collections::HashSet;

use lyceum_core::Oid;

use crate::fsck::{check_special, refused, special};
use crate::limits::{MAX_POINTER_BYTES, MAX_TREE_DEPTH};
use crate::pack::ReceivedPack;
use crate::receiver::{NewEntry, Rules};
use crate::{Commit, Error, Mode, ObjectKind, Receiver, Result, Tag, Tree};

/// Links out of the pack that are looked up together.
const OUTSIDE_BATCH: usize = 10_000;
/// Longest target of a symbolic link: what file systems take.
const MAX_LINK_BYTES: u64 = 4096;

/// A walk through a pack.
pub(crate) struct Walk<U> {
    pub(crate) pack: ReceivedPack,
    /// Which entries the repository does not have.
    new: Vec<bool>,
    /// Which entries were reached.
    pub(crate) reached: Vec<bool>,
    pub(crate) rules: U,
    work: Vec<Step>,
    /// What is not in the pack, and what it must be.
    outside: HashSet<(Oid, Option<ObjectKind>)>,
    /// Symbolic links whose target is not in the pack.
    links: Vec<(String, bool, Oid)>,
}

struct Step {
    oid: Oid,
    expected: Option<ObjectKind>,
    /// Path of a folder, which ends with `/` unless it is the root.
    path: String,
    depth: usize,
}

/// Walks from `tips` through the new objects of a pack; returns an object that is missing, if there is one.
pub(crate) async fn connect<R: Receiver, U: Rules>(
    repo: &R,
    pack: ReceivedPack,
    new: &[bool],
    tips: &[Oid],
    rules: U,
) -> Result<(Walk<U>, Option<Oid>)> {
    let step = |oid: &Oid| Step { oid: *oid, expected: None, path: String::new(), depth: 0 };
    let mut walk = Walk {
        reached: vec![false; pack.len()],
        new: new.to_vec(),
        pack,
        rules,
        work: tips.iter().map(step).collect(),
        outside: HashSet::new(),
        links: Vec::new(),
    };
    loop {
        walk = crate::pack::off_thread(walk.pack.len(), move || {
            walk.go()?;
            Ok(walk)
        })
        .await?;
        let outside: Vec<_> = walk.outside.drain().collect();
        let ids: Vec<Oid> = outside.iter().map(|(oid, _)| *oid).collect();
        for ((oid, expected), found) in outside.into_iter().zip(repo.present(&ids).await?) {
            let Some(found) = found else {
                return Ok((walk, Some(oid)));
            };
            check_kind(oid, found.kind, expected)?;
        }
        for (path, twin, oid) in std::mem::take(&mut walk.links) {
            let target = repo.read(oid).await?;
            let content = Some(&target.data[..]).filter(|data| data.len() as u64 <= MAX_LINK_BYTES);
            let entry = NewEntry { path: &path, twin, mode: Mode::Symlink, oid, new_bytes: None, content };
            walk.rules.entry(&entry);
        }
        if walk.work.is_empty() {
            return Ok((walk, None));
        }
    }
}

impl<U: Rules> Walk<U> {
    /// Walks until there is nothing more to visit, or much to look up.
    fn go(&mut self) -> Result<()> {
        while self.outside.len() < OUTSIDE_BATCH && self.links.len() < OUTSIDE_BATCH {
            let Some(step) = self.work.pop() else {
                break;
            };
            self.visit(step)?;
        }
        Ok(())
    }

    fn visit(&mut self, step: Step) -> Result<()> {
        let Step { oid, expected, path, depth } = step;
        let Some(index) = self.pack.find(&oid).filter(|index| self.new[*index as usize]) else {
            self.outside.insert((oid, expected));
            return Ok(());
        };
        let kind = self.pack.kind(index).ok_or_else(|| Error::not_found(oid))?;
        check_kind(oid, kind, expected)?;
        if std::mem::replace(&mut self.reached[index as usize], true) || kind == ObjectKind::Blob {
            return Ok(());
        }
        let data = self.pack.content(index)?;
        match kind {
            ObjectKind::Blob => {}
            ObjectKind::Commit => {
                let commit = Commit::parse(&data)?;
                self.rules.commit(oid, &commit);
                self.push(commit.tree, ObjectKind::Tree);
                for parent in commit.parents {
                    self.push(parent, ObjectKind::Commit);
                }
            }
            ObjectKind::Tag => {
                let tag = Tag::parse(&data)?;
                self.push(tag.target, tag.target_kind);
            }
            ObjectKind::Tree => self.visit_tree(&Tree::parse(&data)?, &path, depth)?,
        }
        Ok(())
    }

    fn push(&mut self, oid: Oid, kind: ObjectKind) {
        self.work.push(Step { oid, expected: Some(kind), path: String::new(), depth: 0 });
    }

    fn visit_tree(&mut self, tree: &Tree, folder: &str, depth: usize) -> Result<()> {
        if depth > MAX_TREE_DEPTH {
            return Err(Error::too_large(format!("folders are nested more than {MAX_TREE_DEPTH} deep")));
        }
        let mut names = HashSet::with_capacity(tree.entries().len());
        for entry in tree.entries() {
            let path = format!("{folder}{}", entry.name);
            let twin = !names.insert(entry.name.to_lowercase());
            let (mode, oid) = (entry.mode, entry.oid);
            let show = |rules: &mut U, new_bytes, content| {
                rules.entry(&NewEntry { path: &path, twin, mode, oid, new_bytes, content });
            };
            match mode {
                Mode::Submodule => show(&mut self.rules, None, None),
                Mode::Folder => {
                    show(&mut self.rules, None, None);
                    let path = format!("{path}/");
                    self.work.push(Step { oid, expected: Some(ObjectKind::Tree), path, depth: depth + 1 });
                }
                Mode::File | Mode::Executable | Mode::Symlink => {
                    let step = Step { oid, expected: Some(ObjectKind::Blob), path: String::new(), depth: 0 };
                    self.visit(step)?;
                    let Some(index) = self.pack.find(&oid).filter(|index| self.new[*index as usize]) else {
                        match mode {
                            Mode::Symlink => self.links.push((path, twin, oid)),
                            _ => show(&mut self.rules, None, None),
                        }
                        continue;
                    };
                    let size = self.pack.object_bytes(index);
                    let special = special(&entry.name);
                    let most = if mode == Mode::Symlink { MAX_LINK_BYTES } else { MAX_POINTER_BYTES as u64 };
                    let content = if size <= most || special.is_some() {
                        Some(self.pack.content(index)?)
                    } else {
                        None
                    };
                    if let (Some(special), Some(content)) = (special, &content) {
                        check_special(special, content).map_err(|refusal| refused(oid, refusal))?;
                    }
                    show(&mut self.rules, Some(size), content.as_deref().filter(|_| size <= most));
                }
            }
        }
        Ok(())
    }
}

fn check_kind(oid: Oid, kind: ObjectKind, expected: Option<ObjectKind>) -> Result<()> {
    match expected.filter(|expected| *expected != kind) {
        Some(expected) => {
            Err(Error::malformed("object", format!("{oid} is a {kind}, but is used as a {expected}")))
        }
        None => Ok(()),
    }
}
