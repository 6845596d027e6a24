//! The lyceum binary: settings, wiring and the command line.
//!
//! Words for people live here and in `lyceum-web`; every decision is made in `lyceum-hub`.

mod command;
mod failure;
mod hub;
mod log;
mod output;
mod server;
mod settings;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::command::Arguments;

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let json = arguments.common.json;
    match command::run(arguments) {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}
