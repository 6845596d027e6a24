//! Reads what an artefact says of itself: safetensors and GGUF headers, model cards.
//!
//! Parsers only: they take bytes that strangers wrote, allocate no more than a small multiple of them, and never run or
//! fetch anything. What a card says is a claim; nothing here vouches for it.

pub mod card;
pub mod gguf;
pub mod library;
pub mod limits;
pub mod safetensors;

/// A header that is not what its format says; the message names the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
