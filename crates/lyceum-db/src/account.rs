//! Users, organisations and memberships.

use lyceum_core::{AccountName, Timestamp};

use crate::error::Result;
use crate::queries::{Queries, Sql};
use crate::value::{Columns, Record, bind, words};

words! {
    /// Whether an account is a person or a group of them.
    AccountKind {
        /// A person, who can sign in.
        User = "user",
        /// An organisation, which has members.
        Org = "org",
    }

    /// What a member may do in an organisation, from least to most.
    Role {
        /// Sees private repos.
        Read = "read",
        /// Also creates repos and changes own ones.
        Contributor = "contributor",
        /// Also changes all repos.
        Write = "write",
        /// Also manages members and settings. A user has this role in its own namespace.
        Admin = "admin",
    }
}

/// A user or an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The key of the row.
    pub id: i64,
    /// A user or an organisation.
    pub kind: AccountKind,
    /// The name in addresses.
    pub name: AccountName,
    /// The name for people to read.
    pub full_name: String,
    /// Only users have one, and not all of them.
    pub email: Option<String>,
    /// The hash of the password in PHC form; `None` if the user cannot sign in with one.
    pub password_hash: Option<String>,
    /// Whether the user administers the whole hub.
    pub admin: bool,
    /// Whether new repos are private unless said otherwise.
    pub private_by_default: bool,
    /// Whether the user is a program, which never signs in with a password.
    pub service: bool,
    /// Whether an administrator of the hub keeps the user out.
    pub disabled: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// A user or an organisation.
    pub kind: AccountKind,
    /// The name in addresses; unique without regard to case.
    pub name: AccountName,
    /// The name for people to read.
    pub full_name: String,
    /// Unique without regard to case.
    pub email: Option<String>,
    /// The hash of the password in PHC form.
    pub password_hash: Option<String>,
    /// Whether the user administers the whole hub.
    pub admin: bool,
    /// Whether the user is a program.
    pub service: bool,
    /// When the account is made.
    pub created_at: Timestamp,
}

macro_rules! account_columns {
    () => {
        "a.id, a.kind, a.name, a.full_name, a.email, a.password_hash, a.admin, a.private_by_default, a.service, \
         a.disabled, a.created_at"
    };
}
pub(crate) use account_columns;

impl Record for Account {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            id: columns.get()?,
            kind: columns.get()?,
            name: columns.get()?,
            full_name: columns.get()?,
            email: columns.get()?,
            password_hash: columns.get()?,
            admin: columns.get()?,
            private_by_default: columns.get()?,
            service: columns.get()?,
            disabled: columns.get()?,
            created_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Makes an account; `None` if its name or its email address is taken.
    pub async fn insert_account(&mut self, new: &NewAccount) -> Result<Option<i64>> {
        self.optional(
            "INSERT INTO account (kind, name, name_key, full_name, email, email_key, password_hash, admin, created_at, \
             service) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id",
            bind![
                new.kind,
                new.name,
                new.name.key(),
                new.full_name,
                new.email,
                new.email.as_deref().map(str::to_lowercase),
                new.password_hash,
                new.admin,
                new.created_at,
                new.service,
            ],
        )
        .await
    }

    /// Returns an account.
    pub async fn account(&mut self, id: i64) -> Result<Option<Account>> {
        self.optional(concat!("SELECT ", account_columns!(), " FROM account a WHERE a.id = $1"), bind![id])
            .await
    }

    /// Returns the accounts that exist among `ids`, in no order.
    pub async fn accounts(&mut self, ids: &[i64]) -> Result<Vec<Account>> {
        let mut accounts = Vec::with_capacity(ids.len());
        for ids in ids.chunks(crate::queries::MAX_LIST) {
            let mut sql = Sql::new(concat!("SELECT ", account_columns!(), " FROM account a WHERE a.id IN "));
            sql.list(ids);
            let (sql, arguments) = sql.finish();
            accounts.extend(self.all::<Account>(sql, arguments).await?);
        }
        Ok(accounts)
    }

    /// Returns the account of a name, whatever its case.
    pub async fn account_by_name(&mut self, name: &AccountName) -> Result<Option<Account>> {
        self.optional(
            concat!("SELECT ", account_columns!(), " FROM account a WHERE a.name_key = $1"),
            bind![name.key()],
        )
        .await
    }

    /// Returns the account of an email address, whatever its case.
    pub async fn account_by_email(&mut self, email: &str) -> Result<Option<Account>> {
        self.optional(
            concat!("SELECT ", account_columns!(), " FROM account a WHERE a.email_key = $1"),
            bind![email.to_lowercase()],
        )
        .await
    }

