//! Whether everything that new references lead to is there.
//!
//! The walk goes through what a push brought and ends at what the repository has: an object is kept only together with
//! all that it leads to, so nothing behind it can be missing.

use std::collections::HashSet;
use std::sync::Arc;

use lyceum_core::Oid;

use crate::fsck::{Special, check_special, refused, special};
use crate::limits::{MAX_FOLDER_BYTES, MAX_POINTER_BYTES, MAX_TREE_DEPTH};
use crate::pack::ReceivedPack;
use crate::receiver::{NewEntry, Rules};
use crate::{Commit, Error, Mode, ObjectKind, Receiver, Result, Tag, Tree};

/// Links out of the pack that are looked up together, after the tree that they are in.
const LOOKUP_BATCH: usize = 10_000;
/// Longest target of a symbolic link: what file systems take.
const MAX_LINK_BYTES: u64 = 4096;

/// A walk through a pack.
pub(crate) struct Walk<U> {
    pub(crate) pack: ReceivedPack,
    /// Which entries the repository does not have.
    new: Vec<bool>,
    /// Which entries were reached.
    pub(crate) reached: Vec<bool>,
    /// Which files the rules saw the content of: what it is does not depend on where it is.
    shown: Vec<bool>,
    pub(crate) rules: U,
    work: Vec<Step>,
    /// What is not in the pack, and what it must be.
    outside: HashSet<(Oid, Option<ObjectKind>)>,
    /// Symbolic links whose target is not in the pack: folder, name, whether there is a twin, and blob.
    links: Vec<(Arc<str>, String, bool, Oid)>,
    /// Files that git reads and that are not in the pack.
    specials: HashSet<(Oid, Special)>,
    /// New commits and their trees, if it matters what they hold.
    pub(crate) roots: Vec<(Oid, Oid)>,
}

/// An object of the pack that was reached and is still to be looked at. There may be as many as the pack has, so what
/// they share is kept once.
struct Step {
    index: u32,
    /// Path of the folder that it is in, which ends with `/` unless it is the root.
    parent: Arc<str>,
    /// Its name there; nothing for what is in no folder.
    name: String,
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
    let mut walk = Walk {
        reached: vec![false; pack.len()],
        shown: vec![false; pack.len()],
        new: new.to_vec(),
        pack,
        rules,
        work: Vec::new(),
        outside: HashSet::new(),
        links: Vec::new(),
        specials: HashSet::new(),
        roots: Vec::new(),
    };
    for tip in tips {
        walk.lead_to(*tip, None)?;
    }
    let mut checked = HashSet::new();
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
        for (folder, name, twin, oid) in std::mem::take(&mut walk.links) {
            let target = repo.read(oid).await?;
            let content = Some(&target.data[..]).filter(|data| data.len() as u64 <= MAX_LINK_BYTES);
            let path = format!("{folder}{name}");
            let entry = NewEntry { path: &path, twin, mode: Mode::Symlink, oid, new_bytes: None, content };
            walk.rules.entry(&entry);
        }
        for (oid, special) in std::mem::take(&mut walk.specials) {
            if checked.insert((oid, special)) {
                let data = &repo.read(oid).await?.data;
                check_special(special, data).map_err(|refusal| refused(oid, refusal))?;
            }
        }
        if walk.work.is_empty() {
            return Ok((walk, None));
        }
    }
}

impl<U: Rules> Walk<U> {
    /// Walks until there is nothing more to visit, or much to look up.
    fn go(&mut self) -> Result<()> {
        while self.outside.len() < LOOKUP_BATCH
            && self.links.len() < LOOKUP_BATCH
            && self.specials.len() < LOOKUP_BATCH
        {
            let Some(step) = self.work.pop() else {
                break;
            };
            self.visit(step)?;
        }
        Ok(())
    }

    /// Notes that an object is needed; returns its place in the pack if it is new.
    fn reach(&mut self, oid: Oid, expected: Option<ObjectKind>) -> Result<Option<u32>> {
        let Some(index) = self.new_entry(&oid) else {
            self.outside.insert((oid, expected));
            return Ok(None);
        };
        let kind = self.pack.kind(index).ok_or_else(|| Error::not_found(oid))?;
        check_kind(oid, kind, expected)?;
        Ok(Some(index))
    }

