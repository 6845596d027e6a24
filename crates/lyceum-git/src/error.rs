//! What can go wrong with an object or its source.

use std::io;

use lyceum_core::Oid;

/// The result of an operation on git objects.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure to read, understand or write git objects.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Inner);

/// What a caller may do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The source has no such object.
    NotFound,
    /// An object, segment or index is not what it should be.
    Malformed,
    /// A named limit was exceeded.
    TooLarge,
    /// The object source or the spool folder failed.
    Source,
    /// The other side broke the protocol, or asked for what it may not have; the message is meant for it.
    Protocol,
    /// The connection to the other side broke.
    Connection,
}

#[derive(Debug, thiserror::Error)]
enum Inner {
    #[error("git object {0} not found")]
    NotFound(Oid),
    #[error("malformed git {what}: {problem}")]
    Malformed { what: &'static str, problem: String },
    #[error("{0}")]
    TooLarge(String),
    #[error("cannot read git objects")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot use the spool file of a segment")]
    Spool(#[source] io::Error),
    #[error("{0}")]
    Protocol(String),
    #[error("the connection to the git client broke")]
    Connection(#[source] io::Error),
}

impl Error {
    /// Returns the error of a source that lacks `oid`.
    pub fn not_found(oid: Oid) -> Self {
        Self(Inner::NotFound(oid))
    }

    /// Wraps a failure of the source's back end.
    pub fn source_error(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self(Inner::Source(error))
    }

    /// Returns what a caller may do about it.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Inner::NotFound(_) => ErrorKind::NotFound,
            Inner::Malformed { .. } => ErrorKind::Malformed,
            Inner::TooLarge(_) => ErrorKind::TooLarge,
            Inner::Source(_) | Inner::Spool(_) => ErrorKind::Source,
            Inner::Protocol(_) => ErrorKind::Protocol,
            Inner::Connection(_) => ErrorKind::Connection,
        }
    }

    pub(crate) fn malformed(what: &'static str, problem: impl Into<String>) -> Self {
        Self(Inner::Malformed { what, problem: problem.into() })
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self(Inner::TooLarge(message.into()))
    }

    /// Returns the error of a request that breaks the protocol, or is refused, in the words that its sender is told.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self(Inner::Protocol(message.into()))
    }

    /// Wraps a failure to read from the other side or to write to it.
    pub fn connection(error: io::Error) -> Self {
        Self(Inner::Connection(error))
    }

    pub(crate) fn spool(error: io::Error) -> Self {
        Self(Inner::Spool(error))
    }
}
