//! Users, organisations, tokens and sign-in.

use std::net::IpAddr;
use std::sync::Arc;

use lyceum_core::{AccountName, Timestamp};
use lyceum_db::{AccountKind, TokenKind};
use sha2::{Digest as _, Sha256};

use crate::{Caller, Error, ErrorKind, Hub, Identity, Result, Role, TokenRole};

mod own;
mod password;
mod token;

pub use token::{FineGrained, ScopedEntity, TokenInfo, TokenLimits};

/// Random letters and digits after the prefix of a new token: 34 make 37 characters, what llama.cpp asks for at least.
const TOKEN_CHARS: usize = 34;
/// Every client recognises a token by this.
const TOKEN_PREFIX: &str = "hf_";
/// Longest token, name or mail address that is looked at.
pub(crate) const MAX_TEXT_CHARS: usize = 256;
/// Lifetime of a browser session in seconds.
const SESSION_SECONDS: i64 = 30 * 24 * 3600;
/// How stale the time of last use may be, in milliseconds: writing it on each request would cost a disk write each.
const LAST_USE_MS: i64 = 10 * 60 * 1000;

/// A user or organisation.
#[derive(Debug, Clone)]
pub struct Account {
    /// Database id.
    pub id: i64,
    /// Name.
    pub name: AccountName,
    /// Name for people; the account name when none was given.
    pub full_name: String,
    /// Mail address, if known.
    pub email: Option<String>,
    /// Whether this is an organisation.
    pub organisation: bool,
    /// Whether the user administers the hub.
    pub admin: bool,
    /// Whether the user is a program, which never signs in with a password.
    pub service: bool,
    /// Whether an administrator keeps the user out.
    pub disabled: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A user's place in an organisation.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The organisation.
    pub organisation: Account,
    /// The user's role in it.
    pub role: Role,
}

/// What `whoami` tells.
#[derive(Debug, Clone)]
pub struct WhoAmI {
    /// The caller's account.
    pub account: Account,
    /// His organisations.
    pub memberships: Vec<Membership>,
    /// Name of the token that was used.
    pub token_name: String,
    /// Role of the token that was used.
    pub token_role: TokenRole,
    /// The limits of the token that was used, if it is a fine-grained one.
    pub fine_grained: Option<FineGrained>,
}

/// A user to create.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Account name, not yet checked.
    pub name: String,
    /// Name for people.
    pub full_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Whether he administers the hub.
    pub admin: bool,
    /// Password for the browser and the device login; without one only tokens work.
    pub password: Option<String>,
}

/// A user to create that is a program: it has tokens, and no password ever.
#[derive(Debug, Clone)]
pub struct NewServiceAccount {
    /// Account name, not yet checked.
    pub name: String,
    /// Name for people.
    pub full_name: Option<String>,
    /// Mail address of who answers for it.
    pub email: Option<String>,
}

/// An organisation to create.
#[derive(Debug, Clone)]
pub struct NewOrganisation {
    /// Account name, not yet checked.
    pub name: String,
    /// Name for people.
    pub full_name: Option<String>,
    /// Whether repos created without a visibility are private.
    pub private_by_default: bool,
}

/// A token to create.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Name that the user sees in his list and that `hf auth` shows.
    pub name: String,
    /// What it may do.
    pub role: TokenRole,
    /// A secret to import; `None` makes a new one.
    pub value: Option<String>,
}

impl Hub {
    /// Finds the caller of a bearer token; a wrong or expired one is [`InvalidCredentials`](crate::ErrorKind::InvalidCredentials).
    pub async fn authenticate(&self, token: &str) -> Result<Caller> {
        let invalid =
            || Error::new(ErrorKind::InvalidCredentials, "Invalid credentials in Authorization header");
        if token.is_empty() || token.len() > MAX_TEXT_CHARS {
            return Err(invalid());
        }
        let found = self.inner.db.read().await?.token_by_hash(&hash(token)).await?;
        let (token, account) = found.ok_or_else(invalid)?;
        let now = self.inner.clock.now();
        if account.disabled || token.expires_at.is_some_and(|end| end <= now) {
            return Err(invalid());
        }
        if token.last_used_at.is_none_or(|last| now.0 - last.0 > LAST_USE_MS) {
            self.note_use(token.id, now);
        }
        Ok(Caller::User(Arc::new(Identity::of(token, account)?)))
    }

