//! The one error of all use cases: a kind that says what the caller should do, and a message that names the object.

use std::error::Error as StdError;
use std::fmt;

use lyceum_core::{Invalid, Oid};

/// What went wrong, by what a front end does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The repo does not exist, or the caller may not know that it does.
    RepoNotFound,
    /// The repo exists but the branch, tag or commit does not.
    RevisionNotFound,
    /// The revision exists but the file or folder does not.
    EntryNotFound,
    /// Anything else that does not exist.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The action needs a signed-in caller.
    Unauthenticated,
    /// A token or password was given and is wrong.
    InvalidCredentials,
    /// The caller is known and may not do this.
    Forbidden,
    /// The repo's content needs its owner's consent.
    Gated,
    /// The repo was disabled by an administrator.
    Disabled,
    /// The request is malformed.
    Invalid,
    /// The request is well-formed but breaks a rule of the content, such as a path that leads out of the repo.
    Unprocessable,
    /// Another change came first; trying again may work.
    Conflict,
    /// The expected parent is no longer the head.
    Stale,
    /// A body, file or list is over its limit.
    TooLarge,
    /// No byte of the representation is in the asked range.
    RangeNotSatisfiable,
    /// The storage is full.
    StorageFull,
    /// The caller asks for more than he may in some time.
    TooManyRequests,
    /// The server cannot do this now; trying again will work.
    Unavailable,
    /// A bug or a broken disk; the message stays in the log.
    Internal,
}

/// A failed use case.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    commit: Option<Oid>,
    retry_seconds: Option<u32>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns an error whose message is shown to the client.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), commit: None, retry_seconds: None, source: None }
    }

    /// Returns an internal error; the cause is logged, never shown.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind: ErrorKind::Internal,
            message: "internal error".to_owned(),
            commit: None,
            retry_seconds: None,
            source: Some(source.into()),
        }
    }

    /// Attaches the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Attaches the commit in which an entry was looked for; clients cache that it is missing there.
    #[must_use]
    pub fn at_commit(mut self, commit: Oid) -> Self {
        self.commit = Some(commit);
        self
    }

    /// Says when trying again may work.
    #[must_use]
    pub(crate) fn retry_in(mut self, seconds: u32) -> Self {
        self.retry_seconds = Some(seconds);
        self
    }

    /// Returns in how many seconds trying again may work, if that is known.
    pub fn retry_seconds(&self) -> Option<u32> {
        self.retry_seconds
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the text for the client.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the commit in which an entry was looked for.
    pub fn commit(&self) -> Option<Oid> {
        self.commit
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<Invalid> for Error {
    fn from(error: Invalid) -> Self {
        Self::new(ErrorKind::Invalid, error.to_string())
    }
}

impl From<lyceum_db::Error> for Error {
    fn from(error: lyceum_db::Error) -> Self {
        let (kind, message) = match error.kind() {
            lyceum_db::Kind::Busy => (ErrorKind::Unavailable, "the hub is busy; please try again"),
            lyceum_db::Kind::Full => (ErrorKind::StorageFull, "the hub's disk is full; nothing was changed"),
            lyceum_db::Kind::Unavailable => {
                (ErrorKind::Unavailable, "the hub's database does not answer; please try again")
            }
            lyceum_db::Kind::Internal => (ErrorKind::Internal, "internal error"),
        };
        Self::new(kind, message).caused_by(error)
    }
}

impl From<lyceum_store::Error> for Error {
    fn from(error: lyceum_store::Error) -> Self {
        use lyceum_store::ErrorKind as Store;
        let (kind, message) = match error.kind() {
            Store::Invalid => (ErrorKind::Invalid, error.to_string()),
            Store::TooLarge => (ErrorKind::TooLarge, error.to_string()),
            Store::Full => (ErrorKind::StorageFull, "the hub's disk is full; nothing was stored".to_owned()),
            Store::Busy => (ErrorKind::Unavailable, "too many uploads at once; please try again".to_owned()),
            Store::Unavailable => {
                (ErrorKind::Unavailable, "the hub's storage does not answer; please try again".to_owned())
            }
            // What the database names must be there: its absence is damage, not a client's mistake.
            Store::NotFound | Store::Corrupt => (ErrorKind::Internal, "internal error".to_owned()),
        };
        Self::new(kind, message).caused_by(error)
    }
}
