//! Why an upstream did not do what it was asked.

use std::fmt;

use crate::{Error, ErrorKind};

/// Result of asking an upstream.
pub(crate) type Answered<T> = Result<T, Trouble>;

/// A failure, by what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: TroubleKind,
    pub(crate) message: String,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// The upstream has no such thing, or does not show it to this hub.
    Missing,
    /// The settings do not let it be mirrored.
    NotAllowed,
    /// Asking again may help.
    Transient,
    /// Asking again does not help before somebody changes something.
    Lasting,
    /// What the upstream sent is not what it said it was.
    Lie,
}

impl Trouble {
    pub(crate) fn new(kind: TroubleKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self::new(TroubleKind::Transient, message)
    }

    pub(crate) fn lie(message: impl Into<String>) -> Self {
        Self::new(TroubleKind::Lie, message)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Trouble {}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        let kind = match trouble.kind {
            TroubleKind::Missing => ErrorKind::NotFound,
            TroubleKind::NotAllowed => ErrorKind::Forbidden,
            TroubleKind::Transient | TroubleKind::Lasting | TroubleKind::Lie => ErrorKind::Unavailable,
        };
        Self::new(kind, trouble.message)
    }
}

/// What fails here, while an upstream is asked, is not the upstream's.
impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        if error.kind() == ErrorKind::Internal {
            tracing::error!(error = &error as &dyn std::error::Error, "mirroring failed");
        }
        let kind = match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Internal => TroubleKind::Transient,
            _ => TroubleKind::Lasting,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<lyceum_store::Error> for Trouble {
    fn from(error: lyceum_store::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<lyceum_db::Error> for Trouble {
    fn from(error: lyceum_db::Error) -> Self {
        Error::from(error).into()
    }
}
