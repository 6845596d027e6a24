//! Xorbs: packs of compressed chunks, which are what the hub stores.
//!
//! A xorb is a sequence of chunks, each with an 8-byte header, and a footer that indexes them. The hub keeps a
//! client's chunk bytes unchanged and always writes its own footer, from what it has validated.

mod builder;
mod byte_grouping;
mod chunk;
mod index;
mod lz4;
mod validator;

pub use builder::XorbBuilder;
pub use chunk::{CHUNK_HEADER_BYTES, ChunkError, Scheme, decode_chunk};
pub use index::{ChunkEntry, MAX_INDEX_BYTES, XorbIndex};
pub use validator::XorbValidator;

use lyceum_core::XetHash;
use lyceum_core::limits::{MAX_XORB_BYTES, MAX_XORB_CHUNKS};

/// A xorb or a part of one that breaks the format or its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XorbError {
    /// It has no chunk.
    #[error("the xorb has no chunk")]
    Empty,
    /// It has too many chunks.
    #[error("the xorb has more than {MAX_XORB_CHUNKS} chunks")]
    TooManyChunks,
    /// Its chunks' payloads are too large together.
    #[error("the xorb is larger than {MAX_XORB_BYTES} bytes")]
    TooLarge,
    /// It ends inside a chunk.
    #[error("the xorb ends inside chunk {index}")]
    Truncated {
        /// Position of the chunk.
        index: u32,
    },
    /// One of its chunks is malformed.
    #[error("chunk {index}: {error}")]
    Chunk {
        /// Position of the chunk.
        index: u32,
        /// What is wrong with it.
        error: ChunkError,
    },
    /// Bytes follow its chunks that are not one well-formed footer.
    #[error("the bytes after the last chunk are not a footer: {0}")]
    Footer(&'static str),
    /// Its content has another hash.
    #[error("the xorb has hash {actual}, not {expected}")]
    Hash {
        /// The hash under which it was sent.
        expected: XetHash,
        /// The hash of its chunks.
        actual: XetHash,
    },
    /// A stored index is damaged.
    #[error("the xorb index is damaged: {0}")]
    Index(&'static str),
}

#[cfg(test)]
mod tests;
