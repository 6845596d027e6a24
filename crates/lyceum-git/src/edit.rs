//! Changing files of a tree by path.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lyceum_core::{Oid, RepoPath};

use crate::{Error, Mode, ObjectKind, Objects, SegmentWriter, Tree, TreeEntry, read_tree};

/// One change of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Adds or replaces a file; the folders above it are made as needed.
    Upsert {
        /// Where.
        path: RepoPath,
        /// What; not a folder.
        mode: Mode,
        /// The blob.
        oid: Oid,
    },
    /// Removes a file.
    RemoveFile(RepoPath),
    /// Removes a folder with all that is in it.
    RemoveFolder(RepoPath),
    /// Removes a file, or a folder with all that is in it.
    Remove(RepoPath),
}

/// Why a tree could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// What should be removed is not there.
    #[error("`{0}` does not exist")]
    Missing(RepoPath),
    /// A file would replace a folder, which has to be removed first.
    #[error("`{0}` is a folder, so it cannot become a file")]
    IsAFolder(RepoPath),
    /// A part of the path is a file, which has to be removed first.
    #[error("a part of `{0}` is a file, so it cannot become a folder")]
    NotAFolder(RepoPath),
    /// The tree could not be read or written.
    #[error(transparent)]
    Source(#[from] Error),
}

/// Applies `edits` one after another to the tree `root` (`None`: empty), writes the trees that changed to `out` and returns
/// the new root.
///
/// Folders that become empty vanish. Only folders on the way to a change are read, once each.
pub async fn edit_tree(
    objects: &impl Objects,
    root: Option<Oid>,
    edits: Vec<Edit>,
    out: &mut SegmentWriter,
) -> Result<Oid, EditError> {
    let mut root = match root {
        Some(oid) => Folder::Stored(oid),
        None => Folder::Open(BTreeMap::new()),
    };
    for edit in edits {
        match edit {
            Edit::Upsert { path, mode, oid } => {
                let (children, name) = open_parent(objects, out, &mut root, &path, true).await?;
                match children.entry(name) {
                    Entry::Occupied(slot) if matches!(slot.get(), Node::Folder(folder) if !folder.empty()) => {
                        return Err(EditError::IsAFolder(path));
                    }
                    Entry::Occupied(mut slot) => {
                        slot.insert(Node::Leaf(mode, oid));
                    }
                    Entry::Vacant(slot) => {
                        slot.insert(Node::Leaf(mode, oid));
                    }
                }
            }
            Edit::RemoveFile(path) => remove(objects, out, &mut root, path, Node::is_leaf).await?,
            Edit::RemoveFolder(path) => remove(objects, out, &mut root, path, |node| !node.is_leaf()).await?,
            Edit::Remove(path) => remove(objects, out, &mut root, path, |_| true).await?,
        }
    }
    match root.write(out)? {
        Some(oid) => Ok(oid),
        None => Ok(out.add(ObjectKind::Tree, &[])?),
    }
}

enum Node {
    Leaf(Mode, Oid),
    Folder(Folder),
}

enum Folder {
    /// As it was.
    Stored(Oid),
    /// Read, and perhaps changed. May have become empty, which counts as absent.
    Open(BTreeMap<String, Node>),
}

impl Node {
    fn is_leaf(&self) -> bool {
        matches!(self, Self::Leaf(..))
    }

    fn empty(&self) -> bool {
        matches!(self, Self::Folder(folder) if folder.empty())
    }
}

impl Folder {
    /// Reports whether there is no file anywhere below; git has no empty folders, so a stored one is never empty.
    fn empty(&self) -> bool {
        match self {
            Self::Stored(_) => false,
            Self::Open(children) => children.values().all(Node::empty),
        }
    }

    async fn open(
        &mut self,
        objects: &impl Objects,
        out: &SegmentWriter,
    ) -> Result<&mut BTreeMap<String, Node>, Error> {
        if let Self::Stored(oid) = *self {
            // An earlier edit of the same commit may have written it.
            let tree = match out.read(&oid) {
                Some(object) => Tree::parse(&object.data)?,
                None => read_tree(objects, oid).await?,
            };
            let count = tree.entries().len();
            let children: BTreeMap<_, _> =
                tree.into_entries().into_iter().map(|entry| (entry.name.clone(), node(entry))).collect();
            if children.len() != count {
                return Err(Error::malformed("tree", "a file and a folder have the same name"));
            }
            *self = Self::Open(children);
        }
        let Self::Open(children) = self else { unreachable!("it was opened above") };
        Ok(children)
    }

    /// Writes this folder and those below; the depth is that of the edited paths. `None` if it is empty.
    fn write(self, out: &mut SegmentWriter) -> Result<Option<Oid>, Error> {
        let children = match self {
            Self::Stored(oid) => return Ok(Some(oid)),
            Self::Open(children) => children,
        };
        let mut entries = Vec::with_capacity(children.len());
        for (name, node) in children {
            match node {
                Node::Leaf(mode, oid) => entries.push(TreeEntry { name, mode, oid }),
                Node::Folder(folder) => {
                    if let Some(oid) = folder.write(out)? {
                        entries.push(TreeEntry { name, mode: Mode::Folder, oid });
                    }
                }
            }
        }
        if entries.is_empty() {
            return Ok(None);
        }
        Ok(Some(out.add(ObjectKind::Tree, &Tree::new(entries).encode())?))
    }
}

fn node(entry: TreeEntry) -> Node {
    match entry.mode {
        Mode::Folder => Node::Folder(Folder::Stored(entry.oid)),
        mode => Node::Leaf(mode, entry.oid),
    }
}

/// Opens the folder that holds `path` and returns it with the last segment.
async fn open_parent<'a>(
    objects: &impl Objects,
    out: &SegmentWriter,
    root: &'a mut Folder,
    path: &RepoPath,
    make: bool,
) -> Result<(&'a mut BTreeMap<String, Node>, String), EditError> {
    let mut folder = root;
    let mut segments = path.segments().peekable();
    loop {
        let segment = segments.next().expect("a path has at least one segment").to_owned();
        let children = folder.open(objects, out).await?;
        if segments.peek().is_none() {
            return Ok((children, segment));
        }
        let node = match children.entry(segment) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) if make => slot.insert(Node::Folder(Folder::Open(BTreeMap::new()))),
            Entry::Vacant(_) => return Err(EditError::Missing(path.clone())),
        };
        folder = match node {
            Node::Folder(folder) => folder,
            Node::Leaf(..) if make => return Err(EditError::NotAFolder(path.clone())),
            Node::Leaf(..) => return Err(EditError::Missing(path.clone())),
        };
    }
}

async fn remove(
    objects: &impl Objects,
    out: &SegmentWriter,
    root: &mut Folder,
    path: RepoPath,
    wanted: impl Fn(&Node) -> bool,
) -> Result<(), EditError> {
    let (children, name) = open_parent(objects, out, root, &path, false).await?;
    match children.entry(name) {
        Entry::Occupied(slot) if wanted(slot.get()) && !slot.get().empty() => {
            slot.remove();
            Ok(())
        }
        _ => Err(EditError::Missing(path)),
    }
}

#[cfg(test)]
mod tests;
