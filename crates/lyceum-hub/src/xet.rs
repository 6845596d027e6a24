//! The Xet content-addressed store: tokens, xorbs, shards, reconstructions, data.

use bytes::Bytes;
use futures_util::Stream;
use lyceum_core::{ByteRange, Timestamp, XetHash};
use lyceum_store::ByteStream;

use crate::access::grant::Bearer;
use crate::signature::GrantError;
use crate::{Action, Caller, Error, ErrorKind, Hub, Repo, Result, garbage, quota};

pub(crate) mod claim;
mod reconstruction;
mod shard;

pub(crate) use shard::{NewFile, findable_chunks};

const TOKEN: &str = "xet-token";
const DATA: &str = "xet-data";

/// What a Xet token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XetScope {
    /// Reconstruct files of the repo.
    Read,
    /// Also store xorbs and shards for it.
    Write,
}

/// A token for the store, bound to one repo.
#[derive(Debug, Clone)]
pub struct XetToken {
    /// Opaque to clients.
    pub token: String,
    /// When it ends; clients renew before that by their clock.
    pub expires_at: Timestamp,
}

/// A checked token.
#[derive(Debug, Clone, Copy)]
pub struct XetGrant {
    pub(crate) repo_id: i64,
    /// Whose it is; nobody can only read.
    pub(crate) bearer: Bearer,
    pub(crate) scope: XetScope,
}

/// What became of a shard.
#[derive(Debug, Clone)]
pub struct ShardOutcome {
    /// Whether anything in it was new.
    pub inserted: bool,
    /// Its hash.
    pub hash: XetHash,
}

/// How to rebuild a range of a file.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    /// Bytes to skip in the first term.
    pub offset_into_first_range: u64,
    /// Terms in file order.
    pub terms: Vec<lyceum_xet::plan::PlannedTerm>,
    /// What to fetch from each xorb.
    pub fetches: Vec<ReconstructionFetch>,
}

/// Ranges of one xorb and the signature that lets anyone read just these.
#[derive(Debug, Clone)]
pub struct ReconstructionFetch {
    /// The xorb.
    pub xorb: XetHash,
    /// Its ranges.
    pub ranges: Vec<lyceum_xet::plan::FetchRange>,
    /// Signed xorb, byte ranges and expiry, safe in a URL query.
    pub grant: String,
}

impl Hub {
    /// Returns the id of this store, which stands in its address: a store that was reset gets a new one, so that
    /// clients drop what they remember of the old.
    pub fn instance_id(&self) -> &str {
        &self.inner.instance_id
    }

    /// Makes a token. Write scope needs a repo opened for writing or proposing, read scope one opened for reading.
    pub async fn xet_token(&self, caller: &Caller, repo: &Repo, scope: XetScope) -> Result<XetToken> {
        let needed = match scope {
            XetScope::Read => Action::Read,
            XetScope::Write => Action::Propose,
        };
        if repo.action < needed {
            return Err(Error::internal(format!(
                "a {scope:?} token was asked for a repo opened to {:?}",
                repo.action
            )));
        }
        if scope == XetScope::Write {
            self.check_quota(repo.record.id, caller.user_id().unwrap_or_default(), 0).await?;
        }
        let expires_at = self.inner.clock.now().plus_seconds(self.inner.options.xet_token_seconds);
        let payload = (repo.record.id, Bearer::of(caller), scope == XetScope::Write);
        Ok(XetToken { token: self.inner.signer.sign(TOKEN, expires_at, &payload), expires_at })
    }

    /// Checks a token: `InvalidCredentials` if it is malformed, forged, expired or lacks the scope, and if its user may
    /// no longer do what it is for. Clients then ask for a new one, and learn why there is none.
    pub async fn xet_grant(&self, token: &str, scope: XetScope) -> Result<XetGrant> {
        let refuse = |reason| Error::new(ErrorKind::InvalidCredentials, reason);
        let (repo_id, bearer, write): (i64, Bearer, bool) =
            self.inner.signer.check(TOKEN, self.inner.clock.now(), token).map_err(|error| match error {
                GrantError::Forged => refuse("the Xet token is not valid"),
                GrantError::Expired => refuse("the Xet token is expired"),
            })?;
        if scope == XetScope::Write && !write {
            return Err(refuse("the Xet token may only read"));
        }
        let action = if scope == XetScope::Write { Action::Propose } else { Action::Read };
        if !self.still_allowed(repo_id, bearer, action).await? {
            return Err(refuse("the Xet token is no longer valid"));
        }
        Ok(XetGrant { repo_id, bearer, scope })
    }

