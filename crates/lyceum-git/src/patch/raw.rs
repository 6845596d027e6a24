//! Changes of files named one to a line, for programs.

use lyceum_core::Oid;

use super::{Content, binary, quoted};
use crate::{Change, Mode, Pointer};

/// Writes the raw format of `git diff-tree`, each line after `T` or `B` and the size of the file after the change, as
/// the Hub answers to comparisons.
#[derive(Debug, Default)]
pub struct RawWriter {
    text: String,
}

impl RawWriter {
    /// Adds a file with its content after the change, and its size in git.
    pub fn add(&mut self, change: &Change, new: &Content, size: u64) {
        let (kind, size) = match new {
            Content::Known(bytes) => match Pointer::parse(bytes) {
                Some(pointer) => ('B', pointer.size),
                None if binary(bytes) => ('B', size),
                None => ('T', size),
            },
            Content::TooLarge => ('B', size),
        };
        let status = match (change.old, change.new) {
            (None, _) => 'A',
            (_, None) => 'D',
            (Some((old, _)), Some((new, _))) if type_of(old) != type_of(new) => 'T',
            _ => 'M',
        };
        let mode =
            |side: Option<(Mode, Oid)>| side.map_or("000000".to_owned(), |(mode, _)| format!("{mode:0>6}"));
        let id = |side: Option<(Mode, Oid)>| side.map_or(Oid::ZERO, |(_, oid)| oid);
        let (old, new) = (change.old, change.new);
        let line = format!(
            "{kind} {size}\t:{} {} {}... {}... {status}\t{}\n",
            mode(old),
            mode(new),
            id(old),
            id(new),
            quoted("", &change.path),
        );
        self.text.push_str(&line);
    }

    /// Returns the lines.
    pub fn finish(self) -> String {
        self.text
    }
}

/// What a mode is a mode of: a file, a link or another repo.
fn type_of(mode: Mode) -> u8 {
    match mode {
        Mode::Symlink => 1,
        Mode::Submodule => 2,
        _ => 0,
    }
}
