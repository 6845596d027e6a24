//! Validated names and values, limits, clock and entropy.
//!
//! Everything that a client sends becomes one of these types at the edge, so that nothing below takes a raw `&str`
//! for a name. This crate does no I/O and knows no protocol.

pub mod limits;

mod account_name;
mod client_address;
mod clock;
mod cookie;
mod entropy;
mod hash;
mod path;
mod range;
mod repo_id;
mod revision;
mod size;
mod window;

pub use account_name::AccountName;
pub use client_address::ClientAddress;
pub use clock::{Clock, Timestamp};
pub use cookie::cookie;
pub use entropy::Entropy;
pub use hash::{Oid, ParseHashError, Sha256, XetHash};
pub use path::RepoPath;
pub use range::{ByteRange, RangeHeader};
pub use repo_id::{RepoId, RepoKind};
pub use revision::{RefName, Revision};
pub use size::parse_size;
pub use window::Window;

/// A name, path, revision or range that breaks its rules; the message names the rule and the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// Returns an error that quotes at most the first 120 characters of `value`.
    pub fn new(what: &str, value: &str, rule: &str) -> Self {
        let shown: String = value.chars().take(120).flat_map(char::escape_debug).collect();
        Self(format!("invalid {what} `{shown}`: {rule}"))
    }
}

#[cfg(test)]
mod tests;
