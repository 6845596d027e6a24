//! Reading settings from the file, the environment and the command line, and checking them once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lyceum_hub::{AllowList, check_issuer};
use toml::{Table, Value};

use super::{KEYS, Settings};
use crate::failure::{Failure, Result};

/// Largest settings file that is read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Most issuers that may vouch for programs.
const MAX_ISSUERS: usize = 16;

/// What the command line sets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    /// `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `--data`.
    pub(crate) data: Option<PathBuf>,
    /// `--listen`.
    pub(crate) listen: Option<String>,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File,
    Environment,
    CommandLine,
}

impl Source {
    /// Returns the words that `lyceum config` prints.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::CommandLine => "command line",
        }
    }
}

/// Settings in effect, and where each came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    sources: BTreeMap<&'static str, Source>,
}

impl Loaded {
    /// Loads the settings of this process.
    pub(crate) fn load(overrides: &Overrides) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        Self::load_with(overrides, |name| std::env::var(name).ok())
    }

    /// Loads settings with the given environment.
    pub(crate) fn load_with(
        overrides: &Overrides,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let config = overrides.config.clone().or_else(|| environment("LYCEUM_CONFIG").map(PathBuf::from));
        let mut table = config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let mut sources = BTreeMap::new();
        for key in KEYS {
            if lookup(&table, key.name).is_some() {
                sources.insert(key.name, Source::File);
            }
            if let Some(text) = environment(key.environment) {
                let value = parse(key.name, &text).map_err(|rule| {
                    Failure::usage(format!("environment variable `{}` {rule}", key.environment))
                })?;
                set(&mut table, key.name, value);
                sources.insert(key.name, Source::Environment);
            }
        }
        let data = overrides.data.as_ref().map(|path| path.display().to_string());
        for (name, value) in [("data", data), ("listen", overrides.listen.clone())] {
            if let Some(value) = value {
                set(&mut table, name, Value::String(value));
                sources.insert(name, Source::CommandLine);
            }
        }
        let settings: Settings =
            table.try_into().map_err(|error| Failure::usage(format!("malformed settings: {error}")))?;
        let mut settings = check(settings)?;
        let public_url = settings.public_url().map(str::to_owned);
        super::oidc::check(&mut settings.oidc, public_url.as_deref(), &environment)
            .map_err(Failure::usage)?;
        super::upstream::check(&mut settings.upstream, &environment).map_err(Failure::usage)?;
        Ok(Self { settings, sources })
    }

    /// Returns settings that nobody loaded from anywhere.
    pub(crate) fn of(settings: Settings) -> Self {
        Self { settings, sources: BTreeMap::new() }
    }

    /// Returns a setting's value as it stands in a file, without a password.
    pub(crate) fn shown(&self, name: &str) -> String {
        let mut settings = self.settings.clone();
        settings.database = without_password(&settings.database);
        shown(&to_table(&settings), name)
    }

    /// Returns a setting's default as it would stand in a file.
    pub(crate) fn default_of(name: &str) -> String {
        shown(&defaults(), name)
    }

    /// Returns where the value of a setting came from.
    pub(crate) fn source(&self, name: &str) -> Source {
        self.sources.get(name).copied().unwrap_or(Source::Default)
    }
}

fn shown(table: &Table, name: &str) -> String {
    lookup(table, name).map(ToString::to_string).unwrap_or_default()
}

/// Replaces the password of `scheme://user:password@host/…` by asterisks.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((user, host)) if user.contains(':') => {
            let user = user.split_once(':').map_or(user, |(name, _)| name);
            format!("{scheme}://{user}:***@{host}{}", &rest[end..])
        }
        _ => url.to_owned(),
    }
}

/// Returns the value of a dotted name.
pub(super) fn lookup<'a>(table: &'a Table, name: &str) -> Option<&'a Value> {
    match name.split_once('.') {
        Some((area, rest)) => table.get(area)?.as_table()?.get(rest),
        None => table.get(name),
    }
}

