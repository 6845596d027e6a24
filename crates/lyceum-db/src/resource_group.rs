//! Resource groups: named sets of an organisation's repos, with members of their own.

use lyceum_core::Timestamp;

use crate::account::{Account, Role, account_columns};
use crate::error::Result;
use crate::queries::Queries;
use crate::repo::{Repo, repo_columns};
use crate::value::{Columns, Record, bind};

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroup {
    /// The key of the row.
    pub id: i64,
    /// The organisation.
    pub org_id: i64,
    /// Its name; unique within the organisation without regard to case.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many members it has.
    pub members: u64,
}

macro_rules! group_columns {
    () => {
        "g.id, g.org_id, g.name, g.description, g.created_at, \
         (SELECT COUNT(*) FROM resource_group_member n WHERE n.group_id = g.id)"
    };
}

impl Record for ResourceGroup {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            org_id: columns.get()?,
            name: columns.get()?,
            description: columns.get()?,
            created_at: columns.get()?,
            members: columns.get()?,
        })
    }
}

impl Queries {
    /// Makes a resource group; `None` if the name is taken.
    pub async fn insert_resource_group(
        &mut self,
        org_id: i64,
        name: &str,
        description: &str,
        at: Timestamp,
    ) -> Result<Option<i64>> {
        self.optional(
            "INSERT INTO resource_group (org_id, name, name_key, description, created_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (org_id, name_key) DO NOTHING RETURNING id",
            bind![org_id, name, name.to_lowercase(), description, at],
        )
        .await
    }

    /// Returns a resource group of an organisation.
    pub async fn resource_group(&mut self, org_id: i64, id: i64) -> Result<Option<ResourceGroup>> {
        self.optional(
            concat!("SELECT ", group_columns!(), " FROM resource_group g WHERE g.id = $1 AND g.org_id = $2"),
            bind![id, org_id],
        )
        .await
    }

    /// Returns a page of an organisation's resource groups, in order of id, after the id `after`; with `member` only
    /// those that the user belongs to.
    pub async fn resource_groups(
        &mut self,
        org_id: i64,
        member: Option<i64>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<ResourceGroup>> {
        self.all(
            concat!(
                "SELECT ",
                group_columns!(),
                " FROM resource_group g WHERE g.org_id = $1 AND g.id > $2 AND ($3 = 0 OR EXISTS \
                 (SELECT 1 FROM resource_group_member m WHERE m.group_id = g.id AND m.user_id = $3)) \
                 ORDER BY g.id LIMIT $4"
            ),
            bind![org_id, after, member.unwrap_or(0), limit],
        )
        .await
    }

    /// Deletes a resource group that has no repos; false if it has some or is not there.
    pub async fn delete_resource_group(&mut self, id: i64) -> Result<bool> {
        let sql = "DELETE FROM resource_group WHERE id = $1 \
                   AND NOT EXISTS (SELECT 1 FROM repo r WHERE r.resource_group_id = $1)";
        Ok(self.execute(sql, bind![id]).await? == 1)
    }

    /// Adds a member to a resource group or changes the role of one.
    pub async fn upsert_group_member(&mut self, group_id: i64, user_id: i64, role: Role) -> Result<()> {
        self.execute(
            "INSERT INTO resource_group_member (group_id, user_id, role) VALUES ($1, $2, $3) \
             ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role",
            bind![group_id, user_id, role],
        )
        .await?;
        Ok(())
    }

    /// Removes a member from a resource group; false if the user was none.
    pub async fn remove_group_member(&mut self, group_id: i64, user_id: i64) -> Result<bool> {
        let sql = "DELETE FROM resource_group_member WHERE group_id = $1 AND user_id = $2";
        Ok(self.execute(sql, bind![group_id, user_id]).await? == 1)
    }

    /// Returns a user's role in a resource group.
    pub async fn role_in_group(&mut self, group_id: i64, user_id: i64) -> Result<Option<Role>> {
        let sql = "SELECT role FROM resource_group_member WHERE group_id = $1 AND user_id = $2";
        self.optional(sql, bind![group_id, user_id]).await
    }

    /// Returns a page of a resource group's members with their roles, in order of id, after the user `after`.
    pub async fn group_members(
        &mut self,
        group_id: i64,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(Account, Role)>> {
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                ", g.role FROM resource_group_member g JOIN account a ON a.id = g.user_id \
                 WHERE g.group_id = $1 AND g.user_id > $2 ORDER BY g.user_id LIMIT $3"
            ),
            bind![group_id, after, limit],
        )
        .await
    }

    /// Returns a page of a resource group's repos, in order of id, after the id `after`.
    pub async fn group_repos(&mut self, group_id: i64, after: i64, limit: u32) -> Result<Vec<Repo>> {
        self.all(
            concat!(
                "SELECT ",
                repo_columns!(),
                " FROM repo r WHERE r.resource_group_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3"
            ),
            bind![group_id, after, limit],
        )
        .await
    }

    /// Puts a repo into a resource group of its organisation, or into none; false if the repo is gone.
    pub async fn set_resource_group(&mut self, repo_id: i64, group_id: Option<i64>) -> Result<bool> {
        let sql = "UPDATE repo SET resource_group_id = $2 WHERE id = $1";
        Ok(self.execute(sql, bind![repo_id, group_id]).await? == 1)
    }
}
