//! Users and organisations, as the hub's administrators and its operator see and change them.

use std::collections::HashMap;

use lyceum_core::AccountName;
use lyceum_db::{AccountKind, Quota};
use serde_json::json;

use super::{Administration, MAX_PAGE};
use crate::account::{MAX_TEXT_CHARS, append_event};
use crate::{Account, Error, ErrorKind, Hub, Result, StorageLimits};

/// An account with what only administrators see of it.
#[derive(Debug, Clone)]
pub struct AdministeredAccount {
    /// The user or organisation.
    pub account: Account,
    /// What it may store and does; `None` without limits.
    pub quota: Option<Quota>,
}

/// One page of accounts, in order of name.
#[derive(Debug, Clone)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<AdministeredAccount>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// What is changed about a user.
#[derive(Debug, Clone, Copy)]
enum Change {
    Admin(bool),
    Disabled(bool),
}

impl Administration {
    /// Lists users or organisations whose name starts with a text, or the user who has it as his mail address.
    pub async fn accounts(&self, kind: AccountKind, start: &str, after: Option<&str>) -> Result<AccountPage> {
        if start.len() > MAX_TEXT_CHARS || after.is_some_and(|after| after.len() > MAX_TEXT_CHARS) {
            return Err(Error::new(ErrorKind::Invalid, "what is searched for is too long"));
        }
        let mut db = self.hub.inner.db.read().await?;
        let rows = if start.contains('@') {
            db.account_by_email(start).await?.into_iter().filter(|account| account.kind == kind).collect()
        } else {
            db.accounts_starting_after(kind, start, after.unwrap_or_default(), MAX_PAGE as u32).await?
        };
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut quotas: HashMap<i64, Quota> = db.quotas(&ids).await?.into_iter().collect();
        let next = if rows.len() == MAX_PAGE { rows.last().map(|last| last.name.to_string()) } else { None };
        let accounts = rows
            .into_iter()
            .map(|row| AdministeredAccount { quota: quotas.remove(&row.id), account: row.into() });
        Ok(AccountPage { accounts: accounts.collect(), next })
    }

    /// Returns one account.
    pub async fn account(&self, name: &AccountName) -> Result<AdministeredAccount> {
        let mut db = self.hub.inner.db.read().await?;
        let row = db.account_by_name(name).await?;
        let row =
            row.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no account `{name}`")))?;
        Ok(AdministeredAccount { quota: db.quota(row.id).await?, account: row.into() })
    }

    /// Keeps a user out, or lets him in again.
    pub async fn set_disabled(&self, user: &AccountName, disabled: bool) -> Result<()> {
        self.hub.change_user(Some(self.actor), user, Change::Disabled(disabled)).await
    }

    /// Makes a user administrator of the hub, or no longer.
    pub async fn set_admin(&self, user: &AccountName, admin: bool) -> Result<()> {
        self.hub.change_user(Some(self.actor), user, Change::Admin(admin)).await
    }

    /// Sets the limits of an account, and measures what it uses of them.
    pub async fn set_quota(&self, name: &AccountName, limits: StorageLimits) -> Result<Option<Quota>> {
        self.hub.put_quota(Some(self.actor), name, limits).await
    }
}

impl Hub {
    /// Keeps a user out for the operator of the hub, or lets him in again: none of his credentials works meanwhile, and
    /// what he owns stays.
    pub async fn set_disabled(&self, user: &AccountName, disabled: bool) -> Result<()> {
        self.change_user(None, user, Change::Disabled(disabled)).await
    }

    /// Makes a user administrator of the hub for its operator, or no longer.
    pub async fn set_admin(&self, user: &AccountName, admin: bool) -> Result<()> {
        self.change_user(None, user, Change::Admin(admin)).await
    }

    /// Changes a user for an administrator, or for the operator, who can help himself whatever he does.
    async fn change_user(&self, actor: Option<i64>, user: &AccountName, change: Change) -> Result<()> {
        let user = self.account(user, AccountKind::User).await?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    // Two administrators who dismiss each other would both still count both.
                    let administrators = tx.lock_administrators().await?;
                    let missing = || Error::new(ErrorKind::NotFound, "the user is gone");
                    let user = tx.account(user.id).await?.ok_or_else(missing)?;
                    let (action, detail) = match change {
                        Change::Admin(admin) if admin == user.admin => return Ok(()),
                        Change::Disabled(disabled) if disabled == user.disabled => return Ok(()),
                        Change::Admin(true) if user.service => {
                            let message = "a service account cannot administer the hub";
                            return Err(Error::new(ErrorKind::Invalid, message));
                        }
                        Change::Admin(admin) => {
                            tx.set_admin(user.id, admin).await?;
                            ("set-hub-admin", json!({ "account": user.name.as_str(), "admin": admin }))
                        }
                        Change::Disabled(disabled) => {
                            tx.set_disabled(user.id, disabled).await?;
                            ("set-disabled", json!({ "account": user.name.as_str(), "disabled": disabled }))
                        }
                    };
                    let loses = matches!(change, Change::Admin(false) | Change::Disabled(true));
                    if loses && actor == Some(user.id) {
                        let message = "you cannot do this to yourself; ask another administrator";
                        return Err(Error::new(ErrorKind::Conflict, message));
                    }
                    if loses && actor.is_some() && administrators == [user.id] {
                        let message = "this is the last administrator of the hub; make another one first";
                        return Err(Error::new(ErrorKind::Conflict, message));
                    }
                    append_event(tx, None, actor, action, &detail, now).await
                })
            })
            .await
    }
}
