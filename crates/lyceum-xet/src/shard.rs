//! Shards: what a client registers after its xorbs, and what it is given to deduplicate against.

mod check;
mod dedup;
mod parse;

pub use check::check_file;
pub use dedup::dedup_shard;

use crate::hash;
use crate::term::Term;
use lyceum_core::limits::{MAX_FILE_BYTES, MAX_SHARD_BYTES, MAX_XORB_CHUNKS};
use lyceum_core::{Sha256, XetHash};

/// A parsed shard: claims, of which nothing has been checked but the shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shard {
    /// The files, without repetitions; each is to be checked with [`check_file`].
    pub files: Vec<ShardFile>,
    /// The xorbs that the client says it has uploaded; the hub's own indexes are the truth.
    pub xorbs: Vec<ShardXorb>,
}

impl Shard {
    /// Parses a shard; memory stays within a small multiple of its length.
    pub fn parse(bytes: &[u8]) -> Result<Self, ShardError> {
        parse::parse(bytes)
    }

    /// Returns the hash by which clients know a shard.
    pub fn hash(bytes: &[u8]) -> XetHash {
        hash::chunk_hash(bytes)
    }
}

/// A file that a shard registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFile {
    /// Hash of the file.
    pub hash: XetHash,
    /// Its content; none for an empty file.
    pub terms: Vec<Term>,
    /// The proof that the client knows the chunks of each term.
    pub range_hashes: Option<Vec<XetHash>>,
    /// SHA-256 of the content, as claimed by the client.
    pub sha256: Option<Sha256>,
}

/// A xorb that a shard describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardXorb {
    /// Hash of the xorb.
    pub hash: XetHash,
    /// Hash and uncompressed length of each chunk.
    pub chunks: Vec<(XetHash, u32)>,
    /// Positions of the chunks that the client marks as ones to deduplicate against.
    pub dedup_chunks: Vec<u32>,
}

/// A shard that is malformed, or a file of it that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// It is too large.
    #[error("the shard is larger than {MAX_SHARD_BYTES} bytes")]
    TooLarge,
    /// It is not a shard.
    #[error("the shard does not start with the shard tag")]
    Tag,
    /// It is a shard of another version.
    #[error("unknown shard version {0}")]
    Version(u64),
    /// It ends too early.
    #[error("the shard ends too early")]
    Truncated,
    /// Bytes follow it that it did not announce.
    #[error("bytes follow the end of the shard")]
    Trailing,
    /// A record has values that cannot be.
    #[error("the shard has an invalid record: {0}")]
    Record(&'static str),
    /// Some of its files have a proof and some have not.
    #[error("only some files of the shard have range hashes")]
    PartlyProven,
    /// A file refers to a xorb that is not there.
    #[error("xorb {xorb} of file {file} is not stored")]
    MissingXorb {
        /// The file.
        file: XetHash,
        /// The xorb.
        xorb: XetHash,
    },
    /// A term of a file does not agree with the xorb.
    #[error("term {term} of file {file}: {problem}")]
    Term {
        /// The file.
        file: XetHash,
        /// Position of the term.
        term: usize,
        /// What does not agree.
        problem: &'static str,
    },
    /// A file comes without the proof that the client knows its chunks.
    #[error("file {file} has no range hashes")]
    Unproven {
        /// The file.
        file: XetHash,
    },
    /// A file's content has another hash.
    #[error("the content of file {file} has hash {actual}")]
    FileHash {
        /// The file, by the hash that the shard gives it.
        file: XetHash,
        /// The hash of its content.
        actual: XetHash,
    },
    /// A file is too large.
    #[error("file {file} is larger than {MAX_FILE_BYTES} bytes or has too many chunks")]
    FileTooLarge {
        /// The file.
        file: XetHash,
    },
}

/// Starts every shard: its name and a magic number.
const TAG: [u8; 32] =
    *b"HFRepoMetaData\0\x55\x69\x67\x45\x6a\x7b\x81\x57\x83\xa5\xbd\xd9\x5c\xcd\xd1\x4a\xa9";
const VERSION: u64 = 2;
const HEADER_BYTES: usize = 48;
/// Every record of the file and xorb sections has this length.
const RECORD_BYTES: usize = 48;
const FOOTER_BYTES: usize = 200;
const FOOTER_VERSION: u64 = 1;
/// The hash in the record that ends a section.
const BOOKEND: [u8; 32] = [0xff; 32];
/// The chunk is one to deduplicate against.
const DEDUP_FLAG: u32 = 1 << 31;
const MAX_TERM_END: u32 = MAX_XORB_CHUNKS as u32;

#[cfg(test)]
mod tests;
