//! Values that the hub makes once and keeps, such as its signing key.

use crate::error::{Error, Result};
use crate::queries::Queries;
use crate::value::bind;

impl Queries {
    /// Returns a value.
    pub async fn setting(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        self.optional("SELECT value FROM setting WHERE name = $1", bind![name]).await
    }

    /// Stores a value unless there is one, and returns what is stored: all replicas get the same.
    pub async fn put_setting_if_absent(&mut self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        self.execute(
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            bind![name, value],
        )
        .await?;
        self.setting(name).await?.ok_or_else(|| Error::damaged("setting.value"))
    }

    /// Stores a value in place of the one it was; false if it is another by now.
    pub async fn swap_setting(&mut self, name: &str, old: &[u8], new: &[u8]) -> Result<bool> {
        let sql = "UPDATE setting SET value = $3 WHERE name = $1 AND value = $2";
        Ok(self.execute(sql, bind![name, old, new]).await? == 1)
    }

    /// Stores a value in place of any other.
    pub async fn put_setting(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.execute(
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            bind![name, value],
        )
        .await?;
        Ok(())
    }
}
