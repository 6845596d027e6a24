//! `cargo xtask clients`: unmodified clients against one real server process.
//!
//! Each suite is made by its own ecosystem's tools: pytest in virtual environments, npm, Cargo.

mod suite;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::server::{self, Server};
use crate::test::Count;
use crate::{environment, process, tools};
use suite::{Kind, SUITES, Suite};

/// The slowest suite, beside other work, takes a tenth of this.
const SUITE_LIMIT: Duration = Duration::from_mins(10);

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Runs only these suites
    suites: Vec<String>,
    /// Adds the suites that need torch (a download of hundreds of megabytes) or a quiet machine (Lighthouse)
    #[arg(long, conflicts_with = "suites")]
    all: bool,
    /// Runs only the Python tests that this pytest expression selects
    #[arg(long)]
    filter: Option<String>,
    /// Takes the release binary as it is
    #[arg(long)]
    no_build: bool,
}

#[derive(clap::Args)]
pub(crate) struct Shots {
    /// Only these pages, separated by commas
    pages: Option<String>,
    /// Takes the release binary as it is
    #[arg(long)]
    no_build: bool,
}

/// Runs the suites and closes with their count.
pub(crate) fn run(options: &Options) -> Result<()> {
    let count = all(options)?;
    println!("\n{count}");
    if count.failed > 0 {
        bail!("{count}");
    }
    Ok(())
}

/// Runs the suites against one server and returns how many of their tests passed.
pub(crate) fn all(options: &Options) -> Result<Count> {
    for name in &options.suites {
        if !SUITES.iter().any(|suite| suite.name == name) {
            let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            bail!("there is no suite `{name}`; there are {}", names.join(", "));
        }
    }
    if !options.no_build {
        server::build()?;
    }
    let folder = server::scratch("clients-")?;
    let hub = Hub::start(&folder)?;
    let mut rows = Vec::new();
    let chosen = SUITES.iter().filter(|suite| {
        if options.suites.is_empty() {
            options.all || !suite.extended
        } else {
            options.suites.iter().any(|n| n == suite.name)
        }
    });
    for suite in chosen {
        println!("\n--- {} ---", suite.name);
        let count = hub.run(suite, options.filter.as_deref())?;
        if count.failed > 0 {
            hub.server.print_trouble(20);
        }
        rows.push((suite.name, count));
    }
    println!("\nsuite            result");
    let mut total = Count::default();
    for (name, count) in rows {
        println!("{name:<16} {count}");
        total.add(count);
    }
    Ok(total)
}

/// The server under test with its identities.
struct Hub {
    server: Server,
    home: PathBuf,
    token: String,
    reader_token: String,
    other_token: String,
    scoped_token: String,
}

impl Hub {
    fn start(folder: &tempfile::TempDir) -> Result<Self> {
        let server = Server::start(&folder.path().join("data"))?;
        let token = server::user(server.data(), "alice")?;
        let reader_token = server::token(server.data(), "alice", "read")?;
        let other_token = server::user(server.data(), "bob")?;
        server::lyceum(server.data(), &["org", "create", "lab"], "")?;
        server::lyceum(server.data(), &["org", "add", "lab", "alice", "--role", "admin"], "")?;
        let scope = "org:lab=repo.content.read,repo.content.write";
        let scoped =
            ["token", "create", "alice", "--role", "fine-grained", "--expires", "1d", "--scope", scope];
        let scoped_token = server::lyceum(server.data(), &scoped, "")?.trim().to_owned();
        Ok(Self { server, home: folder.path().to_owned(), token, reader_token, other_token, scoped_token })
    }

