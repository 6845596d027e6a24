//! Tokens with limits and an end, and the list of a user's tokens.

use std::collections::HashMap;

use lyceum_core::{AccountName, Timestamp};
use lyceum_db::{AccountKind, TokenKind, TokenRole};

use super::{MAX_TEXT_CHARS, TOKEN_PREFIX, append_event, check_text, hash};
use crate::access::scope::{Entity, MAX_SCOPES, Scope, Scopes};
use crate::access::{Permission, ScopeTarget, TokenScope};
use crate::{Caller, Error, ErrorKind, Hub, Identity, NewToken, Result};

/// Tokens on one page of a list.
const TOKEN_PAGE: u32 = 1000;

/// What keeps a token from all that its user may do.
#[derive(Debug, Clone, Default)]
pub struct TokenLimits {
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What a fine-grained one may do, and where.
    pub scopes: Vec<TokenScope>,
    /// Whether a fine-grained one opens the public gated repos that its user was let into.
    pub read_gated: bool,
}

/// A token as its user sees it in a list.
#[derive(Debug, Clone)]
pub struct TokenInfo {
    /// Database id, by which it is revoked.
    pub id: i64,
    /// What the user calls it.
    pub name: String,
    /// What it may do.
    pub role: TokenRole,
    /// How it came to be.
    pub kind: TokenKind,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last seen, to within some minutes.
    pub last_used_at: Option<Timestamp>,
    /// When it ends, or has ended.
    pub expires_at: Option<Timestamp>,
    /// What a fine-grained one may do.
    pub fine_grained: Option<FineGrained>,
}

/// The limits of a fine-grained token, with names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FineGrained {
    /// Whether it opens the public gated repos that its user was let into.
    pub read_gated: bool,
    /// What it may do everywhere.
    pub global: Vec<Permission>,
    /// What it may do in places. What is gone is left out.
    pub scoped: Vec<ScopedEntity>,
}

/// A place that a fine-grained token has permissions for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedEntity {
    /// Database id.
    pub id: i64,
    /// `user`, `org`, or a kind of repo.
    pub kind: &'static str,
    /// Its name now.
    pub name: String,
    /// What is allowed there.
    pub permissions: Vec<Permission>,
}

impl Hub {
    /// Creates a token of a user and returns its secret, which is stored only as a hash.
    pub async fn create_token(&self, user: &AccountName, token: NewToken) -> Result<String> {
        self.create_limited_token(user, token, TokenLimits::default()).await
    }

