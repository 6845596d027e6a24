//! Limits on what an account may store.
//!
//! What is used is added up as files come, in the transaction that records them, so that the limits bind exactly. It is
//! measured again after deletions and when a limit is met, because what a deletion frees depends on all other files.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use lyceum_core::{AccountName, Sha256, Timestamp, XetHash};
use lyceum_db::{Queries, Quota, RepoFile};
use serde_json::json;

use crate::account::append_event;
use crate::{Error, ErrorKind, Hub, Result};

/// Job queue.
pub(crate) const QUEUE: &str = "measure";
/// Wait before deletions are measured, so that many are measured once, in milliseconds.
const DELAY_MS: i64 = 5_000;
/// Repos, and files, looked at in one query.
const PAGE: u32 = 128;
/// A measurement that is younger than this is not repeated because a limit is met, in milliseconds.
const FRESH_MS: i64 = 60_000;

/// How often a measurement is repeated because files came meanwhile.
const MAX_MEASUREMENTS: usize = 3;
/// More than any quota leaves.
const FULL: u64 = i64::MAX as u64;

/// Before every digest.
const FIRST: Sha256 = Sha256([0; 32]);

/// What an account may store, in bytes; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StorageLimits {
    /// Of its large files as users see them, once per repo.
    pub logical: Option<u64>,
    /// That it brings and the hub does not have yet.
    pub stored: Option<u64>,
}

impl Hub {
    /// Sets the limits of an account, and measures what it uses of them.
    pub async fn set_quota(&self, name: &AccountName, limits: StorageLimits) -> Result<Option<Quota>> {
        self.put_quota(None, name, limits).await
    }

    /// Sets the limits of an account for an administrator, or for the operator of the hub.
    pub(crate) async fn put_quota(
        &self,
        actor: Option<i64>,
        name: &AccountName,
        limits: StorageLimits,
    ) -> Result<Option<Quota>> {
        let (id, now) = (self.account_id(name).await?, self.inner.clock.now());
        let detail = json!({ "account": name.as_str(), "logical": limits.logical, "stored": limits.stored });
        self.inner
            .db
            .write(move |tx| {
                Box::pin(async move {
                    tx.set_quota(id, limits.logical, limits.stored).await?;
                    append_event(tx, None, actor, "set-quota", &detail, now).await
                })
            })
            .await?;
        self.measure_account(id).await?;
        Ok(self.inner.db.read().await?.quota(id).await?)
    }

    /// Returns the limits of an account and what it uses of them; `None` if it has no limits.
    pub async fn quota(&self, name: &AccountName) -> Result<Option<Quota>> {
        let id = self.account_id(name).await?;
        Ok(self.inner.db.read().await?.quota(id).await?)
    }

    async fn account_id(&self, name: &AccountName) -> Result<i64> {
        let account = self.inner.db.read().await?.account_by_name(name).await?;
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no account `{name}`"));
        Ok(account.ok_or_else(missing)?.id)
    }

    /// Fails if a user may not store `bytes` more in a repo, before they are sent.
    pub(crate) async fn check_quota(&self, repo_id: i64, user_id: i64, bytes: u64) -> Result<()> {
        let mut db = self.inner.db.read().await?;
        let Some(repo) = db.repo(repo_id).await? else {
            return Ok(());
        };
        let payer = payer(&mut db, repo.owner_id, user_id).await?;
        drop(db);
        self.check_owner_quota(payer, bytes).await
    }

    /// Returns how many bytes a user may store in a repo; `None` if there is no limit.
    pub(crate) async fn quota_left(&self, repo_id: i64, user_id: i64) -> Result<Option<u64>> {
        let mut db = self.inner.db.read().await?;
        let Some(repo) = db.repo(repo_id).await? else {
            return Ok(None);
        };
        let payer = payer(&mut db, repo.owner_id, user_id).await?;
        let quota = db.quota(payer).await?;
        Ok(quota.and_then(|quota| match check(&quota, 0) {
            Ok(()) => Some(quota.logical_limit?.saturating_sub(quota.logical_bytes)),
            Err(_) => Some(0),
        }))
    }

