//! The one error of this crate: a kind that tells the caller what to do, a message, and the cause.

use std::error::Error as StdError;
use std::io;

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such object.
    NotFound,
    /// The client's bytes or its request are wrong; the message is for the client.
    Invalid,
    /// The client's bytes exceed a limit; the message is for the client.
    TooLarge,
    /// The disk is full.
    Full,
    /// Too many uploads are running; trying again later helps.
    Busy,
    /// Stored bytes are damaged.
    Corrupt,
    /// The storage failed in another way; trying again may help.
    Unavailable,
}

/// A failed operation of the store. After it, nothing of what was to be stored is visible.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Returns what the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the error of a stream of the layer above that stands in for one of the store, and broke off.
    pub fn broken_off(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// A body that broke off or that the layer above refused.
    pub(crate) fn body(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::invalid("the request body could not be read to its end").caused_by(source)
    }

    /// A failure of the object store while doing `action`.
    pub(crate) fn storage(action: &str, source: object_store::Error) -> Self {
        let kind = match &source {
            object_store::Error::NotFound { .. } => ErrorKind::NotFound,
            error if full(error) => ErrorKind::Full,
            _ => ErrorKind::Unavailable,
        };
        Self::failed(kind, action, source)
    }

    /// A failure of the file system while doing `action`.
    pub(crate) fn io(action: &str, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::UnexpectedEof => ErrorKind::Corrupt,
            _ if full(&source) => ErrorKind::Full,
            _ => ErrorKind::Unavailable,
        };
        Self::failed(kind, action, source)
    }

    /// A blocking task that panicked, or that the runtime dropped while shutting down.
    pub(crate) fn task(source: tokio::task::JoinError) -> Self {
        Self::new(ErrorKind::Unavailable, "a storage task did not finish").caused_by(source)
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    fn failed(kind: ErrorKind, action: &str, source: impl StdError + Send + Sync + 'static) -> Self {
        let message = match kind {
            ErrorKind::Full => format!("the disk is full: could not {action}"),
            _ => format!("could not {action}"),
        };
        Self::new(kind, message).caused_by(source)
    }
}

/// Reports whether an I/O error in the chain means that there is no room left.
fn full(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return true;
        }
        next = error.source();
    }
    false
}
