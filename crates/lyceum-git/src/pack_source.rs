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
}

impl<T: PackSource> PackSource for &T {
    async fn header(&self, oid: Oid) -> Result<ObjectHeader> {
        (**self).header(oid).await
    }

    async fn packed(&self, oid: Oid) -> Result<Packed> {
        (**self).packed(oid).await
    }
}