    /// Fails if an account may not store `bytes` more.
    pub(crate) async fn check_owner_quota(&self, owner_id: i64, bytes: u64) -> Result<()> {
        let Some(quota) = self.inner.db.read().await?.quota(owner_id).await? else {
            return Ok(());
        };
        let Err(error) = check(&quota, bytes) else {
            return Ok(());
        };
        let now = self.inner.clock.now();
        if now.0 - quota.measured_at.0 > FRESH_MS {
            self.inner
                .db
                .write(move |tx| Box::pin(async move { enqueue_at(tx, owner_id, now, now).await }))
                .await?;
            self.inner.job_added.notify_one();
        }
        Err(error)
    }

    /// Runs the job: corrects what an account is thought to use by what it does.
    pub(crate) async fn measure_account(&self, account_id: i64) -> Result<()> {
        for _ in 0..MAX_MEASUREMENTS {
            let Some(before) = self.inner.db.read().await?.quota(account_id).await? else {
                return Ok(());
            };
            let mut found = Found::default();
            self.measure_files(account_id, &mut found).await?;
            self.measure_buckets(account_id, &mut found).await?;
            let xorbs: Vec<XetHash> = found.xorbs.into_iter().collect();
            let stored = self.inner.db.read().await?.xorb_bytes(&xorbs).await?;
            let (logical, now) = (found.logical, self.inner.clock.now());
            let put = self.inner.db.write(move |tx| {
                Box::pin(async move {
                    Ok::<_, Error>(tx.put_usage(account_id, &before, logical, stored, now).await?)
                })
            });
            if put.await? {
                return Ok(());
            }
        }
        // An account that is never still is measured when it is: what was added up stands until then.
        Ok(())
    }

    /// Passes the result of a change on; if it was refused by a quota, asks for that to be measured again.
    pub(crate) async fn with_quota<T>(&self, repo_id: i64, user_id: i64, result: Result<T>) -> Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Forbidden) {
            // Fails as the change did, and asks on the way.
            self.check_quota(repo_id, user_id, FULL).await.ok();
        }
        result
    }

    async fn measure_files(&self, account_id: i64, found: &mut Found) -> Result<()> {
        let mut last_repo = 0;
        loop {
            let repos = self.inner.db.read().await?.owned_repos(account_id, false, last_repo, PAGE).await?;
            let Some(last) = repos.last() else {
                return Ok(());
            };
            last_repo = *last;
            let mut after = (0, FIRST);
            loop {
                let files =
                    self.inner.db.read().await?.owned_files(&repos, (after.0, &after.1), PAGE).await?;
                let Some(last) = files.last() else {
                    break;
                };
                after = (last.repo_id, last.sha256);
                files.iter().try_for_each(|file| found.add(file.size, &file.terms))?;
            }
        }
    }

    async fn measure_buckets(&self, account_id: i64, found: &mut Found) -> Result<()> {
        let mut last_bucket = 0;
        loop {
            let buckets =
                self.inner.db.read().await?.owned_repos(account_id, true, last_bucket, PAGE).await?;
            let Some(last) = buckets.last() else {
                return Ok(());
            };
            last_bucket = *last;
            for bucket in buckets {
                let mut path = String::new();
                loop {
                    let files = self.inner.db.read().await?.bucket_terms(bucket, &path, PAGE).await?;
                    let Some((last, ..)) = files.last() else {
                        break;
                    };
                    path.clone_from(last);
                    files.iter().try_for_each(|(_, size, terms)| found.add(*size, terms))?;
                }
            }
        }
    }
}

/// What an account's files were found to use.
#[derive(Default)]
struct Found {
    logical: u64,
    /// Each takes room once; 40 bytes of memory per 64 MiB stored.
    xorbs: HashSet<XetHash>,
}

impl Found {
    fn add(&mut self, size: u64, terms: &[u8]) -> Result<()> {
        self.logical = self.logical.saturating_add(size);
        let terms = lyceum_xet::decode_terms(terms).map_err(Error::internal)?;
        self.xorbs.extend(terms.iter().map(|term| term.xorb));
        Ok(())
    }
}

