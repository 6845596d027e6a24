//! Git LFS: locks (`docs/api/locking.md` of git-lfs).

use lyceum_hub::LfsLock;
use serde::{Deserialize, Serialize};

/// Body that locks a file. Its `ref` is not read: a lock holds on every branch.
#[derive(Debug, Deserialize)]
pub(crate) struct CreateLock {
    /// The file.
    pub(crate) path: String,
}

/// Body of `…/locks/verify`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct VerifyLocks {
    /// Where the previous page ended.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// Most locks on the page.
    #[serde(default)]
    pub(crate) limit: Option<usize>,
}

/// Body of `…/locks/{lock}/unlock`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Unlock {
    /// Whether the lock may be somebody else's.
    #[serde(default)]
    pub(crate) force: bool,
}

/// A lock.
#[derive(Debug, Serialize)]
pub(crate) struct LockWire {
    id: String,
    path: String,
    locked_at: String,
    owner: OwnerWire,
}

/// Who locked a file.
#[derive(Debug, Serialize)]
struct OwnerWire {
    name: String,
}

/// Answer with one lock.
#[derive(Debug, Serialize)]
pub(crate) struct LockAnswer {
    /// The lock.
    pub(crate) lock: LockWire,
}

/// Answer to the wish to lock what is locked.
#[derive(Debug, Serialize)]
pub(crate) struct LockTaken {
    /// The lock that is there.
    pub(crate) lock: LockWire,
    /// In words.
    pub(crate) message: String,
}

/// A page of locks.
#[derive(Debug, Serialize)]
pub(crate) struct LocksAnswer {
    /// The locks.
    pub(crate) locks: Vec<LockWire>,
    /// Where the next page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

/// A page of locks, by whose they are.
#[derive(Debug, Serialize)]
pub(crate) struct VerifyAnswer {
    /// The caller's.
    pub(crate) ours: Vec<LockWire>,
    /// All others.
    pub(crate) theirs: Vec<LockWire>,
    /// Where the next page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

impl From<LfsLock> for LockWire {
    fn from(lock: LfsLock) -> Self {
        let owner = OwnerWire { name: lock.owner.to_string() };
        Self { id: lock.id, path: lock.path, locked_at: lock.locked_at.to_string(), owner }
    }
}