    /// Finds the caller of a user name with a password or token, as git sends them from an address.
    pub async fn authenticate_basic(&self, name: &str, secret: &str, from: Option<IpAddr>) -> Result<Caller> {
        match self.authenticate(secret).await {
            Err(error)
                if error.kind() == ErrorKind::InvalidCredentials && !secret.starts_with(TOKEN_PREFIX) => {}
            answer => return answer,
        }
        let account = self.check_password(name, secret, from).await?;
        Ok(Caller::User(Arc::new(Identity::by_password(account))))
    }

    /// Tells who the caller is.
    pub async fn whoami(&self, caller: &Caller) -> Result<WhoAmI> {
        let identity = caller.signed_in()?;
        let mut db = self.inner.db.read().await?;
        let account = db
            .account(identity.user_id)
            .await?
            .ok_or_else(|| Error::internal("the caller's account is gone"))?;
        let memberships = db.memberships_of(identity.user_id).await?;
        drop(db);
        let fine_grained = self.fine_grained(identity).await?;
        Ok(WhoAmI {
            account: account.into(),
            memberships: memberships
                .into_iter()
                .map(|(account, role)| Membership { organisation: account.into(), role })
                .collect(),
            token_name: identity.token_name.clone(),
            token_role: identity.token_role,
            fine_grained,
        })
    }

    /// Creates a user.
    pub async fn create_user(&self, user: NewUser) -> Result<Account> {
        let name = AccountName::parse_new(&user.name)?;
        check_text("full name", user.full_name.as_deref())?;
        check_text("mail address", user.email.as_deref())?;
        let password_hash = match user.password {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        self.create_account(lyceum_db::NewAccount {
            kind: AccountKind::User,
            full_name: user.full_name.unwrap_or_else(|| name.to_string()),
            name,
            email: user.email,
            password_hash,
            admin: user.admin,
            service: false,
            created_at: self.inner.clock.now(),
        })
        .await
    }

    /// Creates a user that is a program. It belongs to organisations like any other.
    pub async fn create_service_account(&self, account: NewServiceAccount) -> Result<Account> {
        let name = AccountName::parse_new(&account.name)?;
        check_text("full name", account.full_name.as_deref())?;
        check_text("mail address", account.email.as_deref())?;
        self.create_account(lyceum_db::NewAccount {
            kind: AccountKind::User,
            full_name: account.full_name.unwrap_or_else(|| name.to_string()),
            name,
            email: account.email,
            password_hash: None,
            admin: false,
            service: true,
            created_at: self.inner.clock.now(),
        })
        .await
    }

    /// Creates an organisation.
    pub async fn create_organisation(&self, organisation: NewOrganisation) -> Result<Account> {
        let name = AccountName::parse_new(&organisation.name)?;
        check_text("full name", organisation.full_name.as_deref())?;
        let account = self
            .create_account(lyceum_db::NewAccount {
                kind: AccountKind::Org,
                full_name: organisation.full_name.unwrap_or_else(|| name.to_string()),
                name,
                email: None,
                password_hash: None,
                admin: false,
                service: false,
                created_at: self.inner.clock.now(),
            })
            .await?;
        let (id, full_name, private) =
            (account.id, account.full_name.clone(), organisation.private_by_default);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.set_profile(id, &full_name, private).await?) })
            })
            .await?;
        Ok(account)
    }

    /// Adds a user to an organisation, or changes his role.
    pub async fn add_member(&self, organisation: &AccountName, user: &AccountName, role: Role) -> Result<()> {
        let organisation = self.account(organisation, AccountKind::Org).await?;
        let user = self.account(user, AccountKind::User).await?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                let detail = serde_json::json!({ "organisation": organisation.name.as_str(), "user": user.name.as_str(), "role": role.as_str() });
                Box::pin(async move {
                    tx.upsert_member(organisation.id, user.id, role).await?;
                    append_event(tx, None, None, "add-member", &detail, now).await
                })
            })
            .await
    }

    /// Checks a password that was sent from an address and opens a browser session; returns the session's secret. Failures
    /// take as long as successes, until there are too many.
    pub async fn sign_in(&self, name: &str, password: &str, from: Option<IpAddr>) -> Result<String> {
        let account = self.check_password(name, password, from).await?;
        let secret = self.inner.entropy.alphanumeric(own::SESSION_CHARS);
        let now = self.inner.clock.now();
        self.insert_token(new_session(account.id, &secret, now)).await?;
        Ok(secret)
    }

    /// Ends the session of this secret.
    pub async fn sign_out(&self, session: &str) -> Result<()> {
        let hash = hash(session);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if let Some((token, _)) = tx.token_by_hash(&hash).await? {
                        tx.delete_token(token.id).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    /// Reports whether any user exists; a fresh hub explains how to make the first.
    pub async fn any_users(&self) -> Result<bool> {
        Ok(self.inner.db.read().await?.users_count().await? > 0)
    }

    async fn create_account(&self, row: lyceum_db::NewAccount) -> Result<Account> {
        let (name, now) = (row.name.clone(), row.created_at);
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let taken = || Error::new(ErrorKind::AlreadyExists, format!("the account name `{name}` or its mail address is taken"));
                    let id = tx.insert_account(&row).await?.ok_or_else(taken)?;
                    let account = tx.account(id).await?.ok_or_else(|| Error::internal("an account vanished"))?;
                    let detail = serde_json::json!({ "account": account.name.as_str(), "kind": account.kind.as_str() });
                    append_event(tx, None, None, "create-account", &detail, now).await?;
                    Ok(account.into())
                })
            })
            .await
    }

    pub(crate) async fn account(&self, name: &AccountName, kind: AccountKind) -> Result<lyceum_db::Account> {
        let found = self.inner.db.read().await?.account_by_name(name).await?;
        found.filter(|account| account.kind == kind).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no {} `{name}`",
                    if kind == AccountKind::User { "user" } else { "organisation" }
                ),
            )
        })
    }

    pub(crate) async fn insert_token(&self, row: lyceum_db::NewToken) -> Result<bool> {
        let inserted = self
            .inner
            .db
            .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.insert_token(&row).await?) }))
            .await?;
        Ok(inserted.is_some())
    }

    pub(crate) fn new_secret(&self) -> String {
        format!("{TOKEN_PREFIX}{}", self.inner.entropy.alphanumeric(TOKEN_CHARS))
    }

    /// Notes that a token was used, without keeping the request waiting.
    fn note_use(&self, token: i64, now: Timestamp) {
        let db = self.inner.db.clone();
        tokio::spawn(async move {
            let noted = db
                .write(move |tx| Box::pin(async move { Ok::<_, Error>(tx.touch_token(token, now).await?) }))
                .await;
            if let Err(error) = noted {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot note the use of a token");
            }
        });
    }
}

