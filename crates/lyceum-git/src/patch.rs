//! Changes of files as text that people read and `git apply` takes.

use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;
use lyceum_core::Oid;

use crate::{Change, Mode};

mod lines;
mod raw;

pub use raw::RawWriter;

/// Lines shown around a change.
const CONTEXT: usize = 3;
/// Bytes in which a zero makes a file binary, as git decides it.
const BINARY_PROBE_BYTES: usize = 8000;
/// Steps of line comparison in one patch; files compared after that are shown as replaced whole.
const MAX_STEPS: usize = 50_000_000;

/// What one side of a change holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Its bytes; nothing for a side that does not exist.
    Known(Bytes),
    /// More than is shown.
    TooLarge,
}

/// Writes a patch of several files.
#[derive(Debug)]
pub struct PatchWriter {
    text: String,
    max_bytes: usize,
    steps: usize,
}

/// One side of a change.
struct Side<'a> {
    at: Option<(Mode, Oid)>,
    content: &'a Content,
}

impl PatchWriter {
    /// Starts a patch; when it has grown over `max_bytes`, further files are named without their lines.
    pub fn new(max_bytes: usize) -> Self {
        Self { text: String::new(), max_bytes, steps: MAX_STEPS }
    }

    /// Adds a file. Text that is not UTF-8 is shown with replacement characters.
    pub fn add(&mut self, change: &Change, old: &Content, new: &Content) {
        let (before, after) = (Side { at: change.old, content: old }, Side { at: change.new, content: new });
        let nothing = Content::Known(Bytes::new());
        let kind =
            |side: &Side<'_>| side.at.map(|(mode, _)| (mode == Mode::Symlink, mode == Mode::Submodule));
        if change.old.is_some() && change.new.is_some() && kind(&before) != kind(&after) {
            // Git tells a file that became a link, or the reverse, as removed and added.
            self.file(&change.path, &before, &Side { at: None, content: &nothing });
            self.file(&change.path, &Side { at: None, content: &nothing }, &after);
        } else {
            self.file(&change.path, &before, &after);
        }
    }

    /// Adds a line that is no part of any file.
    pub fn note(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Returns the patch.
    pub fn finish(self) -> String {
        self.text
    }

    fn file(&mut self, path: &str, old: &Side<'_>, new: &Side<'_>) {
        let (a, b) = (quoted("a/", path), quoted("b/", path));
        self.note(&format!("diff --git {a} {b}"));
        match (old.at, new.at) {
            (None, Some((mode, _))) => self.note(&format!("new file mode {mode:0>6}")),
            (Some((mode, _)), None) => self.note(&format!("deleted file mode {mode:0>6}")),
            (Some((was, _)), Some((is, _))) if was != is => {
                self.note(&format!("old mode {was:0>6}\nnew mode {is:0>6}"));
            }
            _ => {}
        }
        let id = |side: &Side<'_>| side.at.map_or(Oid::ZERO, |(_, oid)| oid);
        if id(old) == id(new) {
            return;
        }
        let same_mode = match (old.at, new.at) {
            (Some((was, _)), Some((is, _))) if was == is => format!(" {is:0>6}"),
            _ => String::new(),
        };
        self.note(&format!("index {}..{}{same_mode}", id(old), id(new)));
        let name = |side: &Side<'_>, name: &str| match side.at {
            None => "/dev/null".to_owned(),
            // Other tools take the name up to the tab.
            Some(_) if name.contains(' ') => format!("{name}\t"),
            Some(_) => name.to_owned(),
        };
        let (old_name, new_name) = (name(old, &a), name(new, &b));
        let what = match (text(old), text(new)) {
            (Text::Known(was), Text::Known(is))
                if self.text.len() + was.len() + is.len() <= self.max_bytes =>
            {
                if !(was.is_empty() && is.is_empty()) {
                    self.note(&format!("--- {old_name}\n+++ {new_name}"));
                    self.hunks(&was, &is);
                }
                return;
            }
            (Text::Binary, _) | (_, Text::Binary) => "Binary",
            _ => "Large",
        };
        self.note(&format!("{what} files {} and {} differ", old_name.trim_end(), new_name.trim_end()));
    }

    fn hunks(&mut self, old: &[u8], new: &[u8]) {
        let (old, new) = (lines::split(old), lines::split(new));
        let edits = lines::compare(&old, &new, &mut self.steps);
        for group in groups(&edits) {
            let (first, last) = (&edits[group.start], &edits[group.end - 1]);
            let before = first.old.start.min(CONTEXT);
            let after = (old.len() - last.old.end).min(CONTEXT);
            let old_range = first.old.start - before..last.old.end + after;
            let new_range = first.new.start - before..last.new.end + after;
            let header = format!("@@ -{} +{} @@", span(&old_range), span(&new_range));
            self.note(&header);
            let mut at = old_range.start;
            for edit in &edits[group] {
                old[at..edit.old.start].iter().for_each(|line| self.line(' ', line));
                old[edit.old.clone()].iter().for_each(|line| self.line('-', line));
                new[edit.new.clone()].iter().for_each(|line| self.line('+', line));
                at = edit.old.end;
            }
            old[at..old_range.end].iter().for_each(|line| self.line(' ', line));
        }
    }

    fn line(&mut self, sign: char, line: &[u8]) {
        self.text.push(sign);
        self.text.push_str(&String::from_utf8_lossy(line));
        if !line.ends_with(b"\n") {
            self.text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// What can be shown of a side.
enum Text {
    Known(Bytes),
    Binary,
    TooLarge,
}

fn text(side: &Side<'_>) -> Text {
    match (side.at, side.content) {
        (None, _) => Text::Known(Bytes::new()),
        (Some((Mode::Submodule, oid)), _) => Text::Known(Bytes::from(format!("Subproject commit {oid}\n"))),
        (Some(_), Content::TooLarge) => Text::TooLarge,
        (Some(_), Content::Known(bytes)) if binary(bytes) => Text::Binary,
        (Some(_), Content::Known(bytes)) => Text::Known(bytes.clone()),
    }
}

fn binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_PROBE_BYTES)].contains(&0)
}

/// Joins edits whose context would touch.
fn groups(edits: &[lines::LineEdit]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (index, edit) in edits.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if edit.old.start - edits[group.end - 1].old.end <= 2 * CONTEXT => {
                group.end = index + 1;
            }
            _ => groups.push(index..index + 1),
        }
    }
    groups
}

/// Writes lines as a hunk's header counts them: from one, and from the line before if there are none.
fn span(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        length => format!("{},{length}", range.start + 1),
    }
}

/// Writes a path as git does: in quotes if it has characters that would be misread.
fn quoted(prefix: &str, path: &str) -> String {
    if !path.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')) {
        return format!("{prefix}{path}");
    }
    let mut text = format!("\"{prefix}");
    for c in path.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if c.is_control() => {
                for byte in c.to_string().bytes() {
                    write!(text, "\\{byte:03o}").expect("writing to a string");
                }
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests;
