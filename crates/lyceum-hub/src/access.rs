//! The one place where access is decided.
//!
//! A front end gets a [`Repo`] only from [`Hub::open`](crate::Hub::open), which answers *allow*, *deny* or *does not
//! exist for you*; every other method takes that handle.

use std::sync::Arc;

use lyceum_core::{AccountName, RepoId, RepoKind, Timestamp};
use lyceum_db::{Gated, RequestState, Role, Standing, TokenKind, TokenRole, Viewer, Visibility};

use crate::{Error, ErrorKind, Result};

pub(crate) mod grant;
pub(crate) mod scope;

pub use scope::{Permission, ScopeTarget, TokenScope};
use scope::{Permissions, Scopes};

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
    /// Database id of the token; `None` for a password.
    pub token_id: Option<i64>,
    /// Name that the token was given.
    pub token_name: String,
    /// What the token may do.
    pub token_role: TokenRole,
    /// How the token came to be.
    pub token_kind: TokenKind,
    /// The limits of a fine-grained token.
    pub(crate) scopes: Option<Arc<Scopes>>,
}

/// What a caller wants to do with a repo; each decides what an insufficient caller learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Learn that it exists, its metadata and file names. Gates do not bind.
    Discover,
    /// See who asked to pass its gate. Ranks low because it gives nothing else of the repo.
    SeeRequests,
    /// Answer those who asked to pass its gate.
    AnswerRequests,
    /// Read its content. Gates bind.
    Read,
    /// Propose a change as a pull request: every signed-in reader may.
    Propose,
    /// Change its content.
    Write,
    /// Change its settings, move or delete it.
    Administer,
}

/// What a caller may do with a repo, for front ends that offer only what can be done. It grants nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permitted {
    /// [`Action::Read`]
    pub read: bool,
    /// [`Action::Propose`]
    pub propose: bool,
    /// [`Action::Write`]
    pub write: bool,
    /// [`Action::Administer`]
    pub administer: bool,
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

    /// Returns the number of the repo, which stays when it is moved.
    pub fn number(&self) -> i64 {
        self.record.id
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

    /// Reports whether the caller administers the hub; a token with limits keeps him to parts of it.
    pub(crate) fn hub_admin(&self) -> bool {
        self.identity().is_some_and(|identity| identity.admin)
    }

    /// Returns how the caller looks at lists.
    pub(crate) fn viewer(&self) -> Viewer<'_> {
        let scope = self.identity().and_then(Identity::limits).map(|scopes| &scopes.visible);
        Viewer { user_id: self.user_id(), admin: self.hub_admin(), scope }
    }
}

impl Identity {
    /// Refuses a token that may only read, and one whose limits do not allow what has no permission of its own.
    pub(crate) fn may_write(&self) -> Result<()> {
        match self.token_role {
            TokenRole::Write => Ok(()),
            TokenRole::Read => Err(read_only()),
            TokenRole::FineGrained => {
                Err(Error::new(ErrorKind::Forbidden, "a fine-grained token may not do this"))
            }
        }
    }

    /// Refuses a token that has none of some permissions on an account: the user's own, or an organisation.
    pub(crate) fn may(&self, permissions: &[Permission], account_id: i64) -> Result<()> {
        match (self.token_role, &self.scopes) {
            (TokenRole::Write, _) => Ok(()),
            (TokenRole::Read, _) if permissions.iter().any(|permission| permission.reads()) => Ok(()),
            (TokenRole::Read, _) => Err(read_only()),
            (TokenRole::FineGrained, Some(scopes)) if scopes.on_account(account_id).any(permissions) => {
                Ok(())
            }
            (TokenRole::FineGrained, _) => Err(lacking(permissions)),
        }
    }

    /// Returns the limits of a fine-grained token; one without any stored may do nothing.
    pub(crate) fn limits(&self) -> Option<&Scopes> {
        match self.token_role {
            TokenRole::FineGrained => Some(self.scopes.as_deref().unwrap_or(&scope::NOTHING)),
            TokenRole::Read | TokenRole::Write => None,
        }
    }
}

/// What a caller has to do with a repo, as far as his token lets him.
struct Rights {
    hub_admin: bool,
    role: Option<Role>,
    creator: bool,
    /// The owner of a gated repo let him in.
    admitted: bool,
    /// What a fine-grained token may do here; `None` for all others.
    limits: Option<Permissions>,
}

impl Rights {
    fn new(caller: &Caller, record: &lyceum_db::Repo, standing: &Standing, now: Timestamp) -> Self {
        let Some(identity) = caller.identity() else {
            return Self { hub_admin: false, role: None, creator: false, admitted: false, limits: None };
        };
        let rights = Self {
            hub_admin: identity.admin,
            role: standing.role,
            creator: record.creator_id == Some(identity.user_id),
            admitted: standing.request == Some(RequestState::Accepted)
                && standing.expires_at.is_none_or(|end| end > now),
            limits: None,
        };
        let Some(scopes) = identity.limits() else {
            return rights;
        };
        let held = scopes.on_repo(record.id, record.owner_id);
        let gated = scopes.gated && record.visibility == Visibility::Public;
        if held.any(Permissions::ON_REPOS) {
            let admitted = rights.admitted && (gated || held.any(CONTENT));
            return Self { admitted, limits: Some(held.with(scopes.everywhere())), ..rights };
        }
        // Outside of its scopes a token has what a stranger's has, who may have been let into a gated repo.
        Self {
            hub_admin: false,
            role: None,
            creator: false,
            admitted: rights.admitted && gated,
            limits: Some(scopes.everywhere()),
        }
    }

