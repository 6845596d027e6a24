//! The command line: one file per command.

mod config;
mod demo;
pub(crate) mod doctor;
mod fsck;
mod gc;
mod git;
mod mirror;
mod org;
mod publisher;
mod quota;
mod serve;
mod token;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::failure::{Failure, Result};
use crate::settings::{Loaded, Overrides};

/// Self-hosted AI hub that speaks the protocols of the Hugging Face Hub
#[derive(Debug, Parser)]
#[command(
    name = "lyceum",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Example:\n  lyceum serve\n  lyceum user create ada --admin\n  lyceum token create ada\n\n\
        Exit codes: 0 done, 1 failed or something was found, 2 wrong usage or settings, \
        3 the name is taken, 4 not found"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Arguments of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Folder that holds everything stored [default: ./lyceum-data]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Common options")]
    data: Option<PathBuf>,
    /// Settings file in TOML; `lyceum config` prints one with every setting
    #[arg(long, global = true, value_name = "FILE", help_heading = "Common options")]
    config: Option<PathBuf>,
    /// Print JSON for programs, errors included
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Options),
    #[command(subcommand)]
    User(user::Command),
    #[command(subcommand)]
    Org(org::Command),
    #[command(subcommand)]
    Publisher(publisher::Command),
    #[command(subcommand)]
    Quota(quota::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Mirror(mirror::Command),
    Config(config::Options),
    Doctor(doctor::Options),
    Fsck(fsck::Options),
    Gc(gc::Options),
    Demo(demo::Options),
    GitUploadPack(git::upload_pack::Options),
    GitReceivePack(git::receive_pack::Options),
    GitHttpBackend(git::http_backend::Options),
}

impl Common {
    /// Loads the settings in effect.
    fn load(&self) -> Result<Loaded> {
        self.load_listening(None)
    }

    /// Loads the settings in effect with the listening address of the command line.
    fn load_listening(&self, listen: Option<String>) -> Result<Loaded> {
        Loaded::load(&Overrides { config: self.config.clone(), data: self.data.clone(), listen })
    }
}

/// Runs the command that the user asked for.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let common = arguments.common;
    match arguments.command {
        Command::Serve(options) => block_on(serve::run(&common, options)),
        Command::User(command) => block_on(user::run(&common, command)),
        Command::Org(command) => block_on(org::run(&common, command)),
        Command::Publisher(command) => block_on(publisher::run(&common, command)),
        Command::Quota(command) => block_on(quota::run(&common, command)),
        Command::Token(command) => block_on(token::run(&common, command)),
        Command::Mirror(command) => block_on(mirror::run(&common, command)),
        Command::Config(config::Options {}) => config::run(&common),
        Command::Doctor(doctor::Options {}) => block_on(doctor::run(&common)),
        Command::Fsck(options) => block_on(fsck::run(&common, options)),
        Command::Gc(options) => block_on(gc::run(&common, options)),
        Command::Demo(options) => block_on(demo::run(&common, options)),
        Command::GitUploadPack(options) => block_on(git::upload_pack::run(options)),
        Command::GitReceivePack(options) => block_on(git::receive_pack::run(options)),
        Command::GitHttpBackend(options) => block_on(git::http_backend::run(options)),
    }
}

/// Threads for blocking file reads and hashing; more wait, so that many clients do not become many stacks.
const MAX_BLOCKING_THREADS: usize = 64;

fn block_on(command: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .build()
        .map_err(|error| Failure::from(error).context("start the runtime"))?;
    let outcome = runtime.block_on(command);
    // Threads that still read a file must not delay the end of the process.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
pub(crate) use config::render as render_settings;
