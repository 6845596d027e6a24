//! Resource groups: named sets of an organisation's repos, with members of their own.
//!
//! In a group a member has the role of the group instead of the one in the organisation, and whoever is not in it has
//! none there. The organisation's administrators keep theirs everywhere.

use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_core::{AccountName, RepoId, RepoKind, Timestamp};
use lyceum_db::AccountKind;
use serde_json::json;

use crate::account::append_event;
use crate::people::id_cursor;
use crate::{Action, Caller, Error, ErrorKind, Hub, Identity, Permission, Repo, Result, Role};

/// Longest name of a group.
const MAX_NAME_CHARS: usize = 100;
/// Longest description of a group.
const MAX_DESCRIPTION_CHARS: usize = 500;
/// Most members or repos that are shown with a group.
const MAX_SHOWN: u32 = 1000;
/// Either of these lets a token see the resource groups that its user sees.
const SEE_GROUPS: &[Permission] = &[Permission::ReadOrganisation, Permission::WriteResourceGroups];

/// A resource group.
#[derive(Debug, Clone)]
pub struct ResourceGroup {
    /// Database id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many members it has.
    pub members_count: u64,
    /// The first thousand of them; empty in lists.
    pub members: Vec<GroupMember>,
    /// The first thousand of its repos; empty in lists.
    pub repos: Vec<(RepoKind, RepoId)>,
}

/// A member of a resource group.
#[derive(Debug, Clone)]
pub struct GroupMember {
    /// The user.
    pub user: AccountName,
    /// The role on the group's repos.
    pub role: Role,
}

