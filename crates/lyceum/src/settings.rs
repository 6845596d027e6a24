//! Every setting: its default, its place in the file, its environment variable and what it does.
//!
//! Later ones win: default, file, environment variable, command line. Nothing else in the workspace reads the
//! environment, and an unknown key is an error rather than a silent default.

mod key;
mod load;
pub(crate) mod oidc;
mod secret;
#[cfg(test)]
mod tests;
pub(crate) mod upstream;

use std::path::{Path, PathBuf};

use lyceum_api::{RateLimits, Rates};
use serde::{Deserialize, Serialize};

pub(crate) use key::KEYS;
pub(crate) use load::{Loaded, Overrides, without_password};
pub(crate) use oidc::OidcSettings;
pub(crate) use upstream::UpstreamSettings;

/// The settings in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) listen: String,
    pub(crate) public_url: String,
    pub(crate) trust_proxy: bool,
    pub(crate) database: String,
    pub(crate) log: LogSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) rates: RateSettings,
    pub(crate) cache: CacheSettings,
    pub(crate) lifetime: LifetimeSettings,
    pub(crate) webhooks: WebhookSettings,
    pub(crate) publishers: PublisherSettings,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) oidc: Vec<OidcSettings>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) upstream: Vec<UpstreamSettings>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSettings {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Bounds that keep one client from using up the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitSettings {
    pub(crate) connections: u32,
    pub(crate) header_bytes: u32,
    pub(crate) header_count: u32,
    pub(crate) header_seconds: u32,
    pub(crate) uploads: u32,
    pub(crate) database_readers: u32,
    pub(crate) shutdown_seconds: u32,
}

/// How many requests one caller may make in some time; 0 is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RateSettings {
    pub(crate) window_seconds: u32,
    pub(crate) anonymous_api: u32,
    pub(crate) anonymous_resolvers: u32,
    pub(crate) user_api: u32,
    pub(crate) user_resolvers: u32,
    pub(crate) token_api: u32,
    pub(crate) token_resolvers: u32,
}

/// Memory and disk set aside for what is read again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CacheSettings {
    pub(crate) object_bytes: u32,
    pub(crate) index_bytes: u32,
    pub(crate) pack_bytes: u64,
}

/// How long what the hub signs is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LifetimeSettings {
    pub(crate) xet_token_seconds: u32,
    pub(crate) data_grant_seconds: u32,
}

/// Where webhooks may be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhookSettings {
    pub(crate) allow_private: String,
}

/// Who may vouch for programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PublisherSettings {
    pub(crate) issuers: String,
}

impl PublisherSettings {
    /// Returns the issuers.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = &str> {
        self.issuers.split(',').map(str::trim).filter(|issuer| !issuer.is_empty())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./lyceum-data"),
            listen: "127.0.0.1:8640".to_owned(),
            public_url: String::new(),
            trust_proxy: false,
            database: String::new(),
            log: LogSettings::default(),
            limits: LimitSettings::default(),
            rates: RateSettings::default(),
            cache: CacheSettings::default(),
            lifetime: LifetimeSettings::default(),
            webhooks: WebhookSettings::default(),
            publishers: PublisherSettings::default(),
            oidc: Vec::new(),
            upstream: Vec::new(),
        }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            connections: 4096,
            header_bytes: 128 * 1024,
            header_count: 128,
            header_seconds: 60,
            uploads: 32,
            database_readers: 8,
            shutdown_seconds: 30,
        }
    }
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            window_seconds: 300,
            anonymous_api: 0,
            anonymous_resolvers: 0,
            user_api: 0,
            user_resolvers: 0,
            token_api: 0,
            token_resolvers: 0,
        }
    }
}

impl RateSettings {
    /// Returns what the interface is to hold callers to.
    pub(crate) fn limits(&self) -> RateLimits {
        RateLimits {
            window_seconds: self.window_seconds,
            anonymous: Rates { api: self.anonymous_api, resolvers: self.anonymous_resolvers },
            user: Rates { api: self.user_api, resolvers: self.user_resolvers },
            token: Rates { api: self.token_api, resolvers: self.token_resolvers },
        }
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { object_bytes: 32 << 20, index_bytes: 32 << 20, pack_bytes: 2 << 30 }
    }
}

impl Default for LifetimeSettings {
    fn default() -> Self {
        Self { xet_token_seconds: 3600, data_grant_seconds: 3600 }
    }
}

impl Settings {
    /// Returns the public address if one is configured.
    pub(crate) fn public_url(&self) -> Option<&str> {
        (!self.public_url.is_empty()).then_some(self.public_url.as_str())
    }

    /// Returns the data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }
}
