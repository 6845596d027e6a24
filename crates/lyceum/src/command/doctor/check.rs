//! The checks, one function each.

use std::path::Path;
use std::time::{Duration, Instant};

use lyceum_core::{Clock, Timestamp};
use lyceum_hub::Hub;
use rustix::process::{Resource, getrlimit};

use crate::hub;
use crate::settings::{Settings, without_password};

/// Below this much free space uploads will soon fail.
const LOW_SPACE_BYTES: u64 = 5 << 30;
/// Below this much free space nothing works.
const NO_SPACE_BYTES: u64 = 256 << 20;
/// Most seconds between the clock of the machine and that of its disk.
const MAX_SKEW_SECONDS: i64 = 5;
/// The clock of a machine whose battery is dead starts long before this time, 2026-01-01.
const EARLIEST_SECONDS: i64 = 1_767_225_600;
/// A query that takes longer than this makes every page slow.
const SLOW_DATABASE: Duration = Duration::from_millis(250);

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Good,
    Doubtful,
    Broken,
}

impl State {
    /// Returns the word that is printed.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Doubtful => "warning",
            Self::Broken => "error",
        }
    }
}

/// Result of one check.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
}

impl Finding {
    fn new(name: &'static str, state: State, message: impl Into<String>) -> Self {
        Self { name, state, message: message.into(), remedy: None }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// Runs every check, in an order in which an early failure explains later ones.
pub(super) async fn all(settings: &Settings) -> Vec<Finding> {
    let mut findings = machine(settings);
    findings.push(database(settings).await);
    findings.extend(issuers(settings).await);
    findings
}

/// Runs the checks that can be made beside a hub that serves.
pub(crate) async fn serving(settings: &Settings, hub: &Hub) -> Vec<Finding> {
    let of_machine = settings.clone();
    let checked = tokio::task::spawn_blocking(move || machine(&of_machine)).await;
    let mut findings = checked.unwrap_or_default();
    findings.push(open_database(hub).await);
    findings.extend(issuers(settings).await);
    findings
}

fn machine(settings: &Settings) -> Vec<Finding> {
    let data = settings.data();
    let now = Clock::system().now();
    vec![folder(data), space(data), clock(data, now), open_files(settings), public_url(settings)]
}

async fn issuers(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for provider in &settings.oidc {
        findings.push(issuer("oidc", &provider.name, &provider.issuer).await);
    }
    for address in settings.publishers.issuers() {
        findings.push(issuer("publishers", address, address).await);
    }
    findings
}

fn folder(data: &Path) -> Finding {
    let name = "data folder";
    if !data.exists() {
        return Finding::new(
            name,
            State::Good,
            format!("`{}` does not exist yet; `lyceum serve` makes it", data.display()),
        );
    }
    match tempfile::NamedTempFile::new_in(data) {
        Ok(_) => Finding::new(name, State::Good, format!("`{}` can be written", data.display())),
        Err(error) => {
            Finding::new(name, State::Broken, format!("`{}` cannot be written: {error}", data.display()))
                .remedy(format!(
                    "give this user the right to write there: chown -R $(id -u) {}",
                    data.display()
                ))
        }
    }
}

fn space(data: &Path) -> Finding {
    let name = "free space";
    // The folder may not exist yet; what counts is the disk that it will be on.
    let place = data.ancestors().find(|place| place.exists()).unwrap_or_else(|| Path::new("."));
    match rustix::fs::statvfs(place) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let message = format!("{:.1} GiB free", free as f64 / f64::from(1 << 30));
            let remedy = "free some space, or move the data folder to a larger disk";
            match free {
                0..NO_SPACE_BYTES => Finding::new(name, State::Broken, message).remedy(remedy),
                NO_SPACE_BYTES..LOW_SPACE_BYTES => {
                    Finding::new(name, State::Doubtful, message).remedy(remedy)
                }
                _ => Finding::new(name, State::Good, message),
            }
        }
        Err(error) => Finding::new(name, State::Doubtful, format!("cannot be measured: {error}")),
    }
}

fn clock(data: &Path, now: Timestamp) -> Finding {
    let name = "clock";
    let remedy =
        "set the clock, for example by running an NTP client; signed addresses and tokens expire by it";
    if now.seconds() < EARLIEST_SECONDS {
        return Finding::new(name, State::Broken, format!("{now} is in the past")).remedy(remedy);
    }
    match disk_time(data) {
        Some(disk) if (disk - now.seconds()).abs() > MAX_SKEW_SECONDS => {
            let message = format!("{now} differs from the disk's by {} s", disk - now.seconds());
            Finding::new(name, State::Doubtful, message).remedy(remedy)
        }
        _ => Finding::new(name, State::Good, now.to_string()),
    }
}

