//! Asking again, for what was signed before.
//!
//! Tokens of the store and addresses of large objects say what was allowed when they were signed. Whether it still is
//! gets asked at each use, so that a gate that closes, a role or a token that ends and a repo that is hidden count at
//! once.

use std::sync::Arc;

use lyceum_db::{Account, AccountKind, Token, TokenKind, TokenRole};
use serde::{Deserialize, Serialize};

use super::{Identity, check};
use crate::{Action, Caller, Error, ErrorKind, Hub, Result};

/// Whom something was signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bearer {
    /// The user, 0 being nobody.
    pub(crate) user_id: i64,
    /// The access token by which the user asked for it; `None` for a password.
    token_id: Option<i64>,
}

impl Bearer {
    /// Returns the bearer that a user is, by all of his own rights.
    pub(crate) fn user(user_id: i64) -> Self {
        Self { user_id, token_id: None }
    }

    /// Returns the bearer that a caller is.
    pub(crate) fn of(caller: &Caller) -> Self {
        Self {
            user_id: caller.user_id().unwrap_or_default(),
            token_id: caller.identity().and_then(|identity| identity.token_id),
        }
    }
}

impl Hub {
    /// Reports whether a bearer may do something with a repo now.
    pub(crate) async fn still_allowed(&self, repo_id: i64, bearer: Bearer, action: Action) -> Result<bool> {
        let now = self.inner.clock.now();
        let mut db = self.inner.db.read().await?;
        let Some(found) = db.repo_access_by_id(repo_id, bearer.user_id).await? else {
            return Ok(false);
        };
        let caller = match bearer {
            Bearer { user_id: 0, .. } => Caller::Anonymous,
            Bearer { token_id: Some(token), .. } => match db.token(token).await? {
                Some((token, account))
                    if !account.disabled && token.expires_at.is_none_or(|end| end > now) =>
                {
                    Caller::User(Arc::new(Identity::of(token, account)?))
                }
                _ => return Ok(false),
            },
            Bearer { user_id, token_id: None } => match db.account(user_id).await? {
                Some(account) if account.kind == AccountKind::User && !account.disabled => {
                    Caller::User(Arc::new(Identity::by_password(account)))
                }
                _ => return Ok(false),
            },
        };
        match check(&caller, &found.repo, &found.standing, action, now) {
            Ok(()) => Ok(true),
            Err(error) => refusal(error).map(|()| false),
        }
    }
}

impl Identity {
    /// Returns the identity behind an access token.
    pub(crate) fn of(token: Token, account: Account) -> Result<Self> {
        let scopes = token.scopes.as_deref().map(super::Scopes::parse).transpose()?;
        Ok(Self {
            user_id: account.id,
            name: account.name,
            full_name: account.full_name,
            email: account.email,
            admin: account.admin,
            token_id: Some(token.id),
            token_name: token.name,
            token_role: token.role,
            token_kind: token.kind,
            scopes: scopes.map(Arc::new),
        })
    }

    /// Returns the identity of who gave a password.
    pub(crate) fn by_password(account: Account) -> Self {
        Self {
            user_id: account.id,
            name: account.name,
            full_name: account.full_name,
            email: account.email,
            admin: account.admin,
            token_id: None,
            token_name: "password".to_owned(),
            token_role: TokenRole::Write,
            token_kind: TokenKind::Session,
            scopes: None,
        }
    }
}

/// Lets pass the failures by which the access check says no.
fn refusal(error: Error) -> Result<()> {
    match error.kind() {
        ErrorKind::RepoNotFound
        | ErrorKind::Gated
        | ErrorKind::Disabled
        | ErrorKind::Forbidden
        | ErrorKind::Unauthenticated => Ok(()),
        _ => Err(error),
    }
}
