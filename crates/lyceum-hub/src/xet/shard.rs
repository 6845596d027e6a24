//! Verifying and recording what a client says it uploaded.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use lyceum_core::limits::MAX_SHARD_BYTES;
use lyceum_core::{RepoKind, Sha256, Timestamp, XetHash};
use lyceum_db::{RepoFile, XetFile};
use lyceum_xet::{Shard, ShardFile, Term, XorbIndex, check_file, encode_terms};

use super::{ShardOutcome, XetGrant};
use crate::{Error, ErrorKind, Hub, Result, garbage, quota};

/// Memory for the indexes of the xorbs that one file of a shard may name, in bytes.
const MAX_INDEX_BYTES: usize = 256 << 20;
/// Bytes of memory per chunk of an index.
const CHUNK_ENTRY_BYTES: usize = 40;

/// A file to record for a repo, with what later uploads may find of it.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    pub(crate) hash: XetHash,
    pub(crate) size: u64,
    pub(crate) terms: Vec<u8>,
    pub(crate) sha256: Option<Sha256>,
    /// Whether the server itself computed the digest.
    pub(crate) verified: bool,
    pub(crate) first_chunk: Option<(XetHash, XetHash)>,
}

impl Hub {
    /// Verifies and records a shard. `progress(verified, total)` is called as files are checked.
    pub async fn put_shard(
        &self,
        grant: &XetGrant,
        bytes: Bytes,
        mut progress: impl FnMut(usize, usize) + Send,
    ) -> Result<ShardOutcome> {
        if bytes.len() > MAX_SHARD_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("a shard may have at most {} MiB", MAX_SHARD_BYTES >> 20),
            ));
        }
        let hash = Shard::hash(&bytes);
        let parsed = {
            let bytes = bytes.clone();
            tokio::task::spawn_blocking(move || Shard::parse(&bytes)).await.map_err(Error::internal)?
        };
        let shard =
            parsed.map_err(|error| Error::new(ErrorKind::Invalid, format!("invalid shard: {error}")))?;
        let total = shard.files.len();
        let mut files = Vec::with_capacity(total);
        for (verified, file) in shard.files.into_iter().enumerate() {
            progress(verified, total);
            files.push(self.verify(file).await?);
        }
        self.settle_claims(grant, &mut files).await?;
        let mut xorbs = Vec::new();
        for xorb in &shard.xorbs {
            let index = self.inner.store.xorb_index(xorb.hash).await?;
            xorbs.push(index.ok_or_else(|| not_stored(xorb.hash))?);
        }
        progress(total, total);
        self.inner.store.put_shard(bytes).await?;
        let inserted = self.record(grant.repo_id, grant.bearer.user_id, files, &xorbs, hash).await?;
        Ok(ShardOutcome { inserted, hash })
    }

    /// Checks one file against the indexes that the server itself made (xet.md §1.7): the claims of the shard are
    /// only ever compared, never stored.
    async fn verify(&self, file: ShardFile) -> Result<NewFile> {
        let mut indexes: HashMap<XetHash, Arc<XorbIndex>> = HashMap::new();
        let mut bytes = 0;
        for term in &file.terms {
            if indexes.contains_key(&term.xorb) {
                continue;
            }
            let index = self.inner.store.xorb_index(term.xorb).await?.ok_or_else(|| not_stored(term.xorb))?;
            bytes += index.chunks.len() * CHUNK_ENTRY_BYTES;
            if bytes > MAX_INDEX_BYTES {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("file `{}` is spread over too many xorbs", file.hash),
                ));
            }
            indexes.insert(term.xorb, index);
        }
        let check = move || {
            let size = check_file(&file, |xorb| indexes.get(xorb).cloned())?;
            let first_chunk = file.terms.first().and_then(|term| first_chunk(term, &indexes));
            Ok(NewFile {
                hash: file.hash,
                size,
                terms: encode_terms(&file.terms),
                sha256: file.sha256,
                verified: false,
                first_chunk,
            })
        };
        let checked: Result<NewFile, lyceum_xet::ShardError> =
            tokio::task::spawn_blocking(check).await.map_err(Error::internal)?;
        checked.map_err(|error| Error::new(ErrorKind::Invalid, format!("invalid shard: {error}")))
    }

    /// Records files for a repo and what later uploads may find of the new xorbs, in one transaction.
    ///
    /// `batch` names what was uploaded together.
    pub(crate) async fn record(
        &self,
        repo_id: i64,
        pusher_id: i64,
        files: Vec<NewFile>,
        xorbs: &[Arc<XorbIndex>],
        batch: XetHash,
    ) -> Result<bool> {
        let now = self.inner.clock.now();
        let mut chunks: Vec<(XetHash, XetHash)> = files.iter().filter_map(|file| file.first_chunk).collect();
        chunks.extend(xorbs.iter().flat_map(|index| findable_chunks(index)));
        let xorbs: Vec<XetHash> = xorbs.iter().map(|index| index.hash).collect();
        let recorded = self
            .inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let mut inserted = false;
                    // Those of a bucket count when they are put into it.
                    let repo = tx.repo(repo_id).await?.filter(|repo| repo.kind != RepoKind::Bucket);
                    if let Some(repo) = repo {
                        let named = files.iter().filter_map(|file| Some((file.sha256?, file.size)));
                        quota::charge_new(tx, repo.owner_id, repo_id, pusher_id, named).await?;
                    }
                    for file in &files {
                        let row = XetFile {
                            hash: file.hash,
                            size: file.size,
                            terms: file.terms.clone(),
                            created_at: now,
                        };
                        inserted |= tx.insert_xet_file(&row).await?;
                        link(tx, repo_id, pusher_id, file, now).await?;
                    }
                    garbage::hold(tx, &files, now).await?;
                    tx.set_xorb_batch(&xorbs, &batch, now).await?;
                    tx.insert_chunks(&chunks).await?;
                    Ok(inserted)
                })
            })
            .await;
        self.with_quota(repo_id, pusher_id, recorded).await
    }
}

async fn link(
    tx: &mut lyceum_db::Queries,
    repo_id: i64,
    pusher_id: i64,
    file: &NewFile,
    now: Timestamp,
) -> Result<()> {
    tx.link_repo_xet_file(repo_id, &file.hash, now).await?;
    if let Some(sha256) = file.sha256 {
        let row = RepoFile {
            repo_id,
            sha256,
            size: file.size,
            xet_hash: file.hash,
            verified: file.verified,
            pusher_id,
            file_name: String::new(),
            ref_name: String::new(),
            pushed_at: now,
        };
        tx.link_repo_file(&row).await?;
    }
    Ok(())
}

/// Returns what of a xorb is worth an index row: about one chunk in a thousand, and its first.
pub(crate) fn findable_chunks(index: &XorbIndex) -> Vec<(XetHash, XetHash)> {
    let findable = |(number, chunk): (usize, &lyceum_xet::ChunkEntry)| {
        (number == 0 || lyceum_xet::hash::dedup_eligible(&chunk.hash)).then_some((chunk.hash, index.hash))
    };
    index.chunks.iter().enumerate().filter_map(findable).collect()
}

fn first_chunk(term: &Term, indexes: &HashMap<XetHash, Arc<XorbIndex>>) -> Option<(XetHash, XetHash)> {
    let index = indexes.get(&term.xorb)?;
    index.chunks.get(term.chunks.start as usize).map(|chunk| (chunk.hash, term.xorb))
}

pub(crate) fn not_stored(xorb: XetHash) -> Error {
    Error::new(ErrorKind::Invalid, format!("invalid shard: xorb `{xorb}` is not stored; upload it first"))
}
