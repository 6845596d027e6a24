//! How a command fails: a message, hints that can be acted on, and an exit code.

use std::fmt::Display;
use std::process::ExitCode;

use lyceum_hub::ErrorKind;

use crate::output;

/// Result of a command or one of its steps.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Exit codes, as `lyceum --help` lists them.
pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const TAKEN: u8 = 3;
pub(crate) const MISSING: u8 = 4;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    error: anyhow::Error,
    hints: Vec<String>,
    code: u8,
}

impl Failure {
    /// Returns a failure with the general exit code.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { error: anyhow::Error::msg(message.into()), hints: Vec::new(), code: FAILED }
    }

    /// Returns a failure of the command line or the settings.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message) }
    }

    /// Says what was being done.
    pub(crate) fn context(mut self, context: impl Display + Send + Sync + 'static) -> Self {
        self.error = self.error.context(context);
        self
    }

    /// Adds something that the reader can do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns the message and its causes on one line.
    pub(crate) fn to_line(&self) -> String {
        format!("{:#}", self.error)
    }

    /// Prints the failure on standard error and returns its exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if json {
            let causes: Vec<String> = self.error.chain().skip(1).map(ToString::to_string).collect();
            let body =
                serde_json::json!({ "error": self.error.to_string(), "causes": causes, "hints": self.hints });
            output::diagnose(&body.to_string());
        } else {
            output::diagnose(&format!("error: {}", self.error));
            for cause in self.error.chain().skip(1) {
                output::diagnose(&format!("  caused by: {cause}"));
            }
            for hint in &self.hints {
                output::diagnose(&format!("hint: {hint}"));
            }
        }
        ExitCode::from(self.code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, hints: Vec::new(), code: FAILED }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}

impl From<lyceum_hub::Error> for Failure {
    fn from(error: lyceum_hub::Error) -> Self {
        let (code, hint) = match error.kind() {
            ErrorKind::AlreadyExists => (TAKEN, None),
            ErrorKind::NotFound
            | ErrorKind::RepoNotFound
            | ErrorKind::RevisionNotFound
            | ErrorKind::EntryNotFound => (MISSING, None),
            ErrorKind::Invalid | ErrorKind::Unprocessable => (USAGE, None),
            ErrorKind::StorageFull => {
                (FAILED, Some("free some space on the disk that holds the data folder"))
            }
            ErrorKind::Internal | ErrorKind::Unavailable => {
                (FAILED, Some("`lyceum doctor` checks the data folder, the database and the machine"))
            }
            ErrorKind::Unauthenticated
            | ErrorKind::InvalidCredentials
            | ErrorKind::Forbidden
            | ErrorKind::Gated
            | ErrorKind::Disabled
            | ErrorKind::Conflict
            | ErrorKind::Stale
            | ErrorKind::TooLarge
            | ErrorKind::RangeNotSatisfiable
            | ErrorKind::TooManyRequests => (FAILED, None),
        };
        let hints = hint.map(str::to_owned).into_iter().collect();
        Self { error: anyhow::Error::from(error), hints, code }
    }
}
