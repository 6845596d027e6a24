//! Revisions and reference names.

use std::fmt;

use crate::Invalid;
use crate::limits::MAX_REF_BYTES;

/// What a client names a version by: a branch, a tag, a full reference, or a whole or shortened commit id.
///
/// Only the form is checked here; what it points to is looked up in the repo, branches before tags before ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(String);

impl Revision {
    /// Parses a revision.
    pub fn parse(revision: &str) -> Result<Self, Invalid> {
        check_ref("revision", revision)?;
        Ok(Self(revision.to_owned()))
    }

    /// Returns the default revision, `main`.
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// Returns the revision as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the lower-case prefix of a commit id if this can be one: 4 to 40 hexadecimal digits.
    pub fn oid_prefix(&self) -> Option<String> {
        let hex = (4..=40).contains(&self.0.len()) && self.0.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| self.0.to_ascii_lowercase())
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A full reference name: `refs/heads/…`, `refs/tags/…`, `refs/pr/N` or `refs/convert/…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefName(String);

impl RefName {
    /// Parses a full reference name.
    pub fn parse(name: &str) -> Result<Self, Invalid> {
        check_ref("reference", name)?;
        let known = ["refs/heads/", "refs/tags/", "refs/pr/", "refs/convert/"];
        if !known.iter().any(|prefix| name.len() > prefix.len() && name.starts_with(prefix)) {
            return Err(Invalid::new(
                "reference",
                name,
                "it must be a branch, tag, pull request or conversion",
            ));
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns the reference of a branch.
    pub fn branch(name: &str) -> Result<Self, Invalid> {
        Self::parse(&format!("refs/heads/{name}"))
    }

    /// Returns the reference of a tag.
    pub fn tag(name: &str) -> Result<Self, Invalid> {
        Self::parse(&format!("refs/tags/{name}"))
    }

    /// Returns the reference of a pull request.
    pub fn pull_request(number: i64) -> Self {
        Self(format!("refs/pr/{number}"))
    }

    /// Returns the number of the pull request that this is the reference of.
    pub fn pull_request_number(&self) -> Option<i64> {
        self.0.strip_prefix("refs/pr/")?.parse().ok()
    }

    /// Returns the full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name without `refs/heads/` and the like; pull requests and conversions keep theirs.
    pub fn short(&self) -> &str {
        self.0.strip_prefix("refs/heads/").or_else(|| self.0.strip_prefix("refs/tags/")).unwrap_or(&self.0)
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks the rules of `git check-ref-format`, without requiring a slash.
fn check_ref(what: &str, name: &str) -> Result<(), Invalid> {
    let fail = |rule| Err(Invalid::new(what, name, rule));
    if name.is_empty() || name.len() > MAX_REF_BYTES {
        return fail("it must have 1 to 255 bytes");
    }
    if name.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c)) {
        return fail("spaces, control characters and any of `~^:?*[\\` are not allowed");
    }
    if name.contains("..") || name.contains("@{") || name == "@" || name.ends_with('.') {
        return fail("`..`, `@{`, `@` alone and a final `.` are not allowed");
    }
    if name.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock")) {
        return fail("no part may be empty, start with `.` or end with `.lock`");
    }
    Ok(())
}
