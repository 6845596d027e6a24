//! A patch as a page shows it: file by file, each line with its numbers.
//!
//! The patch is the hub's own; what stands in its lines is anybody's. How many lines a part has is read from its head, so
//! that no line can pretend to be the head of another.

use crate::link::RepoLink;

/// Lines of all files together that are shown; what comes after is only counted.
const MAX_LINES: usize = 6000;
/// Files that are named.
const MAX_FILES: usize = 1000;
/// Changed lines of one file from which on it is folded away.
const FOLDED_LINES: usize = 400;

/// What differs.
#[derive(Debug, Default)]
pub(crate) struct Diff {
    pub(crate) files: Vec<FileDiff>,
    pub(crate) added: usize,
    pub(crate) removed: usize,
    /// How many files there are, if not all of them are named.
    pub(crate) unnamed: usize,
    /// Words of the hub about what is left out.
    pub(crate) note: Option<String>,
}

/// One file that differs.
#[derive(Debug, Default)]
pub(crate) struct FileDiff {
    pub(crate) path: String,
    /// `new`, `deleted`, or nothing.
    pub(crate) state: &'static str,
    pub(crate) added: usize,
    pub(crate) removed: usize,
    pub(crate) lines: Vec<Line>,
    /// Why there are no lines, or not all.
    pub(crate) note: Option<String>,
}

/// What a line of a diff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Hunk,
    Same,
    Added,
    Removed,
}

/// A line of a diff.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) sign: Sign,
    pub(crate) old: Option<u32>,
    pub(crate) new: Option<u32>,
    pub(crate) text: String,
}

/// Two sides of a line, where what was removed stands beside what was added.
pub(crate) enum Pair<'a> {
    Hunk(&'a Line),
    Sides(Option<&'a Line>, Option<&'a Line>),
}

impl Diff {
    /// Reads a patch.
    pub(crate) fn parse(patch: &str) -> Self {
        let mut diff = Self::default();
        let (mut shown, mut count) = (0, Count::default());
        for text in patch.lines() {
            if !count.done()
                && let Some(file) = diff.files.last_mut()
            {
                let line = count.take(text);
                match line.sign {
                    Sign::Added => file.added += 1,
                    Sign::Removed => file.removed += 1,
                    Sign::Same | Sign::Hunk => {}
                }
                file.keep(line, &mut shown);
                continue;
            }
            if let Some(names) = text.strip_prefix("diff --git ") {
                if diff.files.len() < MAX_FILES {
                    diff.files.push(FileDiff { path: path(names), ..FileDiff::default() });
                } else {
                    diff.unnamed += 1;
                    count = Count::default();
                }
                continue;
            }
            let Some(file) = diff.files.last_mut() else {
                diff.note = Some(text.to_owned());
                continue;
            };
            if diff.unnamed > 0 {
                continue;
            }
            if let Some(begun) = Count::of(text) {
                count = begun;
                let text = text.to_owned();
                file.keep(Line { sign: Sign::Hunk, old: None, new: None, text }, &mut shown);
            } else if text.starts_with("new file mode") {
                file.state = "new";
            } else if text.starts_with("deleted file mode") {
                file.state = "deleted";
            } else if text.starts_with("Binary files ") {
                file.note = Some("It is not text.".to_owned());
            } else if text.starts_with("Large files ") {
                file.note = Some("It is too large to be compared here.".to_owned());
            } else if text.starts_with("old mode ") {
                file.note = Some("Its mode is another one.".to_owned());
            } else if text.starts_with("More than ") {
                diff.note = Some(text.to_owned());
            }
        }
        diff.added = diff.files.iter().map(|file| file.added).sum();
        diff.removed = diff.files.iter().map(|file| file.removed).sum();
        diff
    }
}

impl FileDiff {
    fn keep(&mut self, line: Line, shown: &mut usize) {
        if *shown < MAX_LINES {
            *shown += 1;
            self.lines.push(line);
        } else if self.note.is_none() {
            self.note = Some("The rest is not shown: too much differs.".to_owned());
        }
    }

    /// Reports whether the lines are shown at once.
    pub(crate) fn open(&self) -> bool {
        self.added + self.removed <= FOLDED_LINES
    }

    /// Returns where the file is at a revision; nothing where it is gone.
    pub(crate) fn link(&self, repo: &RepoLink, revision: &str) -> Option<String> {
        (self.state != "deleted").then(|| repo.blob(revision, &self.path))
    }

