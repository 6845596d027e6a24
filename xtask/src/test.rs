//! `cargo xtask test`: the workspace's tests, then the real clients; and the counting of both.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::{clients, process};

/// For one workspace, with the time that it takes to build it.
const LIMIT: Duration = Duration::from_hours(1);

#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Leaves out the real clients
    #[arg(long)]
    no_clients: bool,
}

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Count {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Reads the counts out of a summary of nextest, `cargo test`, pytest or node's test runner.
    ///
    /// `cargo test` prints one summary per binary, so all lines that are one are added up.
    pub(crate) fn read(lines: &[String]) -> Self {
        let mut total = Self::default();
        let lines: Vec<_> = lines.iter().map(|line| without_colours(line)).collect();
        // nextest repeats what a failed test printed, and that ends with a `test result:` of its own.
        let nextest = lines.iter().any(|line| line.trim().starts_with("Summary ["));
        for line in &lines {
            let line = line.trim();
            let cargo_test = !nextest && line.starts_with("test result:");
            if line.starts_with("Summary [") || cargo_test || pytest_summary(line) {
                total.passed += number_before(line, "passed");
                total.failed += number_before(line, "failed") + number_before(line, "error");
                total.skipped += number_before(line, "skipped") + number_before(line, "ignored");
            } else if let Some((name, value)) = node_summary(line) {
                match name {
                    "pass" => total.passed += value,
                    "fail" | "cancelled" => total.failed += value,
                    _ => total.skipped += value,
                }
            }
        }
        total
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Runs everything and closes with the one line that says how many tests passed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let count = all(options)?;
    println!("\n{count}");
    Ok(())
}

/// Runs everything and returns how many tests passed; an error when one failed.
pub(crate) fn all(options: &Options) -> Result<Count> {
    let mut count = tests_of(&["--workspace"])?;
    println!("\nworkspace: {count}");
    // A workspace of its own, because the crates that ours is compared with are heavy.
    let reference = tests_of(&["--manifest-path", "reference/Cargo.toml", "--package", "xet-reference"])?;
    println!("\ncomparison with the upstream Xet crates: {reference}");
    count.add(reference);
    if !options.no_clients {
        count.add(clients::all(&clients::Options::default())?);
    }
    if count.failed > 0 {
        bail!("{count}");
    }
    Ok(count)
}

fn tests_of(selection: &[&str]) -> Result<Count> {
    let nextest = process::capture(process::cargo().args(["nextest", "--version"])).is_ok();
    let mut tests = process::cargo();
    if nextest {
        tests.args(["nextest", "run", "--locked", "--no-fail-fast"]).args(selection);
        tests.args(["--no-tests", "pass", "--status-level", "fail", "--final-status-level", "fail"]);
    } else {
        println!("cargo-nextest is not installed, so `cargo test` runs instead");
        tests.args(["test", "--locked", "--no-fail-fast"]).args(selection);
    }
    let (success, lines) = process::tee(&mut tests, LIMIT)?;
    let mut count = Count::read(&lines);
    if !success && count.failed == 0 {
        if count.passed == 0 {
            bail!("the tests of `{}` did not build", selection.join(" "));
        }
        // A test binary that died without a summary still counts.
        count.failed += 1;
    }
    Ok(count)
}

/// Whether a line is pytest's last one: `=== 3 passed, 1 skipped in 0.2s ===`, bare with `-q`.
fn pytest_summary(line: &str) -> bool {
    let bare = line.trim_matches(['=', ' ']);
    bare.contains(" in ")
        && bare.ends_with(['s', ')'])
        && bare.split(' ').next().is_some_and(|word| word.parse::<u64>().is_ok())
        && ["passed", "failed", "skipped", "error"].iter().any(|word| number_before(bare, word) > 0)
}

/// Reads `# pass 3` (plain) or `ℹ pass 3` (terminal) of node's test runner.
fn node_summary(line: &str) -> Option<(&str, u64)> {
    let rest = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?;
    let (name, value) = rest.split_once(' ')?;
    if !matches!(name, "pass" | "fail" | "cancelled" | "skipped") {
        return None;
    }
    Some((name, value.parse().ok()?))
}

/// Returns the number that stands right before a word, or 0.
fn number_before(line: &str, word: &str) -> u64 {
    let words: Vec<_> = line.split([' ', ',', ';', '(', ')']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|candidate| candidate.trim_end_matches('s') == word.trim_end_matches('s'));
    at.and_then(|at| at.checked_sub(1)).and_then(|at| words[at].parse().ok()).unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find('\u{1b}') {
        plain.push_str(&rest[..start]);
        let end = rest[start..].find('m').map_or(rest.len(), |end| start + end + 1);
        rest = &rest[end..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests;
