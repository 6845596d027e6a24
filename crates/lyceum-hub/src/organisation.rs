//! Who belongs to an organisation, and its resource groups.

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, Timestamp};
use lyceum_db::AccountKind;
use serde_json::json;

use crate::account::append_event;
use crate::people::id_cursor;
use crate::{Account, Caller, Error, ErrorKind, Hub, Identity, Permission, Result, Role};

mod group;

pub use group::{GroupMember, NewResourceGroup, ResourceGroup, ResourceGroupPage};

/// One page of an organisation's members.
#[derive(Debug, Clone)]
pub struct MemberPage {
    /// The members with their roles, in the order in which their accounts were made.
    pub members: Vec<(Account, Role)>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Lists the members of an organisation with their roles, for an administrator of it.
    pub async fn members(
        &self,
        caller: &Caller,
        organisation: &AccountName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<MemberPage> {
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let after = after.map(id_cursor).transpose()?;
        let (_, organisation) = self.organisation_for(caller, organisation, Permission::WriteMembers).await?;
        let rows = self.inner.db.read().await?.members_of(organisation.id, after, limit as u32).await?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|(last, _)| last.id.to_string());
        Ok(MemberPage { members: rows.into_iter().map(|(row, role)| (row.into(), role)).collect(), next })
    }

    /// Returns the caller's role in an organisation; administrators of the hub have that of its administrators.
    pub async fn own_role(&self, caller: &Caller, organisation: &Account) -> Result<Option<Role>> {
        match caller.identity() {
            None => Ok(None),
            Some(identity) if identity.admin => Ok(Some(Role::Admin)),
            Some(identity) => {
                Ok(self.inner.db.read().await?.role_in(organisation.id, identity.user_id).await?)
            }
        }
    }

    /// Adds a user to an organisation or changes his role, for an administrator of the organisation.
    pub async fn set_member(
        &self,
        caller: &Caller,
        organisation: &AccountName,
        user: &AccountName,
        role: Role,
    ) -> Result<()> {
        let (identity, organisation) =
            self.organisation_for(caller, organisation, Permission::WriteMembers).await?;
        let user = self.account(user, AccountKind::User).await?;
        let (actor, now) = (identity.user_id, self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if role != Role::Admin {
                        keep_an_admin(tx, organisation.id, user.id).await?;
                    }
                    tx.upsert_member(organisation.id, user.id, role).await?;
                    let detail = json!({
                        "organisation": organisation.name.as_str(),
                        "user": user.name.as_str(),
                        "role": role.as_str(),
                    });
                    append_event(tx, None, Some(actor), "set-member", &detail, now).await
                })
            })
            .await
    }

    /// Removes a user from an organisation and its resource groups, for an administrator of it or the user himself.
    pub async fn remove_member(
        &self,
        caller: &Caller,
        organisation: &AccountName,
        user: &AccountName,
    ) -> Result<()> {
        let identity = caller.signed_in()?;
        let (actor, now) = (identity.user_id, self.inner.clock.now());
        let organisation = if identity.name.key() == user.key() {
            identity.may_write()?;
            self.account(organisation, AccountKind::Org).await?
        } else {
            self.organisation_for(caller, organisation, Permission::WriteMembers).await?.1
        };
        let user = self.account(user, AccountKind::User).await?;
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    keep_an_admin(tx, organisation.id, user.id).await?;
                    remove(tx, Some(actor), &organisation, &user, now).await
                })
            })
            .await
    }

    /// Removes a user from an organisation for the operator of the hub, who may also remove its last administrator.
    pub async fn drop_member(&self, organisation: &AccountName, user: &AccountName) -> Result<()> {
        let organisation = self.account(organisation, AccountKind::Org).await?;
        let user = self.account(user, AccountKind::User).await?;
        let now = self.inner.clock.now();
        self.inner
            .db
            .write(move |tx| Box::pin(async move { remove(tx, None, &organisation, &user, now).await }))
            .await
    }

    /// Finds an organisation that the caller administers, if his token may do so, too.
    pub(crate) async fn organisation_for<'c>(
        &self,
        caller: &'c Caller,
        name: &AccountName,
        permission: Permission,
    ) -> Result<(&'c Identity, lyceum_db::Account)> {
        let identity = caller.signed_in()?;
        let organisation = self.account(name, AccountKind::Org).await?;
        identity.may(&[permission], organisation.id)?;
        let role = self.inner.db.read().await?.role_in(organisation.id, identity.user_id).await?;
        if identity.admin || role == Some(Role::Admin) {
            return Ok((identity, organisation));
        }
        Err(Error::new(ErrorKind::Forbidden, format!("you do not administer the organisation `{name}`")))
    }
}

async fn remove(
    tx: &mut lyceum_db::Queries,
    actor: Option<i64>,
    organisation: &lyceum_db::Account,
    user: &lyceum_db::Account,
    now: Timestamp,
) -> Result<()> {
    if !tx.remove_member(organisation.id, user.id).await? {
        let message = format!("`{}` is not a member of `{}`", user.name, organisation.name);
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    let detail = json!({ "organisation": organisation.name.as_str(), "user": user.name.as_str() });
    append_event(tx, None, actor, "remove-member", &detail, now).await
}

/// Refuses to take the role of its last administrator from an organisation: nobody could give it to another.
async fn keep_an_admin(tx: &mut lyceum_db::Queries, org_id: i64, user_id: i64) -> Result<()> {
    // Two administrators who remove each other would both still count both.
    tx.lock_account(org_id).await?;
    let leaves = tx.role_in(org_id, user_id).await? == Some(Role::Admin);
    if leaves && tx.members_with_role(org_id, Role::Admin).await? <= 1 {
        return Err(Error::new(
            ErrorKind::Conflict,
            "this is the last administrator of the organisation; make another one first",
        ));
    }
    Ok(())
}
