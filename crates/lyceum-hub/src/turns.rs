//! Turns at what takes much memory or time, of which nobody can take all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::Caller;

/// Who takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// A user, whatever tokens are used.
    User(i64),
    /// Somebody at an address.
    Address(IpAddr),
    /// Somebody of whom nothing is known: everybody comes from this machine where a proxy does not tell.
    Unknown,
}

impl Party {
    /// Returns who a caller is, who comes from an address if that is known.
    pub fn of(caller: &Caller, address: Option<IpAddr>) -> Self {
        match (caller.user_id(), address.filter(|address| !address.is_loopback())) {
            (Some(user), _) => Self::User(user),
            (None, Some(address)) => Self::Address(address),
            (None, None) => Self::Unknown,
        }
    }
}

/// A number of turns.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    each: usize,
    taken: Mutex<HashMap<Party, usize>>,
}

/// A turn, until it is dropped.
pub(crate) struct Turn {
    _share: Share,
    _permit: OwnedSemaphorePermit,
}

impl Turns {
    /// Returns as many turns as `all`, of which each party has at most `each`.
    pub(crate) fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { all: Arc::new(Semaphore::new(all)), each, taken: Mutex::default() })
    }

    /// Takes a turn, if there is one for this party within the time.
    pub(crate) async fn take(self: &Arc<Self>, party: Party, wait: Duration) -> Option<Turn> {
        let share = self.share(party)?;
        let permit = timeout(wait, self.all.clone().acquire_owned()).await.ok()?.ok()?;
        Some(Turn { _share: share, _permit: permit })
    }

    /// Takes a turn, if there is one for this party now.
    pub(crate) fn try_take(self: &Arc<Self>, party: Party) -> Option<Turn> {
        let share = self.share(party)?;
        let permit = self.all.clone().try_acquire_owned().ok()?;
        Some(Turn { _share: share, _permit: permit })
    }

    fn share(self: &Arc<Self>, party: Party) -> Option<Share> {
        let mut counts = self.counts();
        let count = counts.entry(party).or_default();
        if *count >= self.each && party != Party::Unknown {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Share { turns: self.clone(), party })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Party, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts against the share of a party, until it is dropped.
struct Share {
    turns: Arc<Turns>,
    party: Party,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.turns.counts();
        if let Some(count) = counts.get_mut(&self.party) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.party);
            }
        }
    }
}

#[cfg(test)]
mod tests;