fn set(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        Some((area, rest)) => {
            let area = table.entry(area).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(area) = area {
                area.insert(rest.to_owned(), value);
            }
        }
        None => {
            table.insert(name.to_owned(), value);
        }
    }
}

fn read_file(path: &Path) -> Result<Table> {
    let fail = |what: String| Failure::usage(format!("settings file `{}` {what}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| fail(format!("cannot be read: {error}")))?.len();
    if size > MAX_FILE_BYTES {
        return Err(fail(format!("is larger than {MAX_FILE_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fail(format!("cannot be read: {error}")))?;
    // Read into the struct once by itself: this way an error shows the line in the file.
    if let Err(error) = toml::from_str::<Settings>(&text) {
        return Err(fail(format!("is malformed:\n{}", error.to_string().trim_end()))
            .hint("`lyceum config` lists every setting"));
    }
    toml::from_str(&text).map_err(|error| fail(format!("is malformed: {error}")))
}

/// Gives the text of an environment variable the type of the setting's default.
fn parse(name: &str, text: &str) -> Result<Value, String> {
    let defaults = defaults();
    match lookup(&defaults, name) {
        Some(Value::Integer(_)) => {
            text.parse().map(Value::Integer).map_err(|_| "must be a whole number".to_owned())
        }
        Some(Value::Boolean(_)) => {
            text.parse().map(Value::Boolean).map_err(|_| "must be `true` or `false`".to_owned())
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Returns the default settings as a table.
pub(super) fn defaults() -> Table {
    to_table(&Settings::default())
}

/// Returns settings as a table.
pub(super) fn to_table(settings: &Settings) -> Table {
    Table::try_from(settings).expect("settings hold only plain values")
}

/// Checks what the types alone do not.
fn check(mut settings: Settings) -> Result<Settings> {
    let fail = |name: &str, rule: &str| Err(Failure::usage(format!("setting `{name}` {rule}")));
    if settings.data.as_os_str().is_empty() {
        return fail("data", "must name a folder");
    }
    if settings.listen.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        return fail("listen", "must have the form `address:port`");
    }
    if let Some(url) = settings.public_url() {
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        if host.is_none_or(|host| host.trim_end_matches('/').is_empty() || host.contains(['?', '#', ' '])) {
            return fail("public_url", "must have the form `https://host` or `http://host:port`");
        }
        settings.public_url.truncate(settings.public_url.trim_end_matches('/').len());
    }
    let schemes = ["sqlite://", "postgres://", "postgresql://"];
    if !settings.database.is_empty() && !schemes.iter().any(|scheme| settings.database.starts_with(scheme)) {
        return fail("database", "must start with `postgres://` or `sqlite://`");
    }
    if let Err(error) = AllowList::parse(&settings.webhooks.allow_private) {
        return fail("webhooks.allow_private", &format!("is malformed: {error}"));
    }
    for issuer in settings.publishers.issuers() {
        if let Err(error) = check_issuer(issuer) {
            return fail("publishers.issuers", &format!("names `{issuer}`, which is none: {error}"));
        }
    }
    if settings.publishers.issuers().count() > MAX_ISSUERS {
        return fail("publishers.issuers", &format!("names more than {MAX_ISSUERS}"));
    }
    let limits = &settings.limits;
    for (name, value, least) in [
        ("limits.connections", limits.connections, 1),
        ("limits.header_bytes", limits.header_bytes, 8192),
        ("limits.header_count", limits.header_count, 16),
        ("limits.header_seconds", limits.header_seconds, 1),
        ("limits.uploads", limits.uploads, 1),
        ("rates.window_seconds", settings.rates.window_seconds, 1),
        ("limits.database_readers", limits.database_readers, 1),
        ("lifetime.xet_token_seconds", settings.lifetime.xet_token_seconds, 60),
        ("lifetime.data_grant_seconds", settings.lifetime.data_grant_seconds, 60),
    ] {
        if value < least {
            return fail(name, &format!("must be at least {least}"));
        }
    }
    Ok(settings)
}
