//! `lyceum git-upload-pack`, `git-receive-pack` and `git-http-backend`: git's server commands over plain repositories.
//!
//! They take the place of git's own, with the same arguments, so that git and its test-suite can be run against the
//! engine that serves the hub's repositories.

pub(crate) mod http_backend;
mod pipe;
pub(crate) mod receive_pack;
pub(crate) mod upload_pack;

use std::path::PathBuf;
use std::process::ExitCode;

use lyceum_bare::{Config, DirRepo, Environment};
use lyceum_core::Clock;

use crate::failure::Result;
use crate::output;

/// What git's commands end with when they fail.
const FATAL: u8 = 128;
/// What the server calls itself.
const AGENT: &str = concat!("lyceum/", env!("CARGO_PKG_VERSION"));

/// Fails as git does.
fn fatal(message: impl std::fmt::Display) -> ExitCode {
    output::diagnose(&format!("fatal: {message}"));
    ExitCode::from(FATAL)
}

/// Reports what ended a conversation; the client was told already.
fn end(outcome: lyceum_git::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fatal(error),
    }
}

/// Returns a variable that git or a web server sets for its commands.
#[expect(
    clippy::disallowed_methods,
    reason = "these variables are how git's commands are called, not settings"
)]
fn given(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns such a variable; empty if it is not set.
fn variable(name: &str) -> String {
    given(name).unwrap_or_default()
}

/// Returns what the environment or, over HTTP, the header `Git-Protocol` asks for.
fn protocol() -> String {
    given("GIT_PROTOCOL").or_else(|| given("HTTP_GIT_PROTOCOL")).unwrap_or_default()
}

/// Returns what git's commands take from the environment.
fn environment() -> Environment {
    let filled = |name: &str| Some(variable(name)).filter(|value| !value.is_empty());
    let home = filled("HOME").map(|home| PathBuf::from(home).join(".gitconfig"));
    let count = variable("GIT_CONFIG_COUNT").parse::<u16>().unwrap_or(0);
    let setting = |number| {
        (variable(&format!("GIT_CONFIG_KEY_{number}")), variable(&format!("GIT_CONFIG_VALUE_{number}")))
    };
    Environment {
        global_config: filled("GIT_CONFIG_GLOBAL").map(PathBuf::from).or(home),
        settings: (0..count).map(setting).collect(),
        committer: (filled("GIT_COMMITTER_NAME"), filled("GIT_COMMITTER_EMAIL")),
        clock: Clock::system(),
    }
}

/// Runs one of the commands with the repository in a folder.
async fn with_repo(
    folder: &std::path::Path,
    strict: bool,
    work: impl AsyncFnOnce(DirRepo) -> ExitCode,
) -> Result<ExitCode> {
    Ok(match DirRepo::open(folder, strict, &environment()) {
        Ok(repo) => work(repo).await,
        Err(error) => fatal(error),
    })
}

/// Returns the patterns of references that are not shown for a service.
fn hidden(config: &Config, service: &str) -> Vec<String> {
    let name = format!("{service}.hiderefs");
    config.all("transfer.hiderefs").chain(config.all(&name)).map(str::to_owned).collect()
}
