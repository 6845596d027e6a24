//! The one place where access is decided.
//!
//! A front end gets a [`Repo`] only from [`Hub::open`](crate::Hub::open), which answers *allow*, *deny* or *does not
//! exist for you*; every other method takes that handle.

use std::sync::Arc;

use lyceum_core::{AccountName, RepoId, RepoKind};
use lyceum_db::{Gated, Role, TokenKind, TokenRole, Viewer, Visibility};

use crate::{Error, ErrorKind, Result};

/// Who makes a request.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Nobody: no credentials were sent.
    Anonymous,
    /// A user, through one of his tokens or a browser session.
    User(Arc<Identity>),
}

/// The user and token behind a request.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Database id of the user.
    pub user_id: i64,
    /// Account name.
    pub name: AccountName,
    /// Name for people.
    pub full_name: String,
    /// Mail address, if known.
    pub email: Option<String>,
    /// Whether the user administers the hub.
    pub admin: bool,
    /// Name that the token was given.
    pub token_name: String,
    /// What the token may do.
    pub token_role: TokenRole,
    /// How the token came to be.
    pub token_kind: TokenKind,
}

/// What a caller wants to do with a repo; each decides what an insufficient caller learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Learn that it exists, its metadata and file names. Gates do not bind.
    Discover,
    /// Read its content. Gates bind.
    Read,
    /// Propose a change as a pull request: every signed-in reader may.
    Propose,
    /// Change its content.
    Write,
    /// Change its settings, move or delete it.
    Administer,
}

/// A repo that the caller was allowed to open, with what was allowed.
#[derive(Debug, Clone)]
pub struct Repo {
    pub(crate) record: lyceum_db::Repo,
    pub(crate) action: Action,
}

impl Repo {
    /// Returns the kind.
    pub fn kind(&self) -> RepoKind {
        self.record.kind
    }

    /// Returns the current id, which differs from the asked one after a move or in case.
    pub fn id(&self) -> &RepoId {
        &self.record.name
    }
}

impl Caller {
    /// Returns the identity, if anyone signed in.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Anonymous => None,
            Self::User(identity) => Some(identity),
        }
    }

    /// Returns the identity, or the error that asks for credentials.
    pub fn signed_in(&self) -> Result<&Identity> {
        self.identity()
            .ok_or_else(|| Error::new(ErrorKind::Unauthenticated, "you must be signed in to do this"))
    }

    pub(crate) fn user_id(&self) -> Option<i64> {
        self.identity().map(|identity| identity.user_id)
    }

    /// Returns how the caller looks at lists.
    pub(crate) fn viewer(&self) -> Viewer {
        Viewer { user_id: self.user_id(), admin: self.identity().is_some_and(|identity| identity.admin) }
    }
}

impl Identity {
    /// Refuses a token that may only read.
    pub(crate) fn may_write(&self) -> Result<()> {
        match self.token_role {
            TokenRole::Write => Ok(()),
            TokenRole::Read => Err(Error::new(
                ErrorKind::Forbidden,
                "this token may only read; use one with the role `write`",
            )),
        }
    }
}

/// Decides whether `caller`, who has `role` in the repo's owner, may do `action`.
///
/// The owner himself counts as [`Role::Admin`]. The order of the questions is what keeps secrets: first whether the
/// caller may know of the repo at all, then what he may do with it.
pub(crate) fn check(
    caller: &Caller,
    record: &lyceum_db::Repo,
    role: Option<Role>,
    action: Action,
) -> Result<()> {
    let hub_admin = caller.identity().is_some_and(|identity| identity.admin);
    let member = hub_admin || role.is_some();
    let visible = match record.visibility {
        Visibility::Public => true,
        Visibility::Protected => member || action == Action::Discover,
        Visibility::Private => member,
    };
    if !visible {
        return Err(not_found());
    }
    if action == Action::Discover {
        return Ok(());
    }
    let creator = caller.user_id().is_some_and(|user| record.creator_id == Some(user));
    let writer = hub_admin || role >= Some(Role::Write) || (role == Some(Role::Contributor) && creator);
    if record.disabled && !hub_admin {
        return Err(Error::new(ErrorKind::Disabled, "Access to this resource is disabled."));
    }
    if record.gated != Gated::No && !member {
        return Err(gated(caller, record));
    }
    if action == Action::Read {
        return Ok(());
    }
    let identity = caller.signed_in()?;
    identity.may_write()?;
    if writer || action == Action::Propose {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        format!("you have no write access to {} `{}`", record.kind, record.name),
    ))
}

/// Returns the error for a repo that does not exist, or that the caller may not know of: the two must not differ.
///
/// The clients' own text for it starts with these words; they show the server's only if it says more.
pub(crate) fn not_found() -> Error {
    Error::new(ErrorKind::RepoNotFound, "Repository not found")
}

fn gated(caller: &Caller, record: &lyceum_db::Repo) -> Error {
    let (kind, id) = (record.kind, &record.name);
    let message = match caller {
        Caller::Anonymous => format!(
            "Access to {kind} {id} is restricted. You must have access to it and be authenticated to access it. Please log in."
        ),
        Caller::User(_) => {
            format!("Access to {kind} {id} is restricted and you are not in the authorized list.")
        }
    };
    Error::new(ErrorKind::Gated, message)
}
