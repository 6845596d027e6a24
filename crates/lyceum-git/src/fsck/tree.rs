//! Folders.

use std::collections::HashSet;

use lyceum_core::Oid;

use super::Refusal;
use super::blob::{Special, special};
use super::name::dot_git;
use crate::{Mode, Tree};

/// Longest name that git takes.
const MAX_NAME_BYTES: usize = 4096;

/// Checks a tree.
pub(super) fn check(data: &[u8]) -> Result<(), Refusal> {
    if data.first() == Some(&b'0') || zero_padded(data) {
        return Err(("zeroPaddedFilemode", "a mode starts with a zero".to_owned()));
    }
    let tree = Tree::parse(data).map_err(|error| ("badTree", error.to_string()))?;
    let mut folders = HashSet::new();
    for entry in tree.entries() {
        let shown = entry.name.escape_debug();
        let refuse = |id, words: &str| Err((id, format!("the entry `{shown}` {words}")));
        if entry.oid == Oid::ZERO {
            return refuse("nullSha1", "points to nothing");
        }
        if dot_git(&entry.name) {
            return refuse("hasDotgit", "would be git's own folder");
        }
        if entry.name.len() > MAX_NAME_BYTES {
            return refuse("largePathname", "has too long a name");
        }
        if special(&entry.name) == Some(Special::Modules) && entry.mode == Mode::Symlink {
            return refuse("gitmodulesSymlink", "is a symbolic link");
        }
        // Two of the same kind are out of order; a folder may stand further down than a file of its name.
        if entry.mode == Mode::Folder {
            folders.insert(entry.name.as_str());
        }
    }
    let twice =
        tree.entries().iter().find(|entry| entry.mode != Mode::Folder && folders.contains(&*entry.name));
    match twice {
        Some(entry) => {
            Err(("duplicateEntries", format!("`{}` is a file and a folder", entry.name.escape_debug())))
        }
        None => Ok(()),
    }
}

/// Reports whether the mode of an entry starts with a zero; malformed trees are found out by parsing them.
fn zero_padded(mut data: &[u8]) -> bool {
    while let Some(name_end) = data.iter().position(|byte| *byte == 0) {
        let Some(rest) = data.get(name_end + 1 + Oid::BYTES..) else {
            return false;
        };
        if rest.first() == Some(&b'0') {
            return true;
        }
        data = rest;
    }
    false
}
