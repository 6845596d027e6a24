//! Why nobody is known to be anybody.

/// Result of asking a provider, or of checking what it signed.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. The messages are for the operator: they may quote what the provider sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The provider does not answer, or not as a provider does.
    #[error("provider `{issuer}`: {reason}")]
    Unavailable {
        /// The provider.
        issuer: String,
        /// What it did instead.
        reason: String,
    },
    /// What was presented proves nothing.
    #[error("{0}")]
    Refused(String),
}

/// Joins an error's message and its causes, outermost first.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        // Some errors repeat their source in their own message.
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = source.source();
    }
    text
}
