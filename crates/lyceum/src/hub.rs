//! Opening the hub that the settings describe.

use std::path::{Path, PathBuf};

use lyceum_core::{Clock, Entropy};
use lyceum_db::{Db, DbOptions};
use lyceum_hub::{AllowList, Hub, HubOptions, PackCacheOptions};
use lyceum_store::{Store, StoreOptions};

use crate::failure::{Failure, Result};
use crate::settings::{OidcSettings, Settings, UpstreamSettings};

/// Opens the database and the store, making both if they do not exist, and starts the hub over them.
///
/// Several processes may do so at once: the command line works beside a running server.
pub(crate) async fn open(settings: &Settings) -> Result<Hub> {
    let data = make_data_folder(settings.data())?;
    let db = open_database(settings, &data).await?;
    let options = StoreOptions {
        index_cache_bytes: u64::from(settings.cache.index_bytes),
        max_concurrent_uploads: settings.limits.uploads as usize,
    };
    let store = Store::open_local(&data.join("store"), options)
        .await
        .map_err(|error| Failure::from(anyhow::Error::new(error)).context("open the store").hint(DOCTOR))?;
    let oidc = settings.oidc.iter().map(OidcSettings::provider).collect::<Result<_, _>>();
    let upstreams = settings.upstream.iter().map(UpstreamSettings::upstream).collect::<Result<_, _>>();
    let options = HubOptions {
        object_cache_bytes: u64::from(settings.cache.object_bytes),
        xet_token_seconds: i64::from(settings.lifetime.xet_token_seconds),
        data_grant_seconds: i64::from(settings.lifetime.data_grant_seconds),
        public_url: settings
            .public_url()
            .map_or_else(|| format!("http://{}", settings.listen), str::to_owned),
        webhooks_allowed: AllowList::parse(&settings.webhooks.allow_private)
            .map_err(|error| Failure::usage(format!("setting `webhooks.allow_private`: {error}")))?,
        search: Some(data.join("search")),
        oidc: oidc.map_err(Failure::usage)?,
        publisher_issuers: settings.publishers.issuers().map(str::to_owned).collect(),
        upstreams: upstreams.map_err(Failure::usage)?,
        packs: Some(PackCacheOptions { folder: data.join("packs"), bytes: settings.cache.pack_bytes }),
    };
    Ok(Hub::start(db, store, Clock::system(), Entropy::system(), options).await?)
}

const DOCTOR: &str = "`lyceum doctor` checks the data folder, the database and the machine";

/// Opens the database that the settings name, or the SQLite file in the data folder.
pub(crate) async fn open_database(settings: &Settings, data: &Path) -> Result<Db> {
    let url = if settings.database.is_empty() {
        DbOptions::sqlite_url(&data.join("lyceum.db"))
    } else {
        settings.database.clone()
    };
    let options = DbOptions { url, readers: settings.limits.database_readers, clock: Clock::system() };
    Db::open(options)
        .await
        .map_err(|error| Failure::from(anyhow::Error::new(error)).context("open the database").hint(DOCTOR))
}

/// Makes the data folder, readable by its owner only, and returns its absolute path.
pub(crate) fn make_data_folder(path: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| path.canonicalize())
        .map_err(|error| {
            Failure::from(error)
                .context(format!("make the data folder `{}`", path.display()))
                .hint("name another folder with --data, or give this user the right to write there")
        })
}