    /// Runs one suite. A client that cannot be had is a failure in CI and a skip elsewhere.
    fn run(&self, suite: &Suite, filter: Option<&str>) -> Result<Count> {
        let mut command = match prepare(suite, filter) {
            Ok(command) => command,
            Err(error) if environment::ci() => {
                println!("{}: the client cannot be had: {error:#}", suite.name);
                return Ok(Count { failed: 1, ..Count::default() });
            }
            Err(error) => {
                println!("{}: skipped, because the client cannot be had: {error:#}", suite.name);
                return Ok(Count { skipped: 1, ..Count::default() });
            }
        };
        let home = self.home.join(suite.name);
        fs::create_dir_all(&home)?;
        command.env("HF_ENDPOINT", self.server.endpoint()).env("HF_TOKEN", &self.token);
        command.env("HF_HOME", home.join("hf-home")).env("TMPDIR", &home);
        command.env("LYCEUM_BINARY", environment::lyceum());
        command.env("LYCEUM_USER", "alice").env("LYCEUM_ORGANISATION", "lab");
        command.env("LYCEUM_ISSUER", self.server.issuer());
        // For suites that need a hub with other settings.
        command.env("LYCEUM_BINARY", environment::lyceum());
        command.env("LYCEUM_READ_TOKEN", &self.reader_token);
        command.env("LYCEUM_OTHER_TOKEN", &self.other_token).env("LYCEUM_SCOPED_TOKEN", &self.scoped_token);
        // No client may look for updates or report its use; nothing may go through a proxy.
        command.env("HF_HUB_DISABLE_UPDATE_CHECK", "1").env("HF_HUB_DISABLE_TELEMETRY", "1");
        command.env("DO_NOT_TRACK", "1").env("NO_PROXY", "*").env("HF_HUB_DISABLE_PROGRESS_BARS", "1");
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("TOKENIZERS_PARALLELISM", "false");
        command.env("PYTHONUNBUFFERED", "1");
        if matches!(suite.kind, Kind::Python { xet: false, .. }) {
            command.env("HF_HUB_DISABLE_XET", "1");
        }
        let (success, lines) = process::tee(&mut command, SUITE_LIMIT)?;
        let mut count = Count::read(&lines);
        if !success && count.failed == 0 {
            count.failed = 1;
        }
        // A suite in which nothing ran proves nothing.
        if count.passed == 0 && count.failed == 0 && filter.is_none() {
            println!("{}: no test ran", suite.name);
            count.failed = 1;
        }
        Ok(count)
    }
}

/// Installs the packages that a folder's lock file names.
fn install(folder: &Path) -> Result<()> {
    println!("installing the packages of {} with npm", folder.display());
    let mut npm = process::command("npm");
    process::run(npm.current_dir(folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))
}

/// Writes a picture of every page into a folder that git ignores.
pub(crate) fn shots(options: &Shots) -> Result<()> {
    if !options.no_build {
        server::build()?;
    }
    let (web, folder) = (environment::root().join("clients/web"), environment::target().join("shots"));
    install(&web)?;
    let mut shots = process::command("node");
    shots.current_dir(&web).arg("shots.mjs").arg(&folder).args(&options.pages);
    process::run(shots.env("LYCEUM_BINARY", environment::lyceum()))?;
    println!("the pictures are in {}", folder.display());
    Ok(())
}

/// Installs what a suite needs and returns the command that runs it.
fn prepare(suite: &Suite, filter: Option<&str>) -> Result<std::process::Command> {
    let clients = environment::root().join("clients");
    match suite.kind {
        Kind::Python { environment, files, .. } => {
            let python = clients.join("python");
            let home = tools::virtual_environment(environment, &python.join(format!("{environment}.txt")))?;
            let mut pytest = process::command(home.join("bin/python"));
            pytest.current_dir(&python).args(["-m", "pytest", "-p", "no:cacheprovider"]).args(files);
            if let Some(filter) = filter {
                pytest.args(["-k", filter]);
            }
            Ok(pytest)
        }
        Kind::Node { folder, test } => {
            let node = clients.join(folder);
            install(&node)?;
            let mut tests = process::command("node");
            tests.current_dir(&node).args(["--test", "--test-reporter=tap", test]);
            Ok(tests)
        }
        Kind::Rust => {
            println!("building the Rust client with Cargo");
            let mut build = process::cargo();
            build.current_dir(environment::root().join("reference"));
            process::run(build.args([
                "test",
                "--quiet",
                "--locked",
                "--package",
                "hf-hub-client",
                "--no-run",
            ]))?;
            let mut tests = process::cargo();
            tests.current_dir(environment::root().join("reference"));
            tests.args(["test", "--locked", "--package", "hf-hub-client"]);
            Ok(tests)
        }
    }
}
