//! Digests that clients claim, and when they are believed.
//!
//! A shard says which SHA-256 a file has; computing it would cost as much as the whole rest of an upload. So the claim
//! of a user who may write to the repo counts at once for him, and is verified by reading the file before anybody else
//! relies on it. Whoever may only propose is never believed: his claims are verified as they come, so that what others
//! take from his pull request, by whatever road, cannot be replaced later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use lyceum_core::{ByteRange, Sha256};
use lyceum_db::RepoFile;
use lyceum_xet::Term;
use sha2::Digest as _;

use super::{NewFile, XetGrant};
use crate::{Action, Error, ErrorKind, Hub, Result};

/// Most shards of one user whose claims are read and verified at the same time.
const MAX_SHARDS_OF_ONE: usize = 2;
/// Most bytes of one user's claims that are read at the same time, unless they are of one shard.
const MAX_BYTES_OF_ONE: u64 = 16 << 30;

/// What is being verified, by user: shards and bytes.
#[derive(Default)]
pub(crate) struct Verifying(Arc<Mutex<HashMap<i64, (usize, u64)>>>);

/// A user's turn, which ends when it is dropped.
struct Turn {
    verifying: Arc<Mutex<HashMap<i64, (usize, u64)>>>,
    user_id: i64,
    bytes: u64,
}

impl Verifying {
    /// Begins a turn; fails when the user has enough under way, and the client tries again a little later.
    fn begin(&self, user_id: i64, bytes: u64) -> Result<Turn> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (shards, read) = users.get(&user_id).copied().unwrap_or_default();
        if shards >= MAX_SHARDS_OF_ONE || (shards > 0 && read.saturating_add(bytes) > MAX_BYTES_OF_ONE) {
            let message = "what you uploaded before is still being verified; please try again";
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        users.insert(user_id, (shards + 1, read.saturating_add(bytes)));
        Ok(Turn { verifying: Arc::clone(&self.0), user_id, bytes })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut users = self.verifying.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((shards, bytes)) = users.get_mut(&self.user_id) {
            *shards -= 1;
            *bytes = bytes.saturating_sub(self.bytes);
            if *shards == 0 {
                users.remove(&self.user_id);
            }
        }
    }
}

impl Hub {
    /// Verifies the claims of a shard by who may not write to the repo, and those that contradict what another user
    /// claimed before; the true one stays.
    pub(crate) async fn settle_claims(&self, grant: &XetGrant, files: &mut [NewFile]) -> Result<()> {
        let claimed: Vec<Sha256> = files.iter().filter_map(|file| file.sha256).collect();
        if claimed.is_empty() {
            return Ok(());
        }
        let known = self.inner.db.read().await?.repo_files(grant.repo_id, &claimed).await?;
        let known: HashMap<Sha256, RepoFile> = known.into_iter().map(|file| (file.sha256, file)).collect();
        let writer = self.still_allowed(grant.repo_id, grant.bearer, Action::Write).await?;
        let doubted = |file: &NewFile| {
            let other = file.sha256.and_then(|sha256| known.get(&sha256));
            let known_true = other.is_some_and(|other| other.verified && other.xet_hash == file.hash);
            let contradicts = other.is_some_and(|other| {
                !other.verified && other.pusher_id != grant.bearer.user_id && other.xet_hash != file.hash
            });
            file.sha256.is_some() && !known_true && (!writer || contradicts)
        };
        let doubted: Vec<&mut NewFile> = files.iter_mut().filter(|file| doubted(file)).collect();
        if doubted.is_empty() {
            return Ok(());
        }
        let bytes = doubted.iter().fold(0_u64, |bytes, file| bytes.saturating_add(file.size));
        let _turn = self.inner.verifying.begin(grant.bearer.user_id, bytes)?;
        for file in doubted {
            let Some(sha256) = file.sha256 else {
                continue;
            };
            let terms = lyceum_xet::decode_terms(&file.terms).map_err(Error::internal)?;
            if self.digest(terms, file.size).await? != sha256 {
                let message = format!("invalid shard: file `{}` has not the sha256 `{sha256}`", file.hash);
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            file.verified = true;
        }
        Ok(())
    }

    /// Verifies what another user claimed, before somebody relies on it; a lie is forgotten.
    pub(crate) async fn verify_claim(&self, claim: &RepoFile) -> Result<()> {
        let (repo_id, sha256, xet_hash) = (claim.repo_id, claim.sha256, claim.xet_hash);
        let terms = self
            .terms(xet_hash)
            .await?
            .ok_or_else(|| Error::internal(format!("file {xet_hash} is recorded but unknown")))?;
        let holds = self.digest(terms.to_vec(), claim.size).await? == sha256;
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    if holds {
                        tx.mark_verified(repo_id, &sha256, &xet_hash).await?;
                    } else {
                        tx.delete_repo_files(repo_id, &[sha256]).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        if holds {
            return Ok(());
        }
        let message = format!(
            "the content that was uploaded for the sha256 `{sha256}` is another; please upload it again"
        );
        Err(Error::new(ErrorKind::Unprocessable, message))
    }

    async fn digest(&self, terms: Vec<Term>, size: u64) -> Result<Sha256> {
        let mut body = self.inner.store.read_file(terms.into(), ByteRange::new(0, size)).await?;
        let mut digest = sha2::Sha256::new();
        while let Some(block) = body.try_next().await? {
            digest = tokio::task::spawn_blocking(move || {
                digest.update(&block);
                digest
            })
            .await
            .map_err(Error::internal)?;
        }
        Ok(Sha256(digest.finalize().into()))
    }
}

#[cfg(test)]
mod tests;
