//! One collection at a time, in whichever process.
//!
//! Between the bytes and the row of a xorb that goes, a second collection could delete the row: the same content may
//! then come anew, and the first would take it for what it had marked.

use lyceum_core::{Entropy, Timestamp};
use lyceum_db::Queries;

use crate::{Error, ErrorKind, Result};

/// Who collects, and until when nobody else may.
const LEASE: &str = "garbage_lease";
/// How long a collection keeps others out after its last sign of life: far longer than deleting one xorb takes.
const LEASE_SECONDS: i64 = 600;

/// The right to delete, for one round.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    holder: String,
}

impl Lease {
    pub(crate) fn new(entropy: &Entropy) -> Self {
        Self { holder: entropy.id() }
    }

    /// Takes the lease or lengthens it; `Conflict` if another has it. Whoever deletes does this in the transaction that
    /// marks what is to go, so that one of two fails.
    pub(crate) async fn hold(&self, tx: &mut Queries, now: Timestamp) -> Result<()> {
        let mine = format!("{} {}", self.holder, now.plus_seconds(LEASE_SECONDS).0).into_bytes();
        let found = tx.put_setting_if_absent(LEASE, &mine).await?;
        let free = parse(&found).is_none_or(|(holder, until)| holder == self.holder || until <= now.0);
        if free && tx.swap_setting(LEASE, &found, &mine).await? {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "garbage is being collected already; please try again when that has ended",
        ))
    }

    /// Lets others in, if this is still the holder.
    pub(crate) async fn end(&self, tx: &mut Queries) -> Result<()> {
        if let Some(found) = tx.setting(LEASE).await?
            && parse(&found).is_some_and(|(holder, _)| holder == self.holder)
        {
            tx.swap_setting(LEASE, &found, b"").await?;
        }
        Ok(())
    }
}

fn parse(lease: &[u8]) -> Option<(&str, i64)> {
    let (holder, until) = std::str::from_utf8(lease).ok()?.split_once(' ')?;
    Some((holder, until.parse().ok()?))
}