/// A resource group to make.
#[derive(Debug, Clone)]
pub struct NewResourceGroup {
    /// Its name; unique within the organisation.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// One page of resource groups.
#[derive(Debug, Clone)]
pub struct ResourceGroupPage {
    /// The groups.
    pub groups: Vec<ResourceGroup>,
    /// Cursor of the next page.
    pub next: Option<String>,
}

impl Hub {
    /// Lists an organisation's resource groups: all for its administrators, for other members those they are in.
    pub async fn resource_groups(
        &self,
        caller: &Caller,
        organisation: &AccountName,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ResourceGroupPage> {
        let limit = limit.clamp(1, MAX_PAGE_ENTRIES);
        let after = after.map(id_cursor).transpose()?.unwrap_or(0);
        let (org_id, only) = self.groups_seen_by(caller, organisation).await?;
        let rows = self.inner.db.read().await?.resource_groups(org_id, only, after, limit as u32).await?;
        let next = if rows.len() == limit { rows.last().map(|row| row.id.to_string()) } else { None };
        Ok(ResourceGroupPage { groups: rows.into_iter().map(Into::into).collect(), next })
    }

    /// Shows a resource group with its members and repos.
    pub async fn resource_group(
        &self,
        caller: &Caller,
        organisation: &AccountName,
        id: i64,
    ) -> Result<ResourceGroup> {
        let (org_id, only) = self.groups_seen_by(caller, organisation).await?;
        let mut db = self.inner.db.read().await?;
        let row = db.resource_group(org_id, id).await?.ok_or_else(no_group)?;
        if let Some(user) = only
            && db.role_in_group(id, user).await?.is_none()
        {
            return Err(no_group());
        }
        let members = db.group_members(id, 0, MAX_SHOWN).await?;
        let repos = db.group_repos(id, 0, MAX_SHOWN).await?;
        Ok(ResourceGroup {
            members: members.into_iter().map(|(user, role)| GroupMember { user: user.name, role }).collect(),
            repos: repos.into_iter().map(|repo| (repo.kind, repo.name)).collect(),
            ..row.into()
        })
    }

    /// Makes a resource group, for an administrator of the organisation.
    pub async fn create_resource_group(
        &self,
        caller: &Caller,
        organisation: &AccountName,
        new: NewResourceGroup,
    ) -> Result<ResourceGroup> {
        let (identity, organisation) =
            self.organisation_for(caller, organisation, Permission::WriteResourceGroups).await?;
        check_line("name", &new.name, 1, MAX_NAME_CHARS)?;
        check_line("description", &new.description, 0, MAX_DESCRIPTION_CHARS)?;
        let (org_id, actor, now) = (organisation.id, identity.user_id, self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let taken = || {
                        let message = format!("there is a resource group `{}` already", new.name);
                        Error::new(ErrorKind::AlreadyExists, message)
                    };
                    let id = tx.insert_resource_group(org_id, &new.name, &new.description, now).await?;
                    let id = id.ok_or_else(taken)?;
                    let detail = json!({ "organisation": organisation.name.as_str(), "group": new.name });
                    append_event(tx, None, Some(actor), "create-resource-group", &detail, now).await?;
                    let row = tx.resource_group(org_id, id).await?;
                    Ok(row.ok_or_else(|| Error::internal("a resource group vanished"))?.into())
                })
            })
            .await
    }

    /// Deletes a resource group that has no repos, for an administrator of the organisation.
    pub async fn delete_resource_group(
        &self,
        caller: &Caller,
        organisation: &AccountName,
        id: i64,
    ) -> Result<()> {
        let (identity, organisation) =
            self.organisation_for(caller, organisation, Permission::WriteResourceGroups).await?;
        let (actor, now) = (identity.user_id, self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let group = tx.resource_group(organisation.id, id).await?.ok_or_else(no_group)?;
                    if !tx.delete_resource_group(id).await? {
                        // Without its group a repo would open to the whole organisation.
                        let message = "the resource group has repositories; move them out first";
                        return Err(Error::new(ErrorKind::Conflict, message));
                    }
                    let detail = json!({ "organisation": organisation.name.as_str(), "group": group.name });
                    append_event(tx, None, Some(actor), "delete-resource-group", &detail, now).await
                })
            })
            .await
    }

    /// Gives members of the organisation a role in a resource group, or none, for an administrator of it.
    pub async fn set_group_members(
        &self,
        caller: &Caller,
        organisation: &AccountName,
        id: i64,
        members: Vec<(AccountName, Option<Role>)>,
    ) -> Result<()> {
        let (identity, organisation) =
            self.organisation_for(caller, organisation, Permission::WriteResourceGroups).await?;
        if members.len() > MAX_PAGE_ENTRIES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("at most {MAX_PAGE_ENTRIES} members can be changed at once"),
            ));
        }
        let (org_id, actor, now) = (organisation.id, identity.user_id, self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let group = tx.resource_group(org_id, id).await?.ok_or_else(no_group)?;
                    for (name, role) in &members {
                        let user = tx.account_by_name(name).await?;
                        let user = user.filter(|user| user.kind == AccountKind::User);
                        let nobody = || Error::new(ErrorKind::NotFound, format!("there is no user `{name}`"));
                        let user = user.ok_or_else(nobody)?;
                        match role {
                            Some(role) => {
                                if tx.role_in(org_id, user.id).await?.is_none() {
                                    let message =
                                        format!("`{name}` is not a member of `{}`", organisation.name);
                                    return Err(Error::new(ErrorKind::Invalid, message));
                                }
                                tx.upsert_group_member(id, user.id, *role).await?;
                            }
                            None if !tx.remove_group_member(id, user.id).await? => {
                                let message = format!("`{name}` is not in the resource group");
                                return Err(Error::new(ErrorKind::NotFound, message));
                            }
                            None => {}
                        }
                        let detail = json!({
                            "organisation": organisation.name.as_str(),
                            "group": group.name,
                            "user": user.name.as_str(),
                            "role": role.map(Role::as_str),
                        });
                        append_event(tx, None, Some(actor), "set-group-member", &detail, now).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Returns the resource group of a repo to those whom [`resource_groups`](Self::resource_groups) shows it; to nobody
    /// else is it told.
    pub async fn group_of(&self, caller: &Caller, repo: &Repo) -> Result<Option<ResourceGroup>> {
        let (Some(group), Some(identity)) = (repo.record.resource_group_id, caller.identity()) else {
            return Ok(None);
        };
        let owner = repo.record.owner_id;
        if identity.may(SEE_GROUPS, owner).is_err() {
            return Ok(None);
        }
        let mut db = self.inner.db.read().await?;
        let told = match db.role_in(owner, identity.user_id).await? {
            _ if identity.admin => true,
            Some(Role::Admin) => true,
            Some(_) => db.role_in_group(group, identity.user_id).await?.is_some(),
            None => false,
        };
        if !told {
            return Ok(None);
        }
        Ok(db.resource_group(owner, group).await?.map(Into::into))
    }

    /// Puts a repo opened with [`Action::Administer`] into a resource group of its organisation, or into none, for an
    /// administrator of the organisation.
    pub async fn set_group_of(&self, caller: &Caller, repo: &Repo, group: Option<i64>) -> Result<()> {
        if repo.action < Action::Administer {
            return Err(Error::internal("a repo was to change its group that was not opened for it"));
        }
        let owner = repo.record.name.namespace();
        let identity = self.organisation_for(caller, owner, Permission::WriteResourceGroups).await?.0;
        let (repo_id, org_id) = (repo.record.id, repo.record.owner_id);
        let (actor, now) = (identity.user_id, self.inner.clock.now());
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let name = match group {
                        Some(id) => Some(tx.resource_group(org_id, id).await?.ok_or_else(no_group)?.name),
                        None => None,
                    };
                    if !tx.set_resource_group(repo_id, group).await? {
                        return Err(crate::access::not_found());
                    }
                    let detail = json!({ "group": name });
                    append_event(tx, Some(repo_id), Some(actor), "set-resource-group", &detail, now).await
                })
            })
            .await
    }

    /// Refuses whoever may not take a repo out of its resource group, as [`set_group_of`](Self::set_group_of) does.
    pub(crate) async fn may_leave_group(&self, caller: &Caller, repo: &Repo) -> Result<()> {
        let owner = repo.id().namespace();
        match self.organisation_for(caller, owner, Permission::WriteResourceGroups).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => {
                let message = format!("the repo would leave its resource group: {}", error.message());
                Err(Error::new(ErrorKind::Forbidden, message))
            }
            other => other.map(drop),
        }
    }

    /// Returns the caller's role in a group of an organisation in which he wants to make a repo.
    pub(crate) async fn role_in_group(
        &self,
        identity: &Identity,
        org_id: i64,
        group: i64,
    ) -> Result<Option<Role>> {
        let mut db = self.inner.db.read().await?;
        // A role in the group is nothing without the membership in the organisation.
        let role = db.role_in(org_id, identity.user_id).await?;
        if role.is_none() && !identity.admin {
            return Ok(None);
        }
        db.resource_group(org_id, group).await?.ok_or_else(no_group)?;
        match role {
            Some(Role::Admin) => Ok(role),
            _ => Ok(db.role_in_group(group, identity.user_id).await?),
        }
    }

    /// Returns the organisation, and the user whose groups alone are seen if the caller does not administer it.
    async fn groups_seen_by(&self, caller: &Caller, name: &AccountName) -> Result<(i64, Option<i64>)> {
        let identity = caller.signed_in()?;
        let organisation = self.account(name, AccountKind::Org).await?;
        identity.may(SEE_GROUPS, organisation.id)?;
        let role = self.inner.db.read().await?.role_in(organisation.id, identity.user_id).await?;
        match role {
            _ if identity.admin => Ok((organisation.id, None)),
            Some(Role::Admin) => Ok((organisation.id, None)),
            Some(_) => Ok((organisation.id, Some(identity.user_id))),
            None => {
                let message = format!("you are not a member of the organisation `{name}`");
                Err(Error::new(ErrorKind::Forbidden, message))
            }
        }
    }
}

impl From<lyceum_db::ResourceGroup> for ResourceGroup {
    fn from(row: lyceum_db::ResourceGroup) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            created_at: row.created_at,
            members_count: row.members,
            members: Vec::new(),
            repos: Vec::new(),
        }
    }
}

fn no_group() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such resource group")
}

fn check_line(what: &str, text: &str, least: usize, most: usize) -> Result<()> {
    let length = text.trim().chars().count();
    if (least..=most).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!("the {what} of a resource group must have {least} to {most} characters, on one line"),
    ))
}
