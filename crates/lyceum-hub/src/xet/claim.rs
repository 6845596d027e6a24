//! Digests that clients claim, and when they are believed.
//!
//! A shard says which SHA-256 a file has; computing it would cost as much as the whole rest of an upload. So the claim
//! counts at once for the user who made it, whose own commits are all that a lie can spoil, and is verified by reading
//! the file before anybody else relies on it.

use futures_util::TryStreamExt as _;
use lyceum_core::{ByteRange, Sha256};
use lyceum_xet::Term;
use sha2::Digest as _;

use super::{NewFile, XetGrant};
use crate::{Error, ErrorKind, Hub, Result};

impl Hub {
    /// Verifies the claims of a shard that contradict what another user claimed before; the true one stays.
    pub(super) async fn settle_claims(&self, grant: &XetGrant, files: &mut [NewFile]) -> Result<()> {
        let claimed: Vec<Sha256> = files.iter().filter_map(|file| file.sha256).collect();
        let known = self.inner.db.read().await?.repo_files(grant.repo_id, &claimed).await?;
        for other in known.iter().filter(|other| !other.verified && other.pusher_id != grant.user_id) {
            let contradicts =
                |file: &&mut NewFile| file.sha256 == Some(other.sha256) && file.hash != other.xet_hash;
            for file in files.iter_mut().filter(contradicts) {
                let terms = lyceum_xet::decode_terms(&file.terms).map_err(Error::internal)?;
                if self.digest(terms, file.size).await? != other.sha256 {
                    let message =
                        format!("invalid shard: file `{}` has not the sha256 `{}`", file.hash, other.sha256);
                    return Err(Error::new(ErrorKind::Invalid, message));
                }
                file.verified = true;
            }
        }
        Ok(())
    }

    /// Verifies what another user claimed, before a commit relies on it; a lie is forgotten.
    pub(crate) async fn verify_claim(&self, claim: &lyceum_db::RepoFile) -> Result<()> {
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
