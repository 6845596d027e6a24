//! The device flow of OAuth (RFC 8628): a program shows a code, a user approves it in a browser.

use lyceum_core::Timestamp;

use crate::error::Result;
use crate::queries::Queries;
use crate::value::{Columns, Record, bind, words};

words! {
    /// Where a device grant stands.
    GrantState {
        /// Nobody has answered yet.
        Pending = "pending",
        /// The user agreed; the device may fetch its token.
        Approved = "approved",
        /// The user refused.
        Denied = "denied",
        /// The device has its token.
        Used = "used",
    }
}

/// A device that asks for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceGrant {
    /// The SHA-256 of the device code.
    pub device_hash: [u8; 32],
    /// What the user types.
    pub user_code: String,
    /// Which application asks.
    pub client_id: String,
    /// Who answered.
    pub user_id: Option<i64>,
    /// Where it stands.
    pub state: GrantState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When the device last asked.
    pub last_polled_at: Option<Timestamp>,
}

macro_rules! grant_columns {
    () => {
        "device_hash, user_code, client_id, user_id, state, created_at, expires_at, last_polled_at"
    };
}

impl Record for DeviceGrant {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok(Self {
            device_hash: columns.get()?,
            user_code: columns.get()?,
            client_id: columns.get()?,
            user_id: columns.get()?,
            state: columns.get()?,
            created_at: columns.get()?,
            expires_at: columns.get()?,
            last_polled_at: columns.get()?,
        })
    }
}

impl Queries {
    /// Stores a grant; false if one of its codes is in use.
    pub async fn insert_device_grant(&mut self, grant: &DeviceGrant) -> Result<bool> {
        let sql = concat!(
            "INSERT INTO device_grant (",
            grant_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
        );
        let arguments = bind![
            grant.device_hash,
            grant.user_code,
            grant.client_id,
            grant.user_id,
            grant.state,
            grant.created_at,
            grant.expires_at,
            grant.last_polled_at,
        ];
        Ok(self.execute(sql, arguments).await? == 1)
    }

    /// Returns the grant of a code that a user typed.
    pub async fn device_grant_by_user_code(&mut self, user_code: &str) -> Result<Option<DeviceGrant>> {
        self.optional(
            concat!("SELECT ", grant_columns!(), " FROM device_grant WHERE user_code = $1"),
            bind![user_code],
        )
        .await
    }

    /// Returns the grant of a device code.
    pub async fn device_grant_by_device_hash(
        &mut self,
        device_hash: &[u8; 32],
    ) -> Result<Option<DeviceGrant>> {
        self.optional(
            concat!("SELECT ", grant_columns!(), " FROM device_grant WHERE device_hash = $1"),
            bind![device_hash],
        )
        .await
    }

    /// Moves a grant from one state to another; false if it was not in `from`, so that each step is taken once.
    pub async fn set_device_grant_state(
        &mut self,
        device_hash: &[u8; 32],
        from: GrantState,
        to: GrantState,
        user_id: Option<i64>,
    ) -> Result<bool> {
        let sql = "UPDATE device_grant SET state = $3, user_id = COALESCE($4, user_id) \
                   WHERE device_hash = $1 AND state = $2";
        Ok(self.execute(sql, bind![device_hash, from, to, user_id]).await? == 1)
    }

    /// Notes that a device asked.
    pub async fn touch_device_grant(&mut self, device_hash: &[u8; 32], at: Timestamp) -> Result<()> {
        let sql = "UPDATE device_grant SET last_polled_at = $2 WHERE device_hash = $1";
        self.execute(sql, bind![device_hash, at]).await?;
        Ok(())
    }
}