    fn member(&self) -> bool {
        self.hub_admin || self.role.is_some()
    }

    fn writer(&self) -> bool {
        self.hub_admin
            || self.role >= Some(Role::Write)
            || (self.role == Some(Role::Contributor) && self.creator)
    }

    /// Refuses what a token's limits leave out.
    fn allow(&self, needed: &[Permission]) -> Result<()> {
        match self.limits {
            Some(held) if !held.any(needed) => Err(lacking(needed)),
            _ => Ok(()),
        }
    }
}

/// Each of these lets a token read a repo's content: nothing can be changed blindly.
const CONTENT: &[Permission] = &[Permission::ReadContent, Permission::WriteContent, Permission::WriteRepo];

/// Decides whether `caller`, who stands so to the repo, may do `action`.
///
/// The owner himself counts as [`Role::Admin`]. The order of the questions is what keeps secrets: first whether the
/// caller may know of the repo at all, then what he may do with it.
pub(crate) fn check(
    caller: &Caller,
    record: &lyceum_db::Repo,
    standing: &Standing,
    action: Action,
    now: Timestamp,
) -> Result<()> {
    let rights = Rights::new(caller, record, standing, now);
    let visible = match record.visibility {
        Visibility::Public => true,
        Visibility::Protected => rights.member() || action == Action::Discover,
        Visibility::Private => rights.member(),
    };
    if !visible {
        return Err(not_found());
    }
    if action == Action::Discover {
        return Ok(());
    }
    if record.disabled && !rights.hub_admin {
        return Err(Error::new(ErrorKind::Disabled, "Access to this resource is disabled."));
    }
    let content = !matches!(action, Action::SeeRequests | Action::AnswerRequests);
    if content {
        check_content(caller, record, standing, &rights)?;
    }
    if action == Action::Read {
        return Ok(());
    }
    let identity = caller.signed_in()?;
    if identity.token_role == TokenRole::Read {
        return Err(read_only());
    }
    if record.mirror && matches!(action, Action::Propose | Action::Write) {
        return Err(Error::new(
            ErrorKind::Forbidden,
            format!("{} `{}` is a mirror of another hub; changes are made there", record.kind, record.name),
        ));
    }
    rights.allow(match action {
        Action::Discover | Action::Read => CONTENT,
        Action::SeeRequests => &[Permission::ReadAccess, Permission::WriteRepo],
        Action::Propose => &[Permission::Discuss, Permission::WriteContent, Permission::WriteRepo],
        Action::Write => &[Permission::WriteContent, Permission::WriteRepo],
        Action::AnswerRequests | Action::Administer => &[Permission::WriteRepo],
    })?;
    if rights.writer() || action == Action::Propose {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Forbidden,
        format!("you have no write access to {} `{}`", record.kind, record.name),
    ))
}

/// Decides whether the content of a repo that the caller may know of is for him.
fn check_content(
    caller: &Caller,
    record: &lyceum_db::Repo,
    standing: &Standing,
    rights: &Rights,
) -> Result<()> {
    let gated = record.gated != Gated::No;
    if gated && !rights.member() && !rights.admitted {
        return Err(refuse_gated(caller, record, standing));
    }
    let open = record.visibility == Visibility::Public && !gated;
    if open || rights.admitted {
        return Ok(());
    }
    rights.allow(CONTENT)
}

/// Returns the error for a repo that does not exist, or that the caller may not know of: the two must not differ.
///
/// The clients' own text for it starts with these words; they show the server's only if it says more.
pub(crate) fn not_found() -> Error {
    Error::new(ErrorKind::RepoNotFound, "Repository not found")
}

/// Returns the error of a gate. The clients look for its first words; what follows tells where the user stands.
fn refuse_gated(caller: &Caller, record: &lyceum_db::Repo, standing: &Standing) -> Error {
    let (kind, id) = (record.kind, &record.name);
    if caller.identity().is_none() {
        return Error::new(
            ErrorKind::Gated,
            format!(
                "Access to {kind} {id} is restricted. You must have access to it and be authenticated to access it. Please log in."
            ),
        );
    }
    let then = match (standing.request, &standing.reason) {
        (None, _) => String::new(),
        (Some(RequestState::Pending), _) => " Your request awaits the answer of its authors.".to_owned(),
        (Some(RequestState::Rejected), Some(reason)) => {
            format!(" Your request was rejected by its authors: {reason}")
        }
        (Some(RequestState::Rejected), None) => " Your request was rejected by its authors.".to_owned(),
        (Some(RequestState::Accepted), _) if standing.expires_at.is_some() => {
            " The access that you were given has ended, or this token does not reach it.".to_owned()
        }
        (Some(RequestState::Accepted), _) => " This token does not reach it.".to_owned(),
    };
    Error::new(
        ErrorKind::Gated,
        format!("Access to {kind} {id} is restricted and you are not in the authorized list.{then}"),
    )
}

fn read_only() -> Error {
    Error::new(ErrorKind::Forbidden, "this token may only read; use one with the role `write`")
}

fn lacking(permissions: &[Permission]) -> Error {
    let names: Vec<String> =
        permissions.iter().map(|permission| format!("`{}`", permission.as_str())).collect();
    Error::new(ErrorKind::Forbidden, format!("this token lacks the permission {} here", names.join(" or ")))
}