    /// Creates a token that has an end or limits, or both. Its scopes may name what its user has no rights on: they are
    /// asked at each use, not now.
    pub async fn create_limited_token(
        &self,
        user: &AccountName,
        token: NewToken,
        limits: TokenLimits,
    ) -> Result<String> {
        let user = self.account(user, AccountKind::User).await?;
        check_text("token name", Some(&token.name))?;
        let now = self.inner.clock.now();
        if let Some(end) = limits.expires_at.filter(|end| *end <= now) {
            return Err(Error::new(ErrorKind::Invalid, format!("the token's end, {end}, has passed")));
        }
        let scopes = match token.role {
            TokenRole::FineGrained => Some(self.scopes(&limits).await?),
            _ if limits.scopes.is_empty() && !limits.read_gated => None,
            _ => {
                let message = "only a token with the role `fine-grained` has scopes";
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        };
        let imported = token.value.is_some();
        let secret = token.value.unwrap_or_else(|| self.new_secret());
        if !secret.starts_with(TOKEN_PREFIX)
            || secret.len() > MAX_TEXT_CHARS
            || !secret.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a token must start with `hf_` and have at most 256 printable characters",
            ));
        }
        let row = lyceum_db::NewToken {
            user_id: user.id,
            name: token.name,
            role: token.role,
            kind: TokenKind::Access,
            hash: hash(&secret),
            created_at: now,
            expires_at: limits.expires_at,
            scopes: scopes
                .map(|scopes| serde_json::to_string(&scopes))
                .transpose()
                .map_err(Error::internal)?,
            publisher_id: None,
        };
        if self.insert_token(row).await? {
            return Ok(secret);
        }
        let same_user = matches!(self.authenticate(&secret).await?, Caller::User(identity) if identity.user_id == user.id);
        if imported && same_user {
            return Ok(secret);
        }
        Err(Error::new(ErrorKind::AlreadyExists, "this token belongs to someone else"))
    }

    /// Lists a user's tokens, oldest first; `after` is the id of the last one seen.
    pub async fn tokens(&self, user: &AccountName, after: i64) -> Result<Vec<TokenInfo>> {
        let user = self.account(user, AccountKind::User).await?;
        let rows = self.inner.db.read().await?.tokens_of(user.id, after, TOKEN_PAGE).await?;
        let limits = rows.iter().map(|row| match row.role {
            TokenRole::FineGrained => parse_scopes(row.scopes.as_deref()),
            TokenRole::Read | TokenRole::Write => Ok(None),
        });
        let limits = limits.collect::<Result<Vec<_>>>()?;
        let names = self.names(limits.iter().flatten()).await?;
        let token = |(row, scopes): (lyceum_db::Token, Option<Scopes>)| TokenInfo {
            id: row.id,
            name: row.name,
            role: row.role,
            kind: row.kind,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            fine_grained: scopes.map(|scopes| named(&scopes, &names)),
        };
        Ok(rows.into_iter().zip(limits).map(token).collect())
    }

    /// Ends a token of a user at once; `NotFound` if he has none with this id. With the token of an application end all
    /// of the user's refresh tokens: which of them would renew this one is not recorded.
    pub async fn revoke_token(&self, user: &AccountName, id: i64) -> Result<()> {
        let user = self.account(user, AccountKind::User).await?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    // Ids are unique, so that the page after the one before holds the token if it is the user's.
                    let found = tx.tokens_of(user.id, id - 1, 1).await?.into_iter().next();
                    let Some(token) = found.filter(|token| token.id == id) else {
                        let message = format!("user `{}` has no token {id}", user.name);
                        return Err(Error::new(ErrorKind::NotFound, message));
                    };
                    tx.delete_token(id).await?;
                    if token.kind == TokenKind::OAuth {
                        tx.delete_refresh_tokens(user.id).await?;
                    }
                    let detail = serde_json::json!({ "user": user.name.as_str(), "token": id });
                    append_event(tx, None, None, "revoke-token", &detail, now).await
                })
            })
            .await
    }

    /// Finds the rows that scopes name.
    async fn scopes(&self, limits: &TokenLimits) -> Result<Scopes> {
        if limits.scopes.len() > MAX_SCOPES {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("a token may have at most {MAX_SCOPES} scopes"),
            ));
        }
        let mut db = self.inner.db.read().await?;
        let mut scopes = Scopes { gated: limits.read_gated, ..Scopes::default() };
        for TokenScope { target, permissions } in &limits.scopes {
            let entity = match target {
                ScopeTarget::Everywhere => {
                    if let Some(other) = permissions.iter().find(|other| **other != Permission::Discuss) {
                        return Err(Error::new(
                            ErrorKind::Invalid,
                            format!("`{}` is not given everywhere, only in named places", other.as_str()),
                        ));
                    }
                    scopes.global.extend(permissions);
                    continue;
                }
                ScopeTarget::Account(name) => {
                    db.account_by_name(name).await?.map(|found| Entity::Account(found.id))
                }
                ScopeTarget::Repo(kind, id) => {
                    db.repo_by_key(*kind, id).await?.map(|found| Entity::Repo(found.id))
                }
            };
            let missing = || Error::new(ErrorKind::NotFound, format!("there is no {}", describe(target)));
            scopes
                .scoped
                .push(Scope { entity: entity.ok_or_else(missing)?, permissions: permissions.clone() });
        }
        Ok(scopes)
    }

    /// Returns the limits of the caller's token, with names.
    pub(super) async fn fine_grained(&self, identity: &Identity) -> Result<Option<FineGrained>> {
        match identity.limits() {
            Some(scopes) => {
                let names = self.names(std::iter::once(scopes)).await?;
                Ok(Some(named(scopes, &names)))
            }
            None => Ok(None),
        }
    }

    /// Finds the names of all that some scopes are about.
    async fn names(&self, limits: impl Iterator<Item = &Scopes>) -> Result<Names> {
        let (mut account_ids, mut repo_ids) = (Vec::new(), Vec::new());
        for scope in limits.flat_map(|scopes| &scopes.scoped) {
            match scope.entity {
                Entity::Account(id) => account_ids.push(id),
                Entity::Repo(id) => repo_ids.push(id),
            }
        }
        let mut names = Names::new();
        if account_ids.is_empty() && repo_ids.is_empty() {
            return Ok(names);
        }
        let mut db = self.inner.db.read().await?;
        for account in db.accounts(&account_ids).await? {
            names.insert(
                Entity::Account(account.id),
                (account.id, account.kind.as_str(), account.name.to_string()),
            );
        }
        for repo in db.repos(&repo_ids).await? {
            names.insert(Entity::Repo(repo.id), (repo.id, repo.kind.singular(), repo.name.to_string()));
        }
        Ok(names)
    }
}

/// Id, kind and name of what scopes are about.
type Names = HashMap<Entity, (i64, &'static str, String)>;

fn named(scopes: &Scopes, names: &Names) -> FineGrained {
    let scoped = scopes.scoped.iter().filter_map(|scope| {
        let (id, kind, name) = names.get(&scope.entity)?.clone();
        Some(ScopedEntity { id, kind, name, permissions: scope.permissions.clone() })
    });
    FineGrained { read_gated: scopes.gated, global: scopes.global.clone(), scoped: scoped.collect() }
}

/// Reads stored limits.
pub(super) fn parse_scopes(stored: Option<&str>) -> Result<Option<Scopes>> {
    stored.map(Scopes::parse).transpose()
}

fn describe(target: &ScopeTarget) -> String {
    match target {
        ScopeTarget::Everywhere => "everywhere".to_owned(),
        ScopeTarget::Account(name) => format!("account `{name}`"),
        ScopeTarget::Repo(kind, id) => format!("{kind} `{id}`"),
    }
}
