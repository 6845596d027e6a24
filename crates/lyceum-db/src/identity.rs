//! Who a user is at a provider of identities, and the roles that its groups give.

use lyceum_core::Timestamp;

use crate::account::{Account, Role, account_columns};
use crate::error::Result;
use crate::queries::Queries;
use crate::value::bind;

impl Queries {
    /// Returns the user whom an issuer knows by this subject.
    pub async fn user_by_identity(&mut self, issuer: &str, subject: &str) -> Result<Option<Account>> {
        self.optional(
            concat!(
                "SELECT ",
                account_columns!(),
                " FROM identity i JOIN account a ON a.id = i.user_id WHERE i.issuer = $1 AND i.subject = $2"
            ),
            bind![issuer, subject],
        )
        .await
    }

    /// Ties a subject of an issuer to a user; false if it is tied to somebody already.
    pub async fn insert_identity(
        &mut self,
        issuer: &str,
        subject: &str,
        user_id: i64,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "INSERT INTO identity (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (issuer, subject) DO NOTHING";
        Ok(self.execute(sql, bind![issuer, subject, user_id, at]).await? == 1)
    }

    /// Notes that a user signed in by way of an issuer.
    pub async fn touch_identity(&mut self, issuer: &str, subject: &str, at: Timestamp) -> Result<()> {
        let sql = "UPDATE identity SET used_at = $3 WHERE issuer = $1 AND subject = $2";
        self.execute(sql, bind![issuer, subject, at]).await?;
        Ok(())
    }

    /// Unties a user from all subjects of an issuer; returns how many there were.
    pub async fn delete_identities(&mut self, user_id: i64, issuer: &str) -> Result<u64> {
        let sql = "DELETE FROM identity WHERE user_id = $1 AND issuer = $2";
        self.execute(sql, bind![user_id, issuer]).await
    }

    /// Notes that a sign-in came back; false if it had before. Those whose time is over are forgotten.
    pub async fn use_sign_in(&mut self, hash: &[u8; 32], now: Timestamp, until: Timestamp) -> Result<bool> {
        self.execute("DELETE FROM used_sign_in WHERE expires_at < $1", bind![now]).await?;
        let sql = "INSERT INTO used_sign_in (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
        Ok(self.execute(sql, bind![hash, until]).await? == 1)
    }

    /// Returns the organisations and roles that an issuer's groups gave a user, in order of name.
    pub async fn memberships_by_issuer(
        &mut self,
        user_id: i64,
        issuer: &str,
    ) -> Result<Vec<(Account, Role)>> {
        self.all(
            concat!(
                "SELECT ",
                account_columns!(),
                ", m.role FROM membership m JOIN account a ON a.id = m.org_id \
                 WHERE m.user_id = $1 AND m.issuer = $2 ORDER BY a.name_key"
            ),
            bind![user_id, issuer],
        )
        .await
    }

    /// Gives a user the role that an issuer's groups say; false if he has it, or one that did not come from them.
    pub async fn upsert_member_by_issuer(
        &mut self,
        org_id: i64,
        user_id: i64,
        role: Role,
        issuer: &str,
    ) -> Result<bool> {
        let sql = "INSERT INTO membership (org_id, user_id, role, issuer) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role \
                   WHERE membership.issuer = excluded.issuer AND membership.role <> excluded.role";
        Ok(self.execute(sql, bind![org_id, user_id, role, issuer]).await? == 1)
    }
}
