//! The hub itself: what it is made of and how it starts.

use std::path::PathBuf;
use std::sync::Arc;

use lyceum_core::{Clock, Entropy, RepoKind};
use lyceum_db::Db;
use lyceum_fetch::{AllowList, Fetcher, Resolver};
use lyceum_git::Extents;
use lyceum_oidc::Issuer;
use lyceum_store::Store;
use quick_cache::sync::Cache;
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use crate::archive::MAX_ARCHIVES;
use crate::bucket::Followers;
use crate::cache::GitCache;
use crate::catalogue::Catalogue;
use crate::download::Downloads;
use crate::mirror::Mirrors;
use crate::oidc::{self, OidcProvider, Provider};
use crate::signature::Signer;
use crate::throttle::Throttle;
use crate::turns::Turns;
use crate::upload_pack::pack_cache::{PackCacheOptions, Packs};
use crate::upload_pack::{MAX_FETCHES, MAX_FETCHES_EACH};
use crate::xet::claim::Verifying;
use crate::{Result, StorageReport, Upstream};

/// Most passwords hashed at once: each takes 19 MiB and tens of milliseconds, and anybody may ask for one.
const MAX_PASSWORD_WORK: usize = 4;

/// Most diffs of pull requests made at once: each reads and compares up to 32 MiB.
const MAX_DIFF_WORK: usize = 4;

/// Catalogues of tags in memory: of each kind this minute's, and the last one's.
const CATALOGUES: usize = 16;
/// Most pushes taken at once: each may hold some hundreds of megabytes, though most hold next to nothing.
const MAX_PUSH_WORK: usize = 32;
/// Most of them by one user.
const MAX_PUSH_WORK_EACH: usize = 8;

/// Settings of the hub that are not settings of one of its parts.
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Memory for decoded git objects in bytes.
    pub object_cache_bytes: u64,
    /// Lifetime of Xet tokens in seconds.
    pub xet_token_seconds: i64,
    /// Lifetime of signed data addresses in seconds.
    pub data_grant_seconds: i64,
    /// Address under which the hub is reached, without a final slash, for what it sends of its own accord.
    pub public_url: String,
    /// Where webhooks may be sent although it is not public.
    pub webhooks_allowed: AllowList,
    /// Where packs are kept for the next clone; `None` keeps none.
    pub packs: Option<PackCacheOptions>,
    /// Where the search index is kept; `None` keeps it in memory.
    pub search: Option<PathBuf>,
    /// Who vouches for people.
    pub oidc: Vec<OidcProvider>,
    /// Who may vouch for programs.
    pub publisher_issuers: Vec<String>,
    /// Other hubs that repos may be mirrored from.
    pub upstreams: Vec<Upstream>,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            object_cache_bytes: 32 << 20,
            xet_token_seconds: 3600,
            data_grant_seconds: 3600,
            public_url: "http://localhost".to_owned(),
            webhooks_allowed: AllowList::default(),
            packs: None,
            search: None,
            oidc: Vec::new(),
            publisher_issuers: Vec::new(),
            upstreams: Vec::new(),
        }
    }
}

/// Every use case; cheap to clone.
#[derive(Clone)]
pub struct Hub {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) options: HubOptions,
    pub(crate) signer: Signer,
    pub(crate) instance_id: String,
    pub(crate) git: GitCache,
    pub(crate) downloads: Downloads,
    /// What is had from other hubs.
    pub(crate) mirrors: Mirrors,
    /// Catalogues of tags, by kind and minute.
    pub(crate) catalogues: Cache<(RepoKind, i64), Arc<Value>>,
    /// What is stored, by minute.
    pub(crate) storage_reports: Cache<i64, Arc<StorageReport>>,
    /// What is being verified for whom.
    pub(crate) verifying: Verifying,
    /// Makes the requests to webhooks.
    pub(crate) fetcher: Fetcher,
    /// Who vouches for people.
    pub(crate) oidc: Vec<Provider>,
    /// Who may vouch for programs.
    pub(crate) publisher_issuers: Vec<Issuer>,
    /// Told when a delivery was enqueued by this process.
    pub(crate) delivery_added: Notify,
    /// Told when a job was enqueued by this process, so that it starts without waiting for the next poll.
    pub(crate) job_added: Notify,
    /// Those who follow the changes of a bucket.
    pub(crate) followers: Followers,
    /// Turns to hash a password.
    pub(crate) password_work: Arc<Semaphore>,
    /// Guesses at passwords and codes.
    pub(crate) throttle: Throttle,
    /// Turns to write the diff of a pull request.
    pub(crate) diff_work: Arc<Semaphore>,
    /// The search index.
    pub(crate) catalogue: Catalogue,
    /// Packs that are kept for the next clone.
    pub(crate) packs: Packs,
    /// Turns to answer a fetch.
    pub(crate) fetches: Arc<Turns>,
    /// Turns to push.
    pub(crate) push_work: Arc<Turns>,
    /// Turns to write an archive.
    pub(crate) archives: Arc<Semaphore>,
    /// What folders hold, for the rules of pushes.
    pub(crate) extents: Arc<Extents>,
}

impl Hub {
    /// Starts a hub over a migrated database and an opened store.
    pub async fn start(
        db: Db,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        options: HubOptions,
    ) -> Result<Self> {
        let (new_key, new_id) = (entropy.bytes::<32>(), entropy.id());
        let (key, instance_id) = db
            .write(move |tx| {
                Box::pin(async move {
                    let key = tx.put_setting_if_absent("signing_key", &new_key).await?;
                    let instance_id = tx.put_setting_if_absent("instance_id", new_id.as_bytes()).await?;
                    Ok::<_, crate::Error>((key, instance_id))
                })
            })
            .await?;
        let key =
            key.try_into().map_err(|_| crate::Error::internal("the stored signing key has not 32 bytes"))?;
        let of_people = options.oidc.iter().map(|provider| &provider.issuer);
        let ask = oidc::fetcher(of_people.chain(&options.publisher_issuers).map(String::as_str));
        let oidc = oidc::providers(&options, &ask, &clock)?;
        let publisher_issuers = oidc::issuers(&options, &ask, &clock)?;
        let inner = Inner {
            db,
            store,
            clock,
            entropy,
            signer: Signer::new(key),
            instance_id: String::from_utf8(instance_id).map_err(crate::Error::internal)?,
            git: GitCache::new(options.object_cache_bytes),
            mirrors: Mirrors::new(&options.upstreams)?,
            fetcher: Fetcher::new(options.webhooks_allowed.clone(), Resolver::system()),
            oidc,
            publisher_issuers,
            delivery_added: Notify::new(),
            catalogue: Catalogue::new(options.search.clone()),
            packs: Packs::open(options.packs.as_ref()),
            fetches: Turns::new(MAX_FETCHES, MAX_FETCHES_EACH),
            options,
            downloads: Downloads::default(),
            catalogues: Cache::new(CATALOGUES),
            storage_reports: Cache::new(1),
            verifying: Verifying::default(),
            job_added: Notify::new(),
            followers: Followers::default(),
            throttle: Throttle::new(),
            password_work: Arc::new(Semaphore::new(MAX_PASSWORD_WORK)),
            diff_work: Arc::new(Semaphore::new(MAX_DIFF_WORK)),
            push_work: Turns::new(MAX_PUSH_WORK, MAX_PUSH_WORK_EACH),
            archives: Arc::new(Semaphore::new(MAX_ARCHIVES)),
            extents: Arc::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Reports whether the database and the store answer.
    pub async fn ready(&self) -> Result<()> {
        self.inner.db.read().await?.setting("instance_id").await?;
        Ok(())
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }
}
