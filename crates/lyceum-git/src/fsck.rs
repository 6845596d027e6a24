//! What git's own strict check demands of an object (`git fsck --strict`, git-fsck, “fsck messages”).
//!
//! Problems carry the names that git gives them. Those that git only mentions (`INFO`) pass.

use lyceum_core::Oid;

use crate::{Commit, Error, ObjectKind, Result, Tag};

mod blob;
mod header;
mod name;
mod tree;

pub(crate) use blob::{Special, check_special, special};

/// Why an object is refused: git's name for it, and some words.
type Refusal = (&'static str, String);

/// Checks what an object says of itself; where its links lead is not looked at.
pub(crate) fn fsck_object(oid: Oid, kind: ObjectKind, data: &[u8]) -> Result<()> {
    let checked = match kind {
        ObjectKind::Blob => Ok(()),
        ObjectKind::Tree => tree::check(data),
        ObjectKind::Commit => header::check_commit(data),
        ObjectKind::Tag => header::check_tag(data),
    };
    checked.map_err(|refusal| refused(oid, refusal))?;
    // What is here must be readable here, too.
    match kind {
        ObjectKind::Commit => Commit::parse(data).map(drop),
        ObjectKind::Tag => Tag::parse(data).map(drop),
        ObjectKind::Blob | ObjectKind::Tree => Ok(()),
    }
}

pub(crate) fn refused(oid: Oid, (id, words): Refusal) -> Error {
    Error::malformed("object", format!("{oid}: {id}: {words}"))
}
