//! `.gitignore`.

use crate::glob::Pattern;
use crate::limits::{MAX_RULES, MAX_RULES_BYTES};

/// The rules of one `.gitignore` at the root of a repo.
#[derive(Debug, Default)]
pub struct Ignore(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    negated: bool,
}

impl Ignore {
    /// Parses the file; every text is one. What lies beyond [`MAX_RULES`] and [`MAX_RULES_BYTES`] is ignored.
    pub fn parse(data: &[u8]) -> Self {
        let data = &data[..data.len().min(MAX_RULES_BYTES)];
        let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
        Self(data.split(|byte| *byte == b'\n').filter_map(Rule::parse).take(MAX_RULES).collect())
    }

    /// Reports whether a path is ignored, itself or because a folder above it is.
    pub fn ignored(&self, path: &str, folder: bool) -> bool {
        let above = path.match_indices('/').map(|(at, _)| (&path[..at], true));
        above.chain([(path, folder)]).any(|(path, folder)| {
            let last = self.0.iter().rev().find(|rule| rule.pattern.matches(path, folder));
            last.is_some_and(|rule| !rule.negated)
        })
    }
}

impl Rule {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = trim_trailing_spaces(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() || line.starts_with(b"#") {
            return None;
        }
        let (pattern, negated) = match line.strip_prefix(b"!") {
            Some(pattern) => (pattern, true),
            None => (line, false),
        };
        Some(Self { pattern: Pattern::parse(pattern), negated })
    }
}

/// Drops spaces at the end, except those behind a backslash.
fn trim_trailing_spaces(line: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut escaped = false;
    for (at, byte) in line.iter().enumerate() {
        if escaped || *byte != b' ' {
            end = at + 1;
        }
        escaped = !escaped && *byte == b'\\';
    }
    &line[..end]
}

#[cfg(test)]
mod tests;