    /// Stores a xorb; `false` if it was there.
    pub async fn put_xorb<S, E>(&self, grant: &XetGrant, hash: XetHash, body: S) -> Result<bool>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        debug_assert_eq!(grant.scope, XetScope::Write);
        self.check_quota(grant.repo_id, grant.bearer.user_id, 0).await?;
        let put = self.inner.store.put_xorb(hash, body).await?;
        let stored = if put.inserted { put.index.stored_bytes() } else { 0 };
        self.record_xorbs(grant.repo_id, grant.bearer.user_id, vec![put.index], stored).await?;
        Ok(put.inserted)
    }

    /// Records stored xorbs, so that a check can find what no file names any more, and the `stored` bytes among them
    /// that are new for the account that brought them. It is refused what comes next, not these: they are there.
    pub(crate) async fn record_xorbs(
        &self,
        repo_id: i64,
        user_id: i64,
        xorbs: Vec<std::sync::Arc<lyceum_xet::XorbIndex>>,
        stored: u64,
    ) -> Result<()> {
        let now = self.inner.clock.now();
        let rows: Vec<_> = xorbs.iter().map(|index| xorb_row(index, now)).collect();
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    for row in &rows {
                        if !tx.insert_xorb(row).await? {
                            return Err(garbage::being_deleted(row.hash));
                        }
                    }
                    if stored > 0
                        && let Some(repo) = tx.repo(repo_id).await?
                    {
                        let payer = quota::payer(tx, repo.owner_id, user_id).await?;
                        tx.charge(payer, 0, stored.cast_signed()).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.check_stored(xorbs.iter().map(|index| index.hash), now).await
    }

    /// Returns the stored size of a xorb in bytes.
    pub async fn xorb_size(&self, _: &XetGrant, hash: XetHash) -> Result<Option<u64>> {
        Ok(self.inner.store.has_xorb(hash).await?)
    }

    /// Checks a data grant and returns the xorb and the ranges it allows; `Forbidden` only if it is expired, since
    /// clients then ask for a new one.
    pub fn data_grant(&self, grant: &str) -> Result<(XetHash, Vec<ByteRange>)> {
        let checked =
            self.inner.signer.check::<(String, Vec<(u64, u64)>)>(DATA, self.inner.clock.now(), grant);
        let forged = || Error::new(ErrorKind::Invalid, "the data address is not valid");
        let (xorb, ranges) = checked.map_err(|error| match error {
            GrantError::Forged => forged(),
            GrantError::Expired => Error::new(ErrorKind::Forbidden, "the data address is expired"),
        })?;
        let xorb = xorb.parse().map_err(|_| forged())?;
        Ok((xorb, ranges.into_iter().map(|(start, end)| ByteRange::new(start, end)).collect()))
    }

    /// Streams bytes of a xorb, for a range inside of what [`data_grant`](Self::data_grant) allowed.
    pub async fn read_xorb(&self, xorb: XetHash, range: ByteRange) -> Result<ByteStream> {
        Ok(self.inner.store.read_xorb(xorb, range).await?)
    }
}

/// Returns the row of a xorb that was seen just now.
pub(crate) fn xorb_row(index: &lyceum_xet::XorbIndex, now: Timestamp) -> lyceum_db::XorbRow {
    lyceum_db::XorbRow {
        hash: index.hash,
        stored_bytes: index.stored_bytes(),
        raw_bytes: index.raw_bytes(),
        chunks: u64::from(index.chunk_count()),
        created_at: now,
        seen_at: now,
    }
}
