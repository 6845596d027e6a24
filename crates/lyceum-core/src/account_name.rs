//! Names of users and organisations.

use std::fmt;

use crate::Invalid;
use crate::limits::MAX_NAME_CHARS;

/// First path segments that the hub itself answers under, so that no account may be called so.
const RESERVED: &[&str] = &[
    "admin",
    "api",
    "assets",
    "buckets",
    "collections",
    "datasets",
    "device",
    "docs",
    "healthz",
    "join",
    "kernels",
    "login",
    "logout",
    "me",
    "metrics",
    "models",
    "new",
    "oauth",
    "organizations",
    "papers",
    "readyz",
    "search",
    "settings",
    "spaces",
    "static",
    "uploads",
    "users",
    "v1",
    "v2",
    "xet",
];

/// The name of a user or organisation: 1 to 96 of `[A-Za-z0-9_.-]`, as the clients validate it.
///
/// Names keep the case they were given; two names are the same account when their [`key`](Self::key)s are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(String);

impl AccountName {
    /// Parses the name of an account that may already exist.
    pub fn parse(name: &str) -> Result<Self, Invalid> {
        check_segment("account name", name)?;
        Ok(Self(name.to_owned()))
    }

    /// Parses a name for a new account, which must also not shadow one of the hub's own addresses.
    pub fn parse_new(name: &str) -> Result<Self, Invalid> {
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Invalid::new("account name", name, "this name is reserved"));
        }
        Self::parse(name)
    }

    /// Returns the name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the case-folded name that decides identity.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks one half of a repo id by the rules of `huggingface_hub.utils.validate_repo_id`.
pub(crate) fn check_segment(what: &str, name: &str) -> Result<(), Invalid> {
    let fail = |rule| Err(Invalid::new(what, name, rule));
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.len() > MAX_NAME_CHARS {
        return fail("it must have 1 to 96 characters");
    }
    if !name.chars().all(|c| word(c) || c == '-' || c == '.') {
        return fail("only letters, digits, `-`, `_` and `.` are allowed");
    }
    if !name.starts_with(word) || !name.ends_with(word) {
        return fail("it must not start or end with `-` or `.`");
    }
    if name.contains("--") || name.contains("..") {
        return fail("`--` and `..` are not allowed");
    }
    if name.to_ascii_lowercase().ends_with(".git") {
        return fail("it must not end with `.git`");
    }
    Ok(())
}
