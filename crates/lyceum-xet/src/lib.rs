//! Xet formats: chunk, hash, encode and decode xorbs and shards, plan reconstructions; pure and bounded.
//!
//! This crate knows no file, socket, clock or database. All that it reads comes from clients and is therefore
//! hostile until proven otherwise: every length is checked against a limit before memory is taken for it, and a
//! xorb's footer or a shard's claims are never believed but recomputed.
//!
//! A *chunk* is a piece of a file cut by content ([`Chunker`]); a *xorb* is a pack of compressed chunks
//! ([`XorbValidator`], [`XorbBuilder`], [`XorbIndex`]); a file is a list of [`Term`]s, ranges of chunks in xorbs;
//! a *shard* ([`Shard`]) is the list of files and xorbs that a client registers.

pub mod hash;
pub mod plan;

mod chunker;
mod shard;
mod term;
mod xorb;

pub use chunker::{Chunker, MIN_CHUNK_BYTES};
pub use plan::{Fetch, FetchRange, Plan, PlanError, PlannedTerm, plan};
pub use shard::{Shard, ShardError, ShardFile, ShardXorb, check_file, dedup_shard};
pub use term::{Term, TermsError, decode_terms, encode_terms};
pub use xorb::{
    CHUNK_HEADER_BYTES, ChunkEntry, ChunkError, MAX_INDEX_BYTES, Scheme, XorbBuilder, XorbError, XorbIndex,
    XorbValidator, decode_chunk,
};

#[cfg(test)]
mod testing;
