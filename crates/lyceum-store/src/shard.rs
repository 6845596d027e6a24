//! Raw shards, kept as uploaded so that every table can be rebuilt from stored bytes.

use crate::upload::put;
use crate::{Error, ErrorKind, Result, Store, key};
use bytes::Bytes;
use lyceum_core::XetHash;
use lyceum_core::limits::MAX_SHARD_BYTES;
use lyceum_xet::Shard;

impl Store {
    /// Stores a shard under its hash, durably. The caller has verified it.
    pub async fn put_shard(&self, bytes: Bytes) -> Result<XetHash> {
        if bytes.len() > MAX_SHARD_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a shard has at most {MAX_SHARD_BYTES} bytes"),
            ));
        }
        let hashed = bytes.clone();
        let hash = tokio::task::spawn_blocking(move || Shard::hash(&hashed)).await.map_err(Error::task)?;
        put(self.objects(), &key::shard(hash), bytes.into()).await?;
        Ok(hash)
    }
}
