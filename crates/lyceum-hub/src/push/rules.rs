//! Which files a push may bring: those that the API would take.

use std::fmt::Write as _;
use std::sync::Arc;

use lyceum_core::limits::{
    MAX_COMMIT_OPERATIONS, MAX_PATH_BYTES, MAX_PATH_DEPTH, MAX_REGULAR_FILE_BYTES, MAX_REVISION_FILES,
    MAX_REVISION_PATH_BYTES,
};
use lyceum_core::{Oid, RepoPath};
use lyceum_git::{Commit, Extent, Extents, Mode, NewEntry, Pointer, Rules, climb};

use crate::discussion::title_of;

/// Most files that a refusal names.
const MAX_NAMED: usize = 20;
/// Most commits that a pull request notes of one push; of more, the newest.
const MAX_NOTED_COMMITS: usize = 100;

/// What the files of a push are found to be.
#[derive(Debug, Default)]
pub struct PushRules {
    /// What is wrong, for the user.
    problems: Vec<String>,
    /// More of them, not kept.
    more: usize,
    too_large: bool,
    /// New pointers, with their paths.
    pub(super) pointers: Vec<(Pointer, String)>,
    /// New commits: when they were made, their ids and first lines.
    commits: Vec<(i64, Oid, String)>,
    extents: Arc<Extents>,
}

impl Rules for PushRules {
    fn entry(&mut self, entry: &NewEntry<'_>) {
        let path = entry.path;
        if let Err(error) = RepoPath::parse(path) {
            return self.add(error.to_string());
        }
        let shown = path.escape_debug();
        if entry.twin {
            self.add(format!("`{shown}` differs from another file only in upper and lower case"));
        }
        match entry.mode {
            Mode::Folder => {}
            Mode::Submodule => self.add(format!("`{shown}` is a submodule: the hub keeps files only")),
            Mode::Symlink => {
                if !entry.content.is_some_and(|target| stays_inside(path, target)) {
                    self.add(format!("`{shown}` is a symbolic link that leads out of the repo"));
                }
            }
            Mode::File | Mode::Executable => self.file(entry, &shown.to_string()),
        }
    }

    fn commit(&mut self, oid: Oid, commit: &Commit) {
        self.commits.push((commit.committer.seconds, oid, title_of(commit.summary())));
        if self.commits.len() >= 2 * MAX_NOTED_COMMITS {
            self.keep_newest();
        }
    }

    fn extents(&self) -> Option<Arc<Extents>> {
        Some(self.extents.clone())
    }

    fn extent(&mut self, commit: Oid, extent: &Extent) {
        let problem = if extent.files > MAX_REVISION_FILES {
            format!("more than {MAX_REVISION_FILES} files")
        } else if extent.path_bytes > MAX_REVISION_PATH_BYTES {
            format!("files whose paths have more than {MAX_REVISION_PATH_BYTES} bytes together")
        } else if extent.longest > MAX_PATH_BYTES as u64 {
            format!("a path of more than {MAX_PATH_BYTES} bytes")
        } else if extent.deepest > MAX_PATH_DEPTH as u64 {
            format!("folders that are nested more than {MAX_PATH_DEPTH} deep")
        } else if extent.upward > 0 {
            "a symbolic link that leads out of the repo from where it is now".to_owned()
        } else {
            return;
        };
        // What is wrong with a single file was said of that file.
        if self.problems.is_empty() {
            self.add(format!("commit {commit} has {problem}"));
        }
    }
}

impl PushRules {
    /// Returns rules that remember what folders hold from one push to the next.
    pub(super) fn new(extents: Arc<Extents>) -> Self {
        Self { extents, ..Self::default() }
    }

    /// Returns why the push is refused, line by line; nothing if it is not.
    pub(super) fn refusal(&self) -> Vec<String> {
        if self.problems.is_empty() {
            return Vec::new();
        }
        let mut lines = vec!["error: the hub does not take these files:".to_owned()];
        lines.extend(self.problems.iter().map(|problem| format!("  - {problem}")));
        if self.more > 0 {
            let mut line = String::new();
            write!(line, "  … and {} more", self.more).expect("strings can be written to");
            lines.push(line);
        }
        if self.too_large {
            lines.push(format!(
                "hint: files over {} MiB are kept with Git LFS: run `git lfs migrate import --everything --above={}MiB`",
                MAX_REGULAR_FILE_BYTES >> 20,
                MAX_REGULAR_FILE_BYTES >> 20
            ));
        }
        lines
    }

    /// Notes one more problem.
    pub(super) fn add(&mut self, problem: String) {
        if self.problems.len() < MAX_NAMED {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// Returns the newest of the new commits, oldest first.
    pub(super) fn take_commits(&mut self) -> Vec<(Oid, String)> {
        self.keep_newest();
        // The walk meets children before their parents, which may be equally old.
        let newest_first = std::mem::take(&mut self.commits);
        newest_first.into_iter().rev().map(|(_, oid, subject)| (oid, subject)).collect()
    }

    fn keep_newest(&mut self) {
        self.commits.sort_by_key(|(seconds, ..)| std::cmp::Reverse(*seconds));
        self.commits.truncate(MAX_NOTED_COMMITS);
    }

    fn file(&mut self, entry: &NewEntry<'_>, shown: &str) {
        if let Some(bytes) = entry.new_bytes.filter(|bytes| *bytes > MAX_REGULAR_FILE_BYTES) {
            self.too_large = true;
            self.add(format!("`{shown}` has {} MiB", bytes.div_ceil(1 << 20)));
        }
        if let Some(pointer) = entry.content.and_then(Pointer::parse) {
            if self.pointers.len() == MAX_COMMIT_OPERATIONS {
                self.add(format!("`{shown}`: more than {MAX_COMMIT_OPERATIONS} large files in one push"));
            } else {
                self.pointers.push((pointer, entry.path.to_owned()));
            }
        }
    }
}

/// Reports whether a symbolic link leads to a place of the repo that is not git's own.
fn stays_inside(path: &str, target: &[u8]) -> bool {
    let Ok(target) = std::str::from_utf8(target) else {
        return false;
    };
    if target.is_empty() || target.starts_with('/') || target.contains(['\\', '\0', ':']) {
        return false;
    }
    let usable = |part: &str| matches!(part, "" | "." | "..") || RepoPath::parse(part).is_ok();
    climb(target.as_bytes()) <= path.matches('/').count() as u64 && target.split('/').all(usable)
}

#[cfg(test)]
mod tests;
