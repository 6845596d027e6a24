//! Paths inside a repository.

use std::fmt;

use crate::Invalid;
use crate::limits::{MAX_PATH_BYTES, MAX_PATH_DEPTH, MAX_PATH_SEGMENT_BYTES};

/// A file or folder inside a repo: relative, `/`-separated, without `.` and `..` segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(String);

impl RepoPath {
    /// Parses a path that may name an existing entry; a trailing slash, as clients send for folders, is dropped.
    pub fn parse(path: &str) -> Result<Self, Invalid> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let fail = |rule| Err(Invalid::new("path", path, rule));
        if path.is_empty() || path.len() > MAX_PATH_BYTES {
            return fail("it must have 1 to 1024 bytes");
        }
        if path.chars().any(char::is_control) {
            return fail("control characters are not allowed");
        }
        // Windows clients would resolve this one outside of their download folder.
        if path.starts_with("..\\") {
            return fail("it must not lead out of the repo");
        }
        let mut depth = 0;
        for segment in path.split('/') {
            depth += 1;
            match segment {
                "" => return fail("empty segments are not allowed"),
                "." | ".." => return fail("`.` and `..` segments are not allowed"),
                _ if segment.len() > MAX_PATH_SEGMENT_BYTES => {
                    return fail("a segment may have at most 255 bytes");
                }
                _ if dot_git(segment) => return fail("`.git` segments are not allowed"),
                _ => {}
            }
        }
        if depth > MAX_PATH_DEPTH {
            return fail("it is nested too deeply");
        }
        Ok(Self(path.to_owned()))
    }

    /// Returns the whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns the segments from the root down.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reports whether some file system would open this segment as `.git`: case, NTFS and HFS+ variants as git refuses them.
fn dot_git(segment: &str) -> bool {
    let visible: String =
        segment.chars().filter(|c| !ignored_by_hfs(*c)).collect::<String>().to_ascii_lowercase();
    let stem = visible.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    stem == ".git" || stem == "git~1"
}

fn ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}
