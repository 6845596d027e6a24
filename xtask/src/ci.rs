//! `cargo xtask ci`: every step that must pass, each with its time, and a table at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{process, test, tidy, tools};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Runs only these steps (format, clippy, tidy, deny, docs, test)
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

struct Step {
    name: &'static str,
    run: fn() -> Result<String>,
}

const STEPS: &[Step] = &[
    Step { name: "format", run: format },
    Step { name: "tidy", run: tidy_tree },
    Step { name: "clippy", run: clippy },
    Step { name: "deny", run: deny },
    Step { name: "docs", run: docs },
    Step { name: "test", run: all_tests },
];

/// Runs all steps, also after a failure, so that one run shows everything that is wrong.
pub(crate) fn run(options: &Options) -> Result<()> {
    for name in &options.only {
        if !STEPS.iter().any(|step| step.name == name) {
            bail!("there is no step `{name}`");
        }
    }
    let mut rows = Vec::new();
    let chosen =
        STEPS.iter().filter(|step| options.only.is_empty() || options.only.iter().any(|n| n == step.name));
    for step in chosen {
        println!("\n=== {} ===", step.name);
        let start = Instant::now();
        let outcome = (step.run)();
        if let Err(error) = &outcome {
            println!("{} failed: {error:#}", step.name);
        }
        println!("=== {} took {} ===", step.name, seconds(start.elapsed()));
        rows.push((step.name, start.elapsed(), outcome));
    }
    println!("\nstep      seconds  result");
    for (name, took, outcome) in &rows {
        let result = match outcome {
            Ok(summary) if summary.is_empty() => "ok".to_owned(),
            Ok(summary) => format!("ok: {summary}"),
            Err(error) => format!("FAILED: {error}"),
        };
        println!("{name:<9} {:>7}  {result}", seconds(*took));
    }
    let failed = rows.iter().filter(|(_, _, outcome)| outcome.is_err()).count();
    println!("\nsteps: {} passed, {failed} failed", rows.len() - failed);
    // The last line is the tests' own count, in the words that log readers look for.
    if let Some((_, _, Ok(summary))) = rows.iter().find(|(name, _, _)| *name == "test") {
        println!("{summary}");
    }
    if failed > 0 {
        bail!("{failed} of {} steps failed", rows.len());
    }
    Ok(())
}

fn format() -> Result<String> {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))?;
    // Workspaces of their own, which `--all` does not reach.
    for other in ["reference/Cargo.toml", "fuzz/Cargo.toml"] {
        process::run(process::cargo().args(["fmt", "--all", "--check", "--manifest-path", other]))?;
    }
    Ok(String::new())
}

fn tidy_tree() -> Result<String> {
    tidy::run().map(|()| String::new())
}

fn clippy() -> Result<String> {
    let mut clippy = process::cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]);
    process::run(&mut clippy).map(|()| String::new())
}

fn deny() -> Result<String> {
    let mut deny = process::command(tools::cargo_deny()?);
    // Advisories need a database from the network; everything else is in the lock file and the sources.
    deny.args(["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
    process::run(&mut deny).map(|()| String::new())
}

fn docs() -> Result<String> {
    let mut docs = process::cargo();
    docs.args(["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]);
    process::run(docs.env("RUSTDOCFLAGS", "--deny warnings")).map(|()| String::new())
}

fn all_tests() -> Result<String> {
    test::all(&test::Options::default()).map(|count| count.to_string())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}