/// Returns the time that the data folder's disk gives a new file: a network disk has its own clock.
fn disk_time(data: &Path) -> Option<i64> {
    let file = tempfile::NamedTempFile::new_in(data).ok()?;
    let modified = file.as_file().metadata().ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

fn open_files(settings: &Settings) -> Finding {
    let name = "open files";
    // A connection, and for each of some of them a stored file.
    let wanted = u64::from(settings.limits.connections) + u64::from(settings.limits.connections) / 4 + 256;
    match getrlimit(Resource::Nofile).maximum {
        Some(limit) if limit < wanted => {
            Finding::new(name, State::Doubtful, format!("{limit} allowed, {wanted} wanted for {} connections", settings.limits.connections))
                .remedy(format!("raise the hard limit (`ulimit -Hn {wanted}`, `LimitNOFILE=` of systemd) or lower `limits.connections`"))
        }
        Some(limit) => Finding::new(name, State::Good, format!("{limit} allowed")),
        None => Finding::new(name, State::Good, "unlimited"),
    }
}

fn public_url(settings: &Settings) -> Finding {
    let name = "public_url";
    let local = settings.listen.starts_with("127.")
        || settings.listen.starts_with("localhost:")
        || settings.listen.starts_with("[::1]");
    match settings.public_url() {
        Some(url) if url.starts_with("http://") && !local => Finding::new(
            name,
            State::Doubtful,
            format!("`{url}` is not encrypted, so tokens can be read on the way"),
        )
        .remedy("put a proxy with TLS in front and set `public_url` to its https address"),
        Some(url) => Finding::new(name, State::Good, url),
        None if local => Finding::new(name, State::Good, "taken from each request"),
        None => Finding::new(name, State::Doubtful, "not set, though the hub listens beyond this machine")
            .remedy(
                "set `public_url` to the address that clients use; links and upload addresses start with it",
            ),
    }
}

async fn issuer(name: &'static str, provider: &str, issuer: &str) -> Finding {
    match lyceum_hub::probe_provider(issuer, Clock::system()).await {
        Ok(0) => {
            Finding::new(name, State::Broken, format!("`{provider}` publishes no keys that are known here"))
        }
        Ok(keys) => Finding::new(name, State::Good, format!("`{provider}` answers, with {keys} keys")),
        Err(error) => Finding::new(name, State::Broken, format!("`{provider}`: {error}")).remedy(
            "check the address, that this machine reaches it, and that the machine trusts its certificate",
        ),
    }
}

async fn open_database(hub: &Hub) -> Finding {
    let name = "database";
    let started = Instant::now();
    match hub.ready().await {
        Ok(()) => {
            let took = started.elapsed();
            let state = if took > SLOW_DATABASE { State::Doubtful } else { State::Good };
            Finding::new(name, state, format!("answers in {} ms", took.as_millis()))
        }
        Err(error) => Finding::new(name, State::Broken, error.to_string()),
    }
}

async fn database(settings: &Settings) -> Finding {
    let name = "database";
    let local = settings.database.is_empty();
    let shown = if local { "SQLite".to_owned() } else { without_password(&settings.database) };
    if local && !settings.data().join("lyceum.db").exists() {
        return Finding::new(name, State::Good, "SQLite; it does not exist yet and `lyceum serve` makes it");
    }
    let started = Instant::now();
    let opened = async {
        let data = settings.data().canonicalize().unwrap_or_else(|_| settings.data().to_owned());
        let db = hub::open_database(settings, &data).await.map_err(|failure| failure.to_line())?;
        let mut reader = db.read().await.map_err(|error| error.to_string())?;
        let users = reader.users_count().await.map_err(|error| error.to_string())?;
        Ok::<_, String>(users)
    };
    match opened.await {
        Ok(users) => {
            let took = started.elapsed();
            let message =
                format!("{shown} answers in {} ms, its schema is current, {users} users", took.as_millis());
            if took > SLOW_DATABASE {
                Finding::new(name, State::Doubtful, message)
                    .remedy("bring the database closer or look at its load")
            } else {
                Finding::new(name, State::Good, message)
            }
        }
        Err(error) => Finding::new(name, State::Broken, format!("{shown}: {error}")).remedy(if local {
            "if the file is damaged, stop the hub and restore `lyceum.db` from a backup"
        } else {
            "check that PostgreSQL runs and that address, user and password in `database` are right"
        }),
    }
}
