//! Objects, their ids, and the source they are read from.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use lyceum_core::Oid;
use sha1::{Digest as _, Sha1};

use crate::{Error, Result};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A folder.
    Tree,
    /// The content of a file.
    Blob,
    /// An annotated tag.
    Tag,
}

/// An object without its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What the object is.
    pub kind: ObjectKind,
    /// Its content.
    pub data: Bytes,
}

/// A place that objects are read from; a missing object is an error whose kind is
/// [`NotFound`](crate::ErrorKind::NotFound).
pub trait Objects: Send + Sync {
    /// Reads one object.
    fn read(&self, oid: Oid) -> impl Future<Output = Result<Arc<Object>>> + Send;
}

impl<T: Objects> Objects for &T {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        (**self).read(oid).await
    }
}

impl<T: Objects> Objects for Arc<T> {
    async fn read(&self, oid: Oid) -> Result<Arc<Object>> {
        (**self).read(oid).await
    }
}

/// Returns the id of an object.
pub fn object_id(kind: ObjectKind, data: &[u8]) -> Oid {
    let mut hasher = Sha1::new();
    hasher.update(format!("{kind} {}\0", data.len()));
    hasher.update(data);
    Oid(hasher.finalize().into())
}

/// Computes the id of an object that comes from outside, piece by piece.
///
/// Two objects of the same id can be made on purpose; they betray themselves by the state of the hash, which is looked
/// at here for every block (“counter-cryptanalysis”). It takes four to five times as long as [`object_id`].
pub(crate) struct ObjectHasher(sha1_checked::Sha1);

impl ObjectHasher {
    /// Starts with the header of an object.
    pub(crate) fn new(kind: ObjectKind, size: u64) -> Self {
        let mut hasher = sha1_checked::Sha1::builder().safe_hash(false).build();
        hasher.update(format!("{kind} {size}\0"));
        Self(hasher)
    }

    /// Takes in the next piece of the content.
    pub(crate) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// Returns the id; fails if the content was made to collide with another.
    pub(crate) fn finish(self) -> Result<Oid> {
        match self.0.try_finalize() {
            sha1_checked::CollisionResult::Ok(hash) => Ok(Oid(hash.into())),
            collision => {
                let oid = Oid((*collision.hash()).into());
                Err(Error::malformed("object", format!("{oid} is part of a SHA-1 collision attack")))
            }
        }
    }
}

/// Computes the id of a whole object that comes from outside.
pub(crate) fn checked_object_id(kind: ObjectKind, data: &[u8]) -> Result<Oid> {
    let mut hasher = ObjectHasher::new(kind, data.len() as u64);
    hasher.update(data);
    hasher.finish()
}

/// Reads an object that must be of the given kind.
pub(crate) async fn read_kind(objects: &impl Objects, oid: Oid, kind: ObjectKind) -> Result<Arc<Object>> {
    let object = objects.read(oid).await?;
    if object.kind != kind {
        return Err(Error::malformed("object", format!("{oid} is a {}, not a {kind}", object.kind)));
    }
    Ok(object)
}

impl ObjectKind {
    /// Parses the word that git uses.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag].into_iter().find(|kind| kind.word() == word)
    }

    /// Returns the number of this kind in a pack (gitformat-pack, “Object types”).
    pub(crate) fn pack_type(self) -> u8 {
        match self {
            Self::Commit => 1,
            Self::Tree => 2,
            Self::Blob => 3,
            Self::Tag => 4,
        }
    }

    /// Returns the kind of that number.
    pub fn from_pack_type(number: u8) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag].into_iter().find(|kind| kind.pack_type() == number)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests;