impl From<lyceum_db::Account> for Account {
    fn from(row: lyceum_db::Account) -> Self {
        Self {
            id: row.id,
            name: row.name,
            full_name: row.full_name,
            email: row.email,
            organisation: row.kind == AccountKind::Org,
            admin: row.admin,
            service: row.service,
            disabled: row.disabled,
            created_at: row.created_at,
        }
    }
}

/// Returns a browser session to be stored.
pub(crate) fn new_session(user_id: i64, secret: &str, now: Timestamp) -> lyceum_db::NewToken {
    lyceum_db::NewToken {
        user_id,
        name: "browser".to_owned(),
        role: TokenRole::Write,
        kind: TokenKind::Session,
        hash: hash(secret),
        created_at: now,
        expires_at: Some(now.plus_seconds(SESSION_SECONDS)),
        scopes: None,
        publisher_id: None,
    }
}

/// Returns what is stored of a secret. Secrets are long and random, so that a plain digest is enough.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn check_text(what: &str, text: Option<&str>) -> Result<()> {
    match text {
        Some(text) if text.chars().count() > MAX_TEXT_CHARS || text.chars().any(char::is_control) => {
            Err(Error::new(
                ErrorKind::Invalid,
                format!("the {what} must have at most {MAX_TEXT_CHARS} characters and no control characters"),
            ))
        }
        _ => Ok(()),
    }
}

/// Appends to the audit log, in the transaction of the change itself, and announces what webhooks are told of.
pub(crate) async fn append_event(
    tx: &mut lyceum_db::Queries,
    repo_id: Option<i64>,
    actor_id: Option<i64>,
    action: &str,
    detail: &serde_json::Value,
    at: Timestamp,
) -> Result<()> {
    let event =
        lyceum_db::NewEvent { repo_id, actor_id, action: action.to_owned(), detail: detail.to_string(), at };
    let event = tx.append_event(&event).await?;
    match repo_id {
        Some(repo_id) => crate::webhook::announce::announce(tx, repo_id, event, action, detail, at).await,
        None => Ok(()),
    }
}
