//! The project's own automation, started as `cargo xtask COMMAND`; one program for people and for CI.
//!
//! It must not link any crate of the server: it starts the real binary and looks at it from outside.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this program is for")]

mod bench;
mod ci;
mod clients;
mod conformance;
mod environment;
mod git_suite;
mod http;
mod process;
mod server;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Checks, tests and measures the project")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Format, clippy, tidy, deny, docs and test: everything that must pass before a push
    Ci(ci::Options),
    /// Every test of the workspace, then the real clients against a release build
    Test(test::Options),
    /// The rules that a program can check: layers, file length, forbidden words, orphan files
    Tidy,
    /// Real clients (hf, datasets, transformers, curl, npm, Rust) against a real server process
    Clients(clients::Options),
    /// A picture of every page, light and dark, narrow and wide, in target/shots
    Shots(clients::Shots),
    /// The speed and memory table, each line against its bound
    Bench(bench::Options),
    /// git's own tests of fetch and push, with our engine in the place of its server commands
    GitSuite(git_suite::Options),
    /// huggingface_hub's own test-suite against a fresh server
    Conformance(conformance::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Ci(options) => ci::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Tidy => tidy::run(),
        Command::Clients(options) => clients::run(&options),
        Command::Shots(options) => clients::shots(&options),
        Command::Bench(options) => bench::run(&options),
        Command::GitSuite(options) => git_suite::run(&options),
        Command::Conformance(options) => conformance::run(&options),
    };
    // Printed by hand: anyhow's own form adds a backtrace of this program, which helps nobody.
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
