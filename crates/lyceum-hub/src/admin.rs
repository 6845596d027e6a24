//! What administrators of the hub do in the browser: accounts, jobs, the audit log, mirrors, storage.
//!
//! [`Hub::administer`] is the one check: who does not administer the hub finds nothing. There is no way to act as
//! somebody else. Whatever is changed here leaves an audit event with the administrator's name.

use crate::{Caller, Error, ErrorKind, Hub, Result, TokenRole};

mod account;
mod event;
mod job;
mod mirror;
mod storage;

pub use account::{AccountPage, AdministeredAccount};
pub use event::{AuditEvent, EventFilter, EventPage};
pub use job::JobPage;
pub use mirror::MirrorPage;
pub use storage::{OwnerStorage, StorageReport};

/// Most entries of one page.
const MAX_PAGE: usize = 100;

/// The hub in the hands of an administrator; had from [`Hub::administer`] alone.
#[derive(Clone)]
pub struct Administration {
    hub: Hub,
    /// Whom the audit log names.
    actor: i64,
}

impl Hub {
    /// Gives the hub into the hands of a caller who administers it and whose credentials have no limits; for everybody
    /// else there is nothing here.
    pub fn administer(&self, caller: &Caller) -> Result<Administration> {
        match caller.identity() {
            Some(identity) if identity.admin && identity.token_role == TokenRole::Write => {
                Ok(Administration { hub: self.clone(), actor: identity.user_id })
            }
            _ => Err(Error::new(ErrorKind::NotFound, "nothing is here")),
        }
    }
}
