//! Folders as git stores them.

use std::cmp::Ordering;
use std::fmt;

use lyceum_core::Oid;

use crate::limits::MAX_TREE_ENTRIES;
use crate::object::read_kind;
use crate::{Error, ObjectKind, Objects, Result};

/// What a folder's entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link, whose blob holds the target.
    Symlink,
    /// A folder.
    Folder,
    /// A commit of another repository, which is not stored here.
    Submodule,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// The file or folder name.
    pub name: String,
    /// What the entry is.
    pub mode: Mode,
    /// Its blob or tree.
    pub oid: Oid,
}

/// The entries of a folder, in git's order: by bytes, as if folder names ended with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree(Vec<TreeEntry>);

/// Reads and parses a tree.
pub async fn read_tree(objects: &impl Objects, oid: Oid) -> Result<Tree> {
    Tree::parse(&read_kind(objects, oid, ObjectKind::Tree).await?.data)
}

impl Tree {
    /// Sorts the entries of a folder.
    pub fn new(mut entries: Vec<TreeEntry>) -> Self {
        entries.sort_unstable_by(|a, b| git_order((&a.name, a.mode), (&b.name, b.mode)));
        Self(entries)
    }

    /// Parses a tree object; names that could not be checked out, wrong order and unknown modes are errors.
    pub fn parse(mut data: &[u8]) -> Result<Self> {
        let fail = |problem: String| Err(Error::malformed("tree", problem));
        let mut entries: Vec<TreeEntry> = Vec::new();
        while !data.is_empty() {
            if entries.len() == MAX_TREE_ENTRIES {
                return Err(Error::too_large(format!("a folder has more than {MAX_TREE_ENTRIES} entries")));
            }
            let Some((mode, rest)) = split_at_byte(data, b' ') else {
                return fail("an entry has no mode".to_owned());
            };
            let Some((name, rest)) = split_at_byte(rest, 0) else {
                return fail("an entry has no name".to_owned());
            };
            let Some((oid, rest)) = rest.split_at_checked(Oid::BYTES) else {
                return fail("the last entry is cut off".to_owned());
            };
            let Some(mode) = Mode::parse(mode) else {
                return fail(format!("unknown mode `{}`", mode.escape_ascii()));
            };
            let name = match std::str::from_utf8(name) {
                Ok(name) if usable_name(name) => name.to_owned(),
                Ok(name) => return fail(format!("the name `{}` is not allowed", name.escape_debug())),
                Err(_) => return fail(format!("the name `{}` is not UTF-8", name.escape_ascii())),
            };
            if let Some(last) = entries.last()
                && git_order((&last.name, last.mode), (&name, mode)) != Ordering::Less
            {
                return fail(format!("the entry `{}` is out of order", name.escape_debug()));
            }
            let oid = Oid::from_slice(oid).expect("the slice has the length of an id");
            entries.push(TreeEntry { name, mode, oid });
            data = rest;
        }
        Ok(Self(entries))
    }

    /// Returns the tree object's content.
    pub fn encode(&self) -> Vec<u8> {
        let length = self.0.iter().map(|entry| entry.name.len() + 8 + Oid::BYTES).sum();
        let mut data = Vec::with_capacity(length);
        for entry in &self.0 {
            data.extend_from_slice(entry.mode.octal().as_bytes());
            data.push(b' ');
            data.extend_from_slice(entry.name.as_bytes());
            data.push(0);
            data.extend_from_slice(entry.oid.as_bytes());
        }
        data
    }

    /// Returns the entry of that name.
    pub fn find(&self, name: &str) -> Option<&TreeEntry> {
        [Mode::File, Mode::Folder].into_iter().find_map(|mode| {
            let at = self.0.binary_search_by(|entry| git_order((&entry.name, entry.mode), (name, mode)));
            at.ok().map(|index| &self.0[index])
        })
    }

    /// Returns the entries in git's order.
    pub fn entries(&self) -> &[TreeEntry] {
        &self.0
    }

    /// Returns the entries in git's order.
    pub fn into_entries(self) -> Vec<TreeEntry> {
        self.0
    }
}

impl Mode {
    /// Returns the digits that stand in a tree object.
    pub fn octal(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Folder => "40000",
            Self::Submodule => "160000",
        }
    }

    fn parse(octal: &[u8]) -> Option<Self> {
        match octal {
            // Very old versions of git recorded group write permission.
            b"100644" | b"100664" => Some(Self::File),
            b"100755" => Some(Self::Executable),
            b"120000" => Some(Self::Symlink),
            // Some other implementations pad with a zero, which git reads as well.
            b"40000" | b"040000" => Some(Self::Folder),
            b"160000" => Some(Self::Submodule),
            _ => None,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.octal())
    }
}

/// Compares two entries as git sorts them.
pub(crate) fn git_order((a, a_mode): (&str, Mode), (b, b_mode): (&str, Mode)) -> Ordering {
    let common = a.len().min(b.len());
    let end = |name: &str, mode| match name.as_bytes().get(common) {
        Some(byte) => *byte,
        None if mode == Mode::Folder => b'/',
        None => 0,
    };
    a.as_bytes()[..common]
        .cmp(&b.as_bytes()[..common])
        .then_with(|| end(a, a_mode).cmp(&end(b, b_mode)))
        .then_with(
            // Equal up to here: `a/` (a folder) against `a/…` cannot be, as names hold no slash.
            || a.len().cmp(&b.len()),
        )
}

/// Refuses names that would escape or corrupt a checkout, as `git fsck --strict` does.
fn usable_name(name: &str) -> bool {
    !(name.is_empty()
        || name == "."
        || name == ".."
        || name.contains('/')
        || name.eq_ignore_ascii_case(".git"))
}

fn split_at_byte(data: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = data.iter().position(|b| *b == byte)?;
    Some((&data[..at], &data[at + 1..]))
}

#[cfg(test)]
mod tests;
