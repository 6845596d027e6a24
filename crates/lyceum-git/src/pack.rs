//! Packs that come from outside: read from a stream, checked in every respect, and turned into a segment.
//!
//! This does what `git index-pack --strict --fix-thin` does, within limits. Reading is a state machine that is fed
//! pieces and never asks for more, so that callers decide on which thread it works. What is read lies in a spool file,
//! or in memory while it is small; objects are inflated one at a time.

use std::time::Duration;

use crate::Result;

mod built;
mod keep;
mod received;
mod resolve;
mod spool;
mod stream;

pub use received::ReceivedPack;
pub use resolve::Resolver;
pub use stream::PackReader;

/// Work on fewer objects is done in place.
const INLINE_OBJECTS: usize = 16;

/// What a pack may be at most.
#[derive(Debug, Clone)]
pub struct PackLimits {
    /// Length of the pack in bytes.
    pub pack_bytes: u64,
    /// What is said behind that when a pack is longer.
    pub too_long: &'static str,
    /// Number of objects; each takes about 100 bytes of memory while the pack is looked at.
    pub objects: u32,
    /// Length of one object in bytes, inflated.
    pub object_bytes: u64,
    /// Bytes that all objects and deltas together may make, for each byte of the pack.
    pub inflate_ratio: u64,
    /// Bytes that all objects and deltas together may make, however short the pack is.
    pub inflate_bytes: u64,
    /// Longest chain of deltas.
    pub chain: u16,
    /// Longest wait for the next bytes.
    pub idle: Duration,
    /// Whether objects must be as `git fsck --strict` wants them.
    pub fsck: bool,
}

impl Default for PackLimits {
    fn default() -> Self {
        Self {
            pack_bytes: 4 << 30,
            too_long: "",
            objects: 1_000_000,
            object_bytes: crate::limits::MAX_OBJECT_BYTES,
            // Long histories of a large text file come to some hundreds.
            inflate_ratio: 500,
            inflate_bytes: 1 << 30,
            chain: crate::limits::MAX_READ_CHAIN as u16,
            idle: Duration::from_secs(60),
            fsck: true,
        }
    }
}

/// Works on `objects` objects, on another thread if they are many.
pub(crate) async fn off_thread<T: Send + 'static>(
    objects: usize,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if objects <= INLINE_OBJECTS {
        return work();
    }
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|error| crate::Error::source_error(Box::new(error)))?
}

#[cfg(test)]
mod tests;
