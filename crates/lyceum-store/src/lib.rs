//! Immutable bytes by hash on local disk or S3: xorbs, shards, segments; ingest and ranged logical reads.
//!
//! An object is written once, becomes visible whole and durable in one step, and never changes; so readers need no
//! locks and a crash leaves nothing but files in `tmp/`, which the next start removes. A xorb is stored as the
//! chunks that the client sent, followed by the index that the server made of them (the Xet footer), in one object:
//! there is no moment at which one exists without the other.
//!
//! Nothing here decides who may read what, and nothing here knows the database. File reads, hashing and compression
//! run on blocking threads, in blocks large enough that the hand-over costs nothing; memory per stream is bounded by
//! the named limits in each module.

mod blob;
mod error;
mod file;
mod ingest;
mod key;
mod local;
mod read;
mod shard;
mod spool;
mod store;
mod upload;
mod xorb;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use blob::ListedBlob;
pub use error::{Error, ErrorKind};
pub use ingest::{Dedup, Ingested, NoDedup};
pub use key::BlobKey;
pub use read::ByteStream;
pub use spool::Spool;
pub use store::{Store, StoreOptions};
pub use xorb::PutXorb;

type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests;
