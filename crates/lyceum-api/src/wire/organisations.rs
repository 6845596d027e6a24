//! Members of organisations, and resource groups.

use lyceum_core::AccountName;
use lyceum_hub::{ErrorKind, NewResourceGroup, ResourceGroup, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult};

/// A member to add, with a role.
#[derive(Debug, Deserialize)]
pub(crate) struct MemberWire {
    user: String,
    role: String,
}

impl MemberWire {
    /// Returns the user and the role.
    pub(crate) fn parse(self) -> ApiResult<(AccountName, Role)> {
        let user = AccountName::parse(&self.user)
            .map_err(|error| ApiError::new(ErrorKind::NotFound, error.to_string()))?;
        Ok((user, role(&self.role)?))
    }
}

/// A role to have from now on.
#[derive(Debug, Deserialize)]
pub(crate) struct RoleWire {
    role: String,
}

impl RoleWire {
    /// Returns the role.
    pub(crate) fn parse(self) -> ApiResult<Role> {
        role(&self.role)
    }
}

/// Members of a group, to add or to give another role.
#[derive(Debug, Deserialize)]
pub(crate) struct GroupMembersWire {
    users: Vec<MemberWire>,
}

impl GroupMembersWire {
    /// Returns users and roles.
    pub(crate) fn parse(self) -> ApiResult<Vec<(AccountName, Option<Role>)>> {
        self.users.into_iter().map(|member| member.parse().map(|(user, role)| (user, Some(role)))).collect()
    }
}

/// A group to make.
#[derive(Debug, Deserialize)]
pub(crate) struct NewGroupWire {
    name: String,
    description: Option<String>,
}

impl From<NewGroupWire> for NewResourceGroup {
    fn from(wire: NewGroupWire) -> Self {
        Self { name: wire.name, description: wire.description.unwrap_or_default() }
    }
}

/// The group that a repo is put into; `null` takes it out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepoGroupWire {
    pub(crate) resource_group_id: Option<String>,
}

/// A resource group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupWire {
    id: String,
    name: String,
    description: String,
    created_at: String,
    num_users: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repos: Option<Vec<Value>>,
}

impl GroupWire {
    /// Returns a group as lists have it.
    pub(crate) fn listed(group: ResourceGroup) -> Self {
        Self {
            id: group.id.to_string(),
            name: group.name,
            description: group.description,
            created_at: group.created_at.to_string(),
            num_users: group.members_count,
            users: None,
            repos: None,
        }
    }

    /// Returns a group with its members and repos.
    pub(crate) fn whole(mut group: ResourceGroup) -> Self {
        let users = std::mem::take(&mut group.members);
        let repos = std::mem::take(&mut group.repos);
        let user = |member: lyceum_hub::GroupMember| json!({ "user": member.user.as_str(), "role": member.role.as_str() });
        let repo = |(kind, id): (lyceum_core::RepoKind, lyceum_core::RepoId)| json!({ "type": kind.singular(), "name": id.to_string() });
        Self {
            users: Some(users.into_iter().map(user).collect()),
            repos: Some(repos.into_iter().map(repo).collect()),
            ..Self::listed(group)
        }
    }

    /// Returns what the info of a repo tells of its group.
    pub(crate) fn brief(group: ResourceGroup) -> Value {
        json!({ "id": group.id.to_string(), "name": group.name, "numUsers": group.members_count })
    }
}

fn role(word: &str) -> ApiResult<Role> {
    Role::parse(word)
        .ok_or_else(|| ApiError::invalid("`role` must be one of `read`, `contributor`, `write` and `admin`"))
}