    /// Returns the lines side by side.
    pub(crate) fn pairs(&self) -> Vec<Pair<'_>> {
        let mut pairs = Vec::new();
        let mut rest = self.lines.as_slice();
        while let Some(first) = rest.first() {
            match first.sign {
                Sign::Hunk => pairs.push(Pair::Hunk(first)),
                Sign::Same => pairs.push(Pair::Sides(Some(first), Some(first))),
                Sign::Removed | Sign::Added => {
                    let (removed, after) = run(rest, Sign::Removed);
                    let (added, after) = run(after, Sign::Added);
                    for index in 0..removed.len().max(added.len()) {
                        pairs.push(Pair::Sides(removed.get(index), added.get(index)));
                    }
                    rest = after;
                    continue;
                }
            }
            rest = &rest[1..];
        }
        pairs
    }
}

impl Line {
    /// Returns the class of its cells.
    pub(crate) fn class(&self) -> &'static str {
        match self.sign {
            Sign::Added => "add",
            Sign::Removed => "del",
            Sign::Same | Sign::Hunk => "",
        }
    }

    /// Returns the sign before it, for who does not see colours.
    pub(crate) fn mark(&self) -> &'static str {
        match self.sign {
            Sign::Added => "+",
            Sign::Removed => "-",
            Sign::Same | Sign::Hunk => " ",
        }
    }
}

/// Splits off the lines of a sign.
fn run(lines: &[Line], sign: Sign) -> (&[Line], &[Line]) {
    lines.split_at(lines.iter().position(|line| line.sign != sign).unwrap_or(lines.len()))
}

/// The lines that are still to come of a part, and the number of the next on each side.
#[derive(Default)]
struct Count {
    old: u32,
    new: u32,
    old_left: u32,
    new_left: u32,
}

impl Count {
    /// Reads the head of a part: `@@ -1,2 +1,3 @@`.
    fn of(head: &str) -> Option<Self> {
        let (ranges, _) = head.strip_prefix("@@ -")?.split_once(" @@")?;
        let (old, new) = ranges.split_once(" +")?;
        let range = |text: &str| -> Option<(u32, u32)> {
            match text.split_once(',') {
                Some((start, length)) => Some((start.parse().ok()?, length.parse().ok()?)),
                None => Some((text.parse().ok()?, 1)),
            }
        };
        let ((old, old_left), (new, new_left)) = (range(old)?, range(new)?);
        Some(Self { old, new, old_left, new_left })
    }

    fn done(&self) -> bool {
        self.old_left == 0 && self.new_left == 0
    }

    fn take(&mut self, text: &str) -> Line {
        let sign = match text.as_bytes().first() {
            Some(b'+') => Sign::Added,
            Some(b'-') => Sign::Removed,
            // A remark that the last line has no end.
            Some(b'\\') => return Line { sign: Sign::Hunk, old: None, new: None, text: text.to_owned() },
            _ => Sign::Same,
        };
        let mut line =
            Line { sign, old: None, new: None, text: text.get(1..).unwrap_or_default().to_owned() };
        if sign != Sign::Added {
            line.old = Some(self.old);
            self.old = self.old.saturating_add(1);
            self.old_left = self.old_left.saturating_sub(1);
        }
        if sign != Sign::Removed {
            line.new = Some(self.new);
            self.new = self.new.saturating_add(1);
            self.new_left = self.new_left.saturating_sub(1);
        }
        line
    }
}

/// Returns the path that stands twice behind `diff --git`, as git quotes it.
fn path(names: &str) -> String {
    // Both have the same length, with a space between.
    let half = names.get(names.len() / 2 + 1..).unwrap_or_default();
    match half.strip_prefix("\"b/").and_then(|quoted| quoted.strip_suffix('"')) {
        Some(quoted) => unquoted(quoted),
        None => half.strip_prefix("b/").unwrap_or(half).to_owned(),
    }
}

fn unquoted(quoted: &str) -> String {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'r') => bytes.push(b'\r'),
            Some(high @ b'0'..=b'3') => {
                let digit = |byte: Option<u8>| byte.map_or(0, |byte| byte.wrapping_sub(b'0') & 7);
                let (middle, low) = (digit(rest.next()), digit(rest.next()));
                bytes.push(digit(Some(high)) << 6 | middle << 3 | low);
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
