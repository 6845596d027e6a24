//! Raw shards, kept as uploaded so that every table can be rebuilt from stored bytes.

use crate::read::Object;
use crate::upload::put;
use crate::{Error, ErrorKind, Result, Store, key};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
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

    /// Returns a stored shard; `None` if there is none. It fails with `Corrupt` if the bytes are damaged.
    pub async fn shard(&self, hash: XetHash) -> Result<Option<Bytes>> {
        let object = match Object::open(self.objects(), &key::shard(hash)).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = move || Error::corrupt(format!("shard `{hash}` is damaged"));
        let size = object.size();
        if size > MAX_SHARD_BYTES as u64 {
            return Err(damaged());
        }
        let whole = 0..size;
        let checked = object.read_with(vec![whole], move |mut blocks| {
            let bytes = blocks.pop().unwrap_or_default();
            if Shard::hash(&bytes) == hash { Ok(bytes) } else { Err(damaged()) }
        });
        checked.await.map(Some)
    }

    /// Lists every shard with its size.
    pub fn list_shards(&self) -> impl Stream<Item = Result<(XetHash, u64)>> + Send + use<> {
        let folder = object_store::path::Path::from(key::SHARDS);
        let found = self.objects().list(Some(&folder)).map_err(|error| Error::storage("list shards", error));
        found.try_filter_map(async |meta| Ok(key::hash_of(&meta.location).map(|hash| (hash, meta.size))))
    }
}
