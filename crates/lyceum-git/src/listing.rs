//! Looking up and listing the files of a commit.

use lyceum_core::{Oid, RepoPath};

use crate::limits::MAX_TREE_DEPTH;
use crate::tree::git_order;
use crate::{Error, Mode, Objects, Result, Tree, TreeEntry, read_tree};

/// One file or folder of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The path from the repo's root.
    pub path: String,
    /// What it is.
    pub mode: Mode,
    /// Its blob or tree.
    pub oid: Oid,
}

/// Returns the entry at a path.
pub async fn find(objects: &impl Objects, root: Oid, path: &RepoPath) -> Result<Option<TreeEntry>> {
    let mut entry = TreeEntry { name: String::new(), mode: Mode::Folder, oid: root };
    for segment in path.segments() {
        if entry.mode != Mode::Folder {
            return Ok(None);
        }
        match read_tree(objects, entry.oid).await?.find(segment) {
            Some(found) => entry = found.clone(),
            None => return Ok(None),
        }
    }
    Ok(Some(entry))
}

/// Lists a folder in git's order, folders before their contents; `None` if there is no such folder.
///
/// `after` is the last path of the previous page. The listing resumes behind it without reading the folders before it,
/// even if that path is no longer there.
pub async fn list(
    objects: &impl Objects,
    root: Oid,
    folder: Option<&RepoPath>,
    recursive: bool,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<Vec<Listed>>> {
    let mut walk = Walk { objects, open: Vec::new() };
    let (start, prefix) = match folder {
        None => (root, String::new()),
        Some(path) => match find(objects, root, path).await? {
            Some(entry) if entry.mode == Mode::Folder => (entry.oid, format!("{path}/")),
            _ => return Ok(None),
        },
    };
    let cursor = after.and_then(|after| after.strip_prefix(prefix.as_str()));
    walk.enter(start, prefix).await?;
    if let Some(cursor) = cursor {
        walk.skip(cursor, recursive).await?;
    }
    Ok(Some(walk.page(recursive, limit).await?))
}

/// All of a tree as [`list`] lists it, page by page. No tree is read twice.
pub struct Listing<'a, O>(Walk<'a, O>);

impl<'a, O: Objects> Listing<'a, O> {
    /// Starts with the first entry.
    pub async fn new(objects: &'a O, root: Oid) -> Result<Self> {
        let mut walk = Walk { objects, open: Vec::new() };
        walk.enter(root, String::new()).await?;
        Ok(Self(walk))
    }

    /// Returns the next entries, fewer than `limit` at the end.
    pub async fn page(&mut self, limit: usize) -> Result<Vec<Listed>> {
        self.0.page(true, limit).await
    }
}

/// A depth-first walk; only the folders on the way to the current entry are open.
struct Walk<'a, O> {
    objects: &'a O,
    open: Vec<OpenFolder>,
}

struct OpenFolder {
    /// The folder's path with a final slash, or nothing for the root.
    prefix: String,
    tree: Tree,
    next: usize,
}

impl<O: Objects> Walk<'_, O> {
    async fn enter(&mut self, oid: Oid, prefix: String) -> Result<()> {
        if self.open.len() == MAX_TREE_DEPTH {
            return Err(Error::too_large(format!("folders are nested more than {MAX_TREE_DEPTH} deep")));
        }
        let tree = read_tree(self.objects, oid).await?;
        self.open.push(OpenFolder { prefix, tree, next: 0 });
        Ok(())
    }

    async fn page(&mut self, recursive: bool, limit: usize) -> Result<Vec<Listed>> {
        let mut listed = Vec::new();
        while listed.len() < limit {
            let Some(entry) = self.next() else {
                break;
            };
            if recursive && entry.mode == Mode::Folder {
                self.enter(entry.oid, format!("{}/", entry.path)).await?;
            }
            listed.push(entry);
        }
        Ok(listed)
    }

    fn next(&mut self) -> Option<Listed> {
        loop {
            let folder = self.open.last_mut()?;
            if let Some(entry) = folder.tree.entries().get(folder.next) {
                folder.next += 1;
                let path = format!("{}{}", folder.prefix, entry.name);
                return Some(Listed { path, mode: entry.mode, oid: entry.oid });
            }
            self.open.pop();
        }
    }

    /// Moves behind `cursor`, a path relative to the folder entered last.
    async fn skip(&mut self, cursor: &str, recursive: bool) -> Result<()> {
        let mut segments = cursor.split('/').peekable();
        while let Some(segment) = segments.next() {
            let Some(folder) = self.open.last_mut() else {
                return Ok(());
            };
            let entries = folder.tree.entries();
            let last = segments.peek().is_none();
            let found = folder.tree.find(segment).filter(|entry| last || entry.mode == Mode::Folder);
            let mode = match found {
                Some(entry) => entry.mode,
                None if last => Mode::File,
                None => Mode::Folder,
            };
            folder.next = entries
                .partition_point(|entry| git_order((&entry.name, entry.mode), (segment, mode)).is_le());
            match found {
                Some(entry) if recursive && entry.mode == Mode::Folder => {
                    let (oid, prefix) = (entry.oid, format!("{}{}/", folder.prefix, entry.name));
                    self.enter(oid, prefix).await?;
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