    fn new_entry(&self, oid: &Oid) -> Option<u32> {
        self.pack.find(oid).filter(|index| self.new[*index as usize])
    }

    /// The same for what is in no folder, and is to be looked at if it was not yet.
    fn lead_to(&mut self, oid: Oid, expected: Option<ObjectKind>) -> Result<()> {
        if let Some(index) = self.reach(oid, expected)? {
            self.queue(Step { index, parent: Arc::from(""), name: String::new(), depth: 0 });
        }
        Ok(())
    }

    /// Has an object looked at, once.
    fn queue(&mut self, step: Step) {
        if !std::mem::replace(&mut self.reached[step.index as usize], true) {
            self.work.push(step);
        }
    }

    fn visit(&mut self, step: Step) -> Result<()> {
        let kind = self.pack.kind(step.index).expect("what is unknown was not queued");
        if kind == ObjectKind::Blob {
            return Ok(());
        }
        let data = self.pack.content(step.index)?;
        match kind {
            ObjectKind::Blob => {}
            ObjectKind::Commit => {
                let oid = self.pack.oid(step.index);
                let commit = Commit::parse(&data)?;
                self.rules.commit(oid, &commit);
                if self.rules.extents().is_some() {
                    self.roots.push((oid, commit.tree));
                }
                self.lead_to(commit.tree, Some(ObjectKind::Tree))?;
                for parent in commit.parents {
                    self.lead_to(parent, Some(ObjectKind::Commit))?;
                }
            }
            ObjectKind::Tag => {
                let tag = Tag::parse(&data)?;
                self.lead_to(tag.target, Some(tag.target_kind))?;
            }
            ObjectKind::Tree => self.visit_tree(&Tree::parse(&data)?, &step)?,
        }
        Ok(())
    }

    fn visit_tree(&mut self, tree: &Tree, step: &Step) -> Result<()> {
        if step.depth > MAX_TREE_DEPTH {
            return Err(Error::too_large(format!("folders are nested more than {MAX_TREE_DEPTH} deep")));
        }
        let folder: Arc<str> = match step.name.as_str() {
            "" => step.parent.clone(),
            name => format!("{}{name}/", step.parent).into(),
        };
        if folder.len() > MAX_FOLDER_BYTES {
            return Err(Error::too_large(format!("a folder's path has more than {MAX_FOLDER_BYTES} bytes")));
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
                    if let Some(index) = self.reach(oid, Some(ObjectKind::Tree))? {
                        let (parent, name) = (folder.clone(), entry.name.clone());
                        self.queue(Step { index, parent, name, depth: step.depth + 1 });
                    }
                }
                Mode::File | Mode::Executable | Mode::Symlink => {
                    let special = special(&entry.name).filter(|_| self.pack.fsck());
                    let Some(index) = self.reach(oid, Some(ObjectKind::Blob))? else {
                        match mode {
                            Mode::Symlink => self.links.push((folder.clone(), entry.name.clone(), twin, oid)),
                            _ => show(&mut self.rules, None, None),
                        }
                        let special = special.filter(|special| *special != Special::Other);
                        self.specials.extend(special.map(|special| (oid, special)));
                        continue;
                    };
                    self.reached[index as usize] = true;
                    let size = self.pack.object_bytes(index);
                    let most = if mode == Mode::Symlink { MAX_LINK_BYTES } else { MAX_POINTER_BYTES as u64 };
                    let first =
                        mode == Mode::Symlink || !std::mem::replace(&mut self.shown[index as usize], true);
                    let shown = first && size <= most;
                    let content = match shown || special.is_some() {
                        true => Some(self.pack.content(index)?),
                        false => None,
                    };
                    if let (Some(special), Some(content)) = (special, &content) {
                        check_special(special, content).map_err(|refusal| refused(oid, refusal))?;
                    }
                    show(&mut self.rules, Some(size), content.as_deref().filter(|_| shown));
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