    /// Returns a page of accounts in order of name, after the one called `after`.
    pub async fn accounts_page(
        &mut self,
        kind: AccountKind,
        after: Option<&AccountName>,
        limit: u32,
    ) -> Result<Vec<Account>> {
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                " FROM account a WHERE a.kind = $1 AND a.name_key > $2 ORDER BY a.name_key LIMIT $3"
            ),
            bind![kind, after.map(AccountName::key).unwrap_or_default(), limit],
        )
        .await
    }

    /// Returns the first accounts whose name starts with `start`, without regard to case, in order of name.
    pub async fn accounts_starting(
        &mut self,
        kind: AccountKind,
        start: &str,
        limit: u32,
    ) -> Result<Vec<Account>> {
        self.accounts_starting_after(kind, start, "", limit).await
    }

    /// Returns a page of the accounts whose name starts with `start`, without regard to case, in order of name, after
    /// the one called `after`.
    pub async fn accounts_starting_after(
        &mut self,
        kind: AccountKind,
        start: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Account>> {
        let start = start.to_ascii_lowercase();
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                " FROM account a WHERE a.kind = $1 AND a.name_key >= $2 AND a.name_key < $3 \
                 AND a.name_key > $4 ORDER BY a.name_key LIMIT $5"
            ),
            // Nothing sorts after the last code point.
            bind![kind, start, format!("{start}\u{10FFFF}"), after.to_ascii_lowercase(), limit],
        )
        .await
    }

    /// Returns the number of users.
    pub async fn users_count(&mut self) -> Result<u64> {
        self.one("SELECT COUNT(*) FROM account WHERE kind = 'user'", bind![]).await
    }

    /// Replaces the hash of a user's password; false if there is no such account.
    pub async fn set_password(&mut self, id: i64, password_hash: &str) -> Result<bool> {
        let sql = "UPDATE account SET password_hash = $2 WHERE id = $1";
        Ok(self.execute(sql, bind![id, password_hash]).await? == 1)
    }

    /// Replaces what people read and the default visibility; false if there is no such account.
    pub async fn set_profile(&mut self, id: i64, full_name: &str, private_by_default: bool) -> Result<bool> {
        let sql = "UPDATE account SET full_name = $2, private_by_default = $3 WHERE id = $1";
        Ok(self.execute(sql, bind![id, full_name, private_by_default]).await? == 1)
    }

    /// Makes a user administrator of the hub, or no longer; false if there is no such account.
    pub async fn set_admin(&mut self, id: i64, admin: bool) -> Result<bool> {
        Ok(self.execute("UPDATE account SET admin = $2 WHERE id = $1", bind![id, admin]).await? == 1)
    }

    /// Keeps a user out, or lets him in again; false if there is no such account.
    pub async fn set_disabled(&mut self, id: i64, disabled: bool) -> Result<bool> {
        Ok(self.execute("UPDATE account SET disabled = $2 WHERE id = $1", bind![id, disabled]).await? == 1)
    }

    /// Returns the users who administer the hub and are not kept out, in order of id. Changes of them that take this
    /// lock wait until the transaction ends.
    pub async fn lock_administrators(&mut self) -> Result<Vec<i64>> {
        let mut sql = Sql::new("SELECT id FROM account WHERE admin = 1 AND disabled = 0 ORDER BY id");
        sql.push(self.dialect().for_update());
        let (sql, arguments) = sql.finish();
        self.all(sql, arguments).await
    }

    /// Adds a member or changes the role of one, by hand: groups of a provider do not change it any more.
    pub async fn upsert_member(&mut self, org_id: i64, user_id: i64, role: Role) -> Result<()> {
        self.execute(
            "INSERT INTO membership (org_id, user_id, role) VALUES ($1, $2, $3) \
             ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role, issuer = NULL",
            bind![org_id, user_id, role],
        )
        .await?;
        Ok(())
    }

    /// Removes a member, also from the organisation's resource groups; false if the user was none.
    pub async fn remove_member(&mut self, org_id: i64, user_id: i64) -> Result<bool> {
        let sql = "DELETE FROM resource_group_member WHERE user_id = $2 \
                   AND group_id IN (SELECT id FROM resource_group WHERE org_id = $1)";
        self.execute(sql, bind![org_id, user_id]).await?;
        let sql = "DELETE FROM membership WHERE org_id = $1 AND user_id = $2";
        Ok(self.execute(sql, bind![org_id, user_id]).await? == 1)
    }

    /// Returns a user's role in an organisation.
    pub async fn role_in(&mut self, org_id: i64, user_id: i64) -> Result<Option<Role>> {
        let sql = "SELECT role FROM membership WHERE org_id = $1 AND user_id = $2";
        self.optional(sql, bind![org_id, user_id]).await
    }

    /// Makes other changes of an account that take this lock wait until the transaction ends.
    pub async fn lock_account(&mut self, id: i64) -> Result<()> {
        let mut sql = Sql::new("SELECT id FROM account WHERE id = ");
        sql.bind(id).push(self.dialect().for_update());
        let (sql, arguments) = sql.finish();
        self.optional::<i64>(sql, arguments).await?;
        Ok(())
    }

    /// Returns the number of an organisation's members with a role, so that the last administrator is not lost.
    pub async fn members_with_role(&mut self, org_id: i64, role: Role) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM membership WHERE org_id = $1 AND role = $2";
        self.one(sql, bind![org_id, role]).await
    }

    /// Returns the organisations of a user with its role in each, in order of name.
    pub async fn memberships_of(&mut self, user_id: i64) -> Result<Vec<(Account, Role)>> {
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                ", m.role FROM membership m JOIN account a ON a.id = m.org_id WHERE m.user_id = $1 ORDER BY a.name_key"
            ),
            bind![user_id],
        )
        .await
    }

    /// Returns a page of an organisation's members with their roles, in order of id, after the user `after`.
    pub async fn members_of(
        &mut self,
        org_id: i64,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<(Account, Role)>> {
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                ", m.role FROM membership m JOIN account a ON a.id = m.user_id \
                 WHERE m.org_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3"
            ),
            bind![org_id, after.unwrap_or(0), limit],
        )
        .await
    }
}
