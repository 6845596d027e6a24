//! The reference of all settings; `lyceum config` prints it, and a test compares it with the structs.

/// One setting, as documented.
pub(crate) struct Key {
    /// Dotted name in the file.
    pub(crate) name: &'static str,
    /// Environment variable.
    pub(crate) environment: &'static str,
    /// What it does, with its unit.
    pub(crate) description: &'static str,
}

const fn key(name: &'static str, environment: &'static str, description: &'static str) -> Key {
    Key { name, environment, description }
}

/// Every setting, in the order in which they are printed.
pub(crate) const KEYS: &[Key] = &[
    key(
        "data",
        "LYCEUM_DATA",
        "Folder that holds everything stored; a relative path starts at the working folder.",
    ),
    key("listen", "LYCEUM_LISTEN", "Address and port to listen on; port 0 takes a free one."),
    key(
        "public_url",
        "LYCEUM_PUBLIC_URL",
        "Address under which clients reach this hub, `https://hub.example.org`; empty takes it from each request.",
    ),
    key(
        "trust_proxy",
        "LYCEUM_TRUST_PROXY",
        "Whether X-Forwarded-Proto, -Host and -For are believed; only behind a proxy that sets them.",
    ),
    key(
        "database",
        "LYCEUM_DATABASE",
        "`postgres://user:password@host/name`; empty uses the SQLite file `lyceum.db` in the data folder.",
    ),
    key("log.format", "LYCEUM_LOG_FORMAT", "`text` for people, `json` for machines."),
    key(
        "log.filter",
        "LYCEUM_LOG_FILTER",
        "Least level to log, by module if wanted: `lyceum_api=debug,info`.",
    ),
    key(
        "limits.connections",
        "LYCEUM_LIMITS_CONNECTIONS",
        "Most open connections; more wait until one closes.",
    ),
    key(
        "limits.header_bytes",
        "LYCEUM_LIMITS_HEADER_BYTES",
        "Largest head of a request in bytes, at least 8192.",
    ),
    key("limits.header_count", "LYCEUM_LIMITS_HEADER_COUNT", "Most header fields of a request."),
    key(
        "limits.header_seconds",
        "LYCEUM_LIMITS_HEADER_SECONDS",
        "Longest time for the head of a request to arrive; also the longest a connection may stay idle.",
    ),
    key("limits.uploads", "LYCEUM_LIMITS_UPLOADS", "Most uploads of large files written at once; more wait."),
    key("limits.database_readers", "LYCEUM_LIMITS_DATABASE_READERS", "Database connections for reading."),
    key(
        "limits.shutdown_seconds",
        "LYCEUM_LIMITS_SHUTDOWN_SECONDS",
        "How long running requests may take to finish after SIGTERM or Ctrl-C.",
    ),
    key(
        "rates.window_seconds",
        "LYCEUM_RATES_WINDOW_SECONDS",
        "Length of the windows in which requests are counted; all limits below are per window, and 0 is none.",
    ),
    key(
        "rates.anonymous_api",
        "LYCEUM_RATES_ANONYMOUS_API",
        "Requests of one address without a token, other than for files.",
    ),
    key(
        "rates.anonymous_resolvers",
        "LYCEUM_RATES_ANONYMOUS_RESOLVERS",
        "Requests of one address without a token for files.",
    ),
    key("rates.user_api", "LYCEUM_RATES_USER_API", "Requests of one user, other than for files."),
    key("rates.user_resolvers", "LYCEUM_RATES_USER_RESOLVERS", "Requests of one user for files."),
    key("rates.token_api", "LYCEUM_RATES_TOKEN_API", "Requests with one token, other than for files."),
    key("rates.token_resolvers", "LYCEUM_RATES_TOKEN_RESOLVERS", "Requests with one token for files."),
    key("cache.object_bytes", "LYCEUM_CACHE_OBJECT_BYTES", "Memory for decoded git objects in bytes."),
    key("cache.index_bytes", "LYCEUM_CACHE_INDEX_BYTES", "Memory for indexes of stored blocks in bytes."),
    key(
        "cache.pack_bytes",
        "LYCEUM_CACHE_PACK_BYTES",
        "Disk space, in the data folder, for packs that are kept for the next clone of the same, in bytes; 0 keeps none.",
    ),
    key(
        "lifetime.xet_token_seconds",
        "LYCEUM_LIFETIME_XET_TOKEN_SECONDS",
        "Lifetime of Xet tokens in seconds.",
    ),
    key(
        "lifetime.data_grant_seconds",
        "LYCEUM_LIFETIME_DATA_GRANT_SECONDS",
        "Lifetime of signed data addresses in seconds.",
    ),
    key(
        "webhooks.allow_private",
        "LYCEUM_WEBHOOKS_ALLOW_PRIVATE",
        "Names, addresses and networks that are not public and may get webhooks all the same: `ci.lan, 10.1.0.0/16`.",
    ),
    key(
        "publishers.issuers",
        "LYCEUM_PUBLISHERS_ISSUERS",
        "Addresses, with commas, of those who may vouch for programs: `https://token.actions.githubusercontent.com`.",
    ),
];
