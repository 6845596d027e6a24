//! The identity of a repository.

use std::fmt;

use crate::Invalid;
use crate::account_name::{AccountName, check_segment};

/// What a repository holds, which decides the addresses it answers under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RepoKind {
    /// Weights, configuration, tokenizer.
    Model,
    /// Data files.
    Dataset,
    /// An application.
    Space,
    /// Compute kernels.
    Kernel,
    /// A set of files without history.
    Bucket,
}

impl RepoKind {
    /// Every kind with a git history, in the order of the API. A bucket has none, and addresses of its own.
    pub const ALL: [Self; 4] = [Self::Model, Self::Dataset, Self::Space, Self::Kernel];

    /// Returns the word used in request bodies: `model`, `dataset`, `space`, `kernel` or `bucket`.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
            Self::Space => "space",
            Self::Kernel => "kernel",
            Self::Bucket => "bucket",
        }
    }

    /// Returns the word used in API addresses: `models`, `datasets`, `spaces`, `kernels` or `buckets`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
            Self::Space => "spaces",
            Self::Kernel => "kernels",
            Self::Bucket => "buckets",
        }
    }

    /// Returns what stands before the id in page, git and resolve addresses: empty for models, else `datasets/` and so on.
    pub fn url_prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
            Self::Space => "spaces/",
            Self::Kernel => "kernels/",
            Self::Bucket => "buckets/",
        }
    }

    /// Parses either word; `None` for anything else.
    pub fn parse(word: &str) -> Option<Self> {
        let mut kinds = Self::ALL.into_iter().chain([Self::Bucket]);
        kinds.find(|kind| kind.singular() == word || kind.plural() == word)
    }
}

impl fmt::Display for RepoKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.singular())
    }
}

/// `namespace/name` of a repository; case is kept but does not decide identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoId {
    namespace: AccountName,
    name: String,
}

impl RepoId {
    /// Parses `namespace/name`.
    pub fn parse(id: &str) -> Result<Self, Invalid> {
        let Some((namespace, name)) = id.split_once('/') else {
            return Err(Invalid::new("repo id", id, "it must have the form `namespace/name`"));
        };
        Self::new(AccountName::parse(namespace)?, name)
    }

    /// Joins a namespace and a repo name.
    pub fn new(namespace: AccountName, name: &str) -> Result<Self, Invalid> {
        check_segment("repo name", name)?;
        Ok(Self { namespace, name: name.to_owned() })
    }

    /// Returns the user or organisation that owns the repo.
    pub fn namespace(&self) -> &AccountName {
        &self.namespace
    }

    /// Returns the part after the slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the case-folded id that decides identity within a kind.
    pub fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
