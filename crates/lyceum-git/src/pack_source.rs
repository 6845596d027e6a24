//! What it takes to make packs: objects as they are stored.

use lyceum_core::Oid;

use crate::segment::Packed;
use crate::{ObjectKind, Objects, Result};

/// What is known of an object without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectHeader {
    /// What it is.
    pub kind: ObjectKind,
    /// Its length in bytes, inflated.
    pub size: u64,
}

/// An object source that can also give objects in the form in which packs carry them, so that nothing is inflated
/// and deflated again on its way to a client.
pub trait PackSource: Objects {
    /// Returns kind and size of an object; an error of the kind [`NotFound`](crate::ErrorKind::NotFound) if it is missing.
    fn header(&self, oid: Oid) -> impl Future<Output = Result<ObjectHeader>> + Send;

    /// Returns an object as it is stored: whole, or as a delta against another object of the same source.
    fn packed(&self, oid: Oid) -> impl Future<Output = Result<Packed>> + Send;

    /// Puts objects in the order in which they are read fastest.
    fn arrange(&self, _oids: &mut [Oid]) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Returns the first of `oids`, which are not empty, as they are stored: at least one, and no more than are read at
    /// once.
    fn packed_run(&self, oids: &[Oid]) -> impl Future<Output = Result<Vec<Packed>>> + Send {
        async { Ok(vec![self.packed(oids[0]).await?]) }
    }
}

impl<T: PackSource> PackSource for &T {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        (**self).header(oid).await
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        (**self).packed(oid).await
    }

    async fn arrange(&self, oids: &mut [Oid]) -> Result<()> {
        (**self).arrange(oids).await
    }

    async fn packed_run(&self, oids: &[Oid]) -> Result<Vec<Packed>> {
        (**self).packed_run(oids).await
    }
}