/// Counts the files that a repo does not have yet, before they become its own, for whom the upload counts.
pub(crate) async fn charge_new(
    tx: &mut Queries,
    owner_id: i64,
    repo_id: i64,
    pusher_id: i64,
    files: impl Iterator<Item = (Sha256, u64)>,
) -> Result<()> {
    let files: BTreeMap<Sha256, u64> = files.collect();
    let digests: Vec<Sha256> = files.keys().copied().collect();
    let known = tx.repo_files(repo_id, &digests).await?;
    let known: HashSet<Sha256> = known.into_iter().map(|file| file.sha256).collect();
    let new: u64 = files.iter().filter(|(sha256, _)| !known.contains(sha256)).map(|(_, size)| size).sum();
    if new == 0 {
        return Ok(());
    }
    let payer = payer(tx, owner_id, pusher_id).await?;
    charge(tx, payer, new.cast_signed(), 0).await
}

/// Counts the large files that land on a branch for the repo's owner, as far as others brought them: from now on they
/// are his. Fails if they are more than he may have.
pub(crate) async fn charge_landed(
    tx: &mut Queries,
    repo_id: i64,
    files: &[RepoFile],
    now: Timestamp,
) -> Result<()> {
    let proposed: Vec<&RepoFile> =
        files.iter().filter(|file| !file.ref_name.starts_with("refs/heads/")).collect();
    if proposed.is_empty() {
        return Ok(());
    }
    let Some(repo) = tx.repo(repo_id).await? else {
        return Ok(());
    };
    let pushers: BTreeSet<i64> = proposed.iter().map(|file| file.pusher_id).collect();
    let mut bytes = 0_u64;
    for pusher in pushers {
        if payer(tx, repo.owner_id, pusher).await? != repo.owner_id {
            bytes +=
                proposed.iter().filter(|file| file.pusher_id == pusher).map(|file| file.size).sum::<u64>();
        }
    }
    if bytes == 0 {
        return Ok(());
    }
    charge(tx, repo.owner_id, bytes.cast_signed(), 0).await?;
    // What they take after deduplication depends on all that he has.
    enqueue(tx, repo.owner_id, now).await
}

/// Returns whom an upload counts for: strangers pay for what they propose themselves.
pub(crate) async fn payer(tx: &mut Queries, owner_id: i64, pusher_id: i64) -> Result<i64> {
    let own = owner_id == pusher_id || tx.role_in(owner_id, pusher_id).await?.is_some();
    Ok(if own { owner_id } else { pusher_id })
}

/// Counts bytes for an account in the transaction that records them; fails if they are more than it may have.
pub(crate) async fn charge(tx: &mut Queries, account_id: i64, logical: i64, stored: i64) -> Result<()> {
    let Some(quota) = tx.charge(account_id, logical, stored).await? else {
        return Ok(());
    };
    // Whoever deletes is never refused.
    if logical > 0 || stored > 0 { check(&quota, 0) } else { Ok(()) }
}

/// Asks for an account to be measured soon, if it has a quota, in the transaction that deletes something of it.
pub(crate) async fn enqueue(tx: &mut Queries, account_id: i64, now: Timestamp) -> Result<()> {
    if tx.quota(account_id).await?.is_none() {
        return Ok(());
    }
    enqueue_at(tx, account_id, Timestamp(now.0 + DELAY_MS), now).await
}

async fn enqueue_at(tx: &mut Queries, account_id: i64, at: Timestamp, now: Timestamp) -> Result<()> {
    Ok(tx.enqueue(QUEUE, &format!("{QUEUE}:{account_id}"), &account_id.to_string(), at, now).await?)
}

fn check(quota: &Quota, bytes: u64) -> Result<()> {
    let logical = (quota.logical_limit, quota.logical_bytes, "");
    let stored = (quota.stored_limit, quota.stored_bytes, " after deduplication");
    for (limit, used, how) in [logical, stored] {
        // What is not here yet cannot be deduplicated yet, so it counts for the first limit only.
        let more = if how.is_empty() { bytes } else { 0 };
        let Some(limit) = limit.filter(|limit| used.saturating_add(more) > *limit) else {
            continue;
        };
        return Err(Error::new(
            ErrorKind::Forbidden,
            format!(
                "the storage quota of {limit} bytes{how} is exceeded: {} bytes are needed; delete files, or ask an \
                 administrator for more",
                used.saturating_add(more)
            ),
        ));
    }
    Ok(())
}
