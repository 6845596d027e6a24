//! Plain git repositories on disk, bare or not, as a source and a receiver of git's protocol.
//!
//! Nothing of the hub is known here. Objects and references are read as git lays them out (gitrepository-layout) and
//! written so that git itself can work in the same folder at the same time: new files appear under their names only when
//! they are complete, and references change under lock files. Hooks never run.
//!
//! File access blocks; these repositories are for commands that serve one client each.

mod config;
mod objects;
mod open;
mod pack;
mod receive;
mod references;
mod update;

pub use config::Config;
pub use open::{DirRepo, Environment, OpenError};

#[cfg(test)]
mod tests;
