//! `cargo xtask bench`: the speed and memory table, each line against its bound, all measured in one run.
//!
//! Absolute numbers of a machine say little, so throughput is compared with nginx serving the same bytes
//! to the same load generator on the same cores, and the processor time of large files also with upstream's test
//! server. Where that needed 5.0 seconds per gigabyte up and 1.1 down, the hub is to need 0.8 and 0.3.

mod commits;
mod dedup;
mod discussions;
mod git;
mod nginx;
mod reference;
mod requests;
mod search;
mod start;
mod transfer;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::{environment, server, tools};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measures only these groups (transfer, clients, requests, dedup, commits, discussions, search, git, start)
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Takes the release binary as it is
    #[arg(long)]
    no_build: bool,
}

/// What all measurements share.
struct Bench {
    scratch: TempDir,
    /// The virtual environment that holds the `hf` command.
    python: PathBuf,
}

/// One line of the table.
struct Row {
    name: String,
    measured: f64,
    bound: Bound,
    unit: &'static str,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Row {
    fn at_least(name: &str, measured: f64, bound: f64, unit: &'static str) -> Self {
        Self { name: name.to_owned(), measured, bound: Bound::AtLeast(bound), unit }
    }

    fn at_most(name: &str, measured: f64, bound: f64, unit: &'static str) -> Self {
        Self { name: name.to_owned(), measured, bound: Bound::AtMost(bound), unit }
    }

    fn met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.measured >= bound,
            Bound::AtMost(bound) => self.measured <= bound,
        }
    }

    fn print(&self) {
        let bound = match self.bound {
            Bound::AtLeast(bound) => format!(">= {bound}"),
            Bound::AtMost(bound) => format!("<= {bound}"),
        };
        let digits = if self.measured.abs() < 10.0 { 3 } else { 1 };
        let measured = format!("{:.digits$}", self.measured);
        let result = if self.met() { "ok" } else { "MISS" };
        println!("{:<58} {measured:>10} {bound:>9} {:<8} {result}", self.name, self.unit);
    }
}

type Group = (&'static str, fn(&Bench) -> Result<Vec<Row>>);

const GROUPS: &[Group] = &[
    ("transfer", transfer::one_client),
    ("clients", transfer::eight_clients),
    ("requests", requests::measure),
    ("dedup", dedup::measure),
    ("commits", commits::measure),
    ("discussions", discussions::measure),
    ("search", search::measure),
    ("git", git::measure),
    ("start", start::measure),
];

/// Measures everything, prints one table, and fails when a bound is missed or a measurement broke.
pub(crate) fn run(options: &Options) -> Result<()> {
    for name in &options.only {
        if !GROUPS.iter().any(|(group, _)| group == name) {
            bail!("there is no group `{name}`");
        }
    }
    if !options.no_build {
        server::build()?;
    }
    let requirements = environment::root().join("clients/python/hub-2.txt");
    let bench = Bench {
        scratch: server::scratch("bench-")?,
        python: tools::virtual_environment("hub-2", &requirements)?,
    };
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for (name, measure) in GROUPS {
        if !options.only.is_empty() && !options.only.iter().any(|only| only == name) {
            continue;
        }
        println!("measuring {name}");
        let start = Instant::now();
        match measure(&bench) {
            Ok(measured) => rows.extend(measured),
            Err(error) => broken.push(format!("{name}: {error:#}")),
        }
        println!("measured {name} in {:.0} s", start.elapsed().as_secs_f64());
    }
    println!("\n{:<58} {:>10} {:>9} {:<8} result", "line", "measured", "bound", "unit");
    for row in &rows {
        row.print();
    }
    for failure in &broken {
        println!("could not be measured: {failure}");
    }
    let missed = rows.iter().filter(|row| !row.met()).count();
    println!("\n{} met, {missed} missed, {} not measured", rows.len() - missed, broken.len());
    if missed + broken.len() > 0 {
        bail!("the table has misses");
    }
    Ok(())
}
