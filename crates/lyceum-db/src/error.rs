//! The one error of this crate.

use std::fmt;
use std::sync::Arc;

/// The result of every query.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Too many callers at once, or a conflict that outlasted its retries: try again later.
    Busy,
    /// The disk is full: an operator has to make room.
    Full,
    /// The database does not answer.
    Unavailable,
    /// A bug, or damaged data.
    Internal,
}

/// A query, a transaction or an opening that failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Inner);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Inner {
    #[error("database query failed")]
    Query(#[source] sqlx::Error),
    #[error("cannot open the database")]
    Open(#[source] sqlx::Error),
    #[error("cannot commit a group of changes")]
    Commit(#[source] Arc<Error>),
    #[error("an earlier statement of this transaction failed, so it cannot go on")]
    Aborted,
    #[error("a write took longer than {0} seconds")]
    TooLong(u64),
    #[error("the database is closed")]
    Closed,
    #[error("stored value `{column}` is damaged")]
    Damaged { column: &'static str },
    #[error("unsupported database address: {0}")]
    Address(&'static str),
    #[error("{0}")]
    Migration(String),
}

impl Error {
    /// Returns what a caller can do about it.
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Inner::Query(error) | Inner::Open(error) => kind(error),
            Inner::TooLong(_) => Kind::Busy,
            Inner::Commit(error) => error.kind(),
            Inner::Closed => Kind::Unavailable,
            Inner::Aborted | Inner::Damaged { .. } | Inner::Address(_) | Inner::Migration(_) => {
                Kind::Internal
            }
        }
    }

    pub(crate) fn query(error: sqlx::Error) -> Self {
        Inner::Query(error).into()
    }

    pub(crate) fn damaged(column: &'static str) -> Self {
        Inner::Damaged { column }.into()
    }

    /// Says whether the same transaction can end otherwise when it is run again.
    ///
    /// So it is after a deadlock or a serialization failure, and when another transaction has just committed the same
    /// unique value: the next run sees it.
    pub(crate) fn transient(&self) -> bool {
        let Inner::Query(error) = &self.0 else {
            return false;
        };
        matches!(code(error).as_deref(), Some("40001" | "40P01" | "23505"))
    }
}

fn kind(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::PoolTimedOut => Kind::Busy,
        sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Kind::Unavailable,
        sqlx::Error::Database(_) => code(error).map_or(Kind::Internal, |code| kind_of_code(&code)),
        _ => Kind::Internal,
    }
}

/// PostgreSQL's codes have five characters, SQLite's are smaller numbers whose low byte is the primary code.
fn kind_of_code(code: &str) -> Kind {
    if code.len() == 5 {
        return match code {
            "53100" => Kind::Full,
            // Insufficient resources; deadlock or serialization failure; lock or statement timeout.
            _ if code.starts_with("53") || code.starts_with("40") => Kind::Busy,
            "55P03" | "57014" => Kind::Busy,
            // Connection lost; server shut down or starting.
            _ if code.starts_with("08") || code.starts_with("57P") => Kind::Unavailable,
            _ => Kind::Internal,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        // Busy and locked.
        Ok(5 | 6) => Kind::Busy,
        Ok(13) => Kind::Full,
        // Input or output failed; the file cannot be opened.
        Ok(10 | 14) => Kind::Unavailable,
        _ => Kind::Internal,
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        })
    }
}
