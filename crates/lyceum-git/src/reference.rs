//! References as git's protocol shows them.

use lyceum_core::Oid;

use crate::Result;

/// A reference and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The full name, such as `refs/heads/main`.
    pub name: String,
    /// What it points to; for an annotated tag, the tag object.
    pub target: Oid,
    /// What an annotated tag leads to in the end; `None` for everything else.
    pub peeled: Option<Oid>,
}

/// What `HEAD` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// The name of a branch, which need not exist yet.
    Symbolic(String),
    /// An object.
    Detached(Oid),
}

/// A place that references are read from.
pub trait References: Send + Sync {
    /// Returns what `HEAD` says; `None` if there is none, or if it cannot be told.
    fn head(&self) -> impl Future<Output = Result<Option<Head>>> + Send;

    /// Returns the references whose names start with one of `prefixes`, or all if there are none, sorted by name;
    /// without `HEAD`.
    fn references(&self, prefixes: &[String]) -> impl Future<Output = Result<Vec<Reference>>> + Send;

    /// Returns the commits whose parents are not there, if this is a shallow copy itself.
    fn shallow(&self) -> impl Future<Output = Result<Vec<Oid>>> + Send {
        async { Ok(Vec::new()) }
    }
}
