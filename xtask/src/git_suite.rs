//! `cargo xtask git-suite`: git's own tests of fetch and push, with our engine in the place of git's server commands.
//!
//! The tests and their helper come from a built checkout of git's sources, of the version of the installed git; none of
//! them is kept in this repository. A copy of git's programs gets our commands in the place of three of them, so that
//! every path on which a test reaches a server leads here.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{environment, process, server};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// A checkout of git's sources in which `t/helper/test-tool` and the templates are built
    #[arg(long, env = "GIT_SUITE_FROM")]
    suite_from: PathBuf,
    /// The apache2 program; without it the tests over HTTP are left out
    #[arg(long, env = "LIB_HTTPD_PATH")]
    apache: Option<PathBuf>,
    /// The folder of its modules
    #[arg(long, env = "LIB_HTTPD_MODULE_PATH")]
    apache_modules: Option<PathBuf>,
    /// Runs only these scripts, such as `t5510`
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// A folder to work in that every user can reach
    #[arg(long, default_value = "/tmp/git-suite")]
    work: PathBuf,
    /// Takes the binary as it is
    #[arg(long)]
    no_build: bool,
    /// Prints what a failing test said
    #[arg(long)]
    verbose: bool,
}

/// The scripts in which clients talk to servers.
const SCRIPTS: &[&str] = &[
    "t5411", "t5500", "t5503", "t5504", "t5505", "t5510", "t5516", "t5527", "t5530", "t5533", "t5537",
    "t5538", "t5539", "t5541", "t5542", "t5543", "t5545", "t5546", "t5548", "t5549", "t5551", "t5616",
    "t5702", "t5703", "t5704",
];
/// The programs that ours take the place of.
const REPLACED: &[&str] = &["git-http-backend", "git-receive-pack", "git-upload-pack"];
/// How the Test Anything Protocol marks what is known to fail.
const KNOWN_TO_FAIL: &str = concat!("# TO", "DO");
/// Tests refuse to run as root; this is nobody, everywhere.
const NOBODY: &str = "65534";

/// Tests that do not count, by script and number.
type Skips = BTreeMap<String, Skip>;

struct Skip {
    reason: String,
    /// Whether it runs, and has to fail.
    runs: bool,
}

/// What became of the tests of a script.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    /// Left out by our list.
    skipped: usize,
    /// Left out by the script itself, for want of something on this machine.
    unavailable: usize,
    /// Known to fail with git's own programs.
    known: usize,
    failed: Vec<String>,
    /// Numbers that our list left out.
    left_out: Vec<String>,
    finished: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_build {
        server::build()?;
    }
    let tests =
        options.suite_from.join("t").canonicalize().context("find the folder `t` of git's sources")?;
    let list = environment::root().join("clients/git-suite/skip.txt");
    let skips = parse_skips(&fs::read_to_string(&list).with_context(|| format!("read {}", list.display()))?)?;
    install(&options.work)?;
    let chosen =
        SCRIPTS.iter().filter(|s| options.only.is_empty() || options.only.iter().any(|only| only == *s));
    let (mut total, mut failed) = (Tally::default(), false);
    for script in chosen {
        if let Some(skip) = skips.get(*script) {
            println!("{script}  left out: {}", skip.reason);
            continue;
        }
        let output = run_script(options, &tests, script, &skips)?;
        let tally = Tally::read(script, &output, &skips);
        println!(
            "{script}  {} passed, {} left out, {} not possible here, {} known to fail",
            tally.passed, tally.skipped, tally.unavailable, tally.known
        );
        for failure in &tally.failed {
            println!("    {script}.{failure}");
        }
        let own = skips.keys().filter(|name| name.split('.').next() == Some(script));
        let stale: Vec<_> = own.filter(|name| !tally.left_out.contains(*name)).collect();
        if !tally.finished || !stale.is_empty() {
            println!("    finished: {}; in the list, and not met: {stale:?}", tally.finished);
        }
        failed |= !tally.finished || !stale.is_empty() || !tally.failed.is_empty();
        total.passed += tally.passed;
        total.skipped += tally.skipped;
        total.unavailable += tally.unavailable;
        total.known += tally.known;
    }
    println!(
        "\n{} passed, {} left out, {} not possible here, {} known to fail",
        total.passed, total.skipped, total.unavailable, total.known
    );
    if failed {
        bail!("the suite has failures; the logs are in {}", options.work.display());
    }
    Ok(())
}

/// Lays out the programs: those of the installed git, with ours among them, and a `git` that uses them.
fn install(work: &Path) -> Result<()> {
    let core = process::capture(process::command("git").arg("--exec-path"))?;
    fs::create_dir_all(work).with_context(|| format!("create {}", work.display()))?;
    for folder in ["bin", "core", "results"] {
        let folder = work.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
        }
    }
    process::run(process::command("cp").arg("-a").arg(core.trim()).arg(work.join("core")))?;
    // The build folder may be where only its owner can look.
    let lyceum = work.join("lyceum");
    fs::copy(environment::lyceum(), &lyceum).context("copy the binary")?;
    fs::create_dir_all(work.join("bin"))?;
    let git = process::find("git").context("find git")?;
    let script = format!("GIT_EXEC_PATH='{}' exec '{}' \"$@\"", work.join("core").display(), git.display());
    write_script(&work.join("bin/git"), &script)?;
    for program in REPLACED {
        let place = work.join("core").join(program);
        // It may share its file with all other commands.
        fs::remove_file(&place).with_context(|| format!("remove {}", place.display()))?;
        write_script(&place, &format!("exec '{}' {program} \"$@\"", lyceum.display()))?;
    }
    let results = work.join("results");
    fs::create_dir_all(&results)?;
    fs::set_permissions(&results, fs::Permissions::from_mode(0o777)).context("open the folder of results")
}

fn write_script(path: &Path, line: &str) -> Result<()> {
    fs::write(path, format!("#!/bin/sh\n{line}\n")).with_context(|| format!("write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).context("make a script executable")
}

/// Runs one script and returns what it printed.
fn run_script(options: &Options, tests: &Path, script: &str, skips: &Skips) -> Result<String> {
    let mut found = fs::read_dir(tests)?.flatten().filter_map(|file| file.file_name().into_string().ok());
    let start = format!("{script}-");
    let file = found.find(|name| name.starts_with(&start) && name.ends_with(".sh"));
    let file = file.with_context(|| format!("there is no script {script} in {}", tests.display()))?;
    let root = process::capture(process::command("id").arg("-u"))?.trim() == "0";
    let mut command = if root {
        let mut command = process::command("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", "sh"]);
        command
    } else {
        process::command("sh")
    };
    let results = options.work.join("results");
    command.current_dir(tests).arg(&file).arg(format!("--root={}", results.join("trash").display()));
    if options.verbose {
        command.arg("--verbose");
    }
    let skipped = skips.iter().filter(|(_, skip)| !skip.runs);
    let names: Vec<&str> = skipped.map(|(name, _)| name.as_str()).collect();
    command.env("GIT_TEST_INSTALLED", options.work.join("bin")).env("GIT_SKIP_TESTS", names.join(" "));
    command.env("TEST_OUTPUT_DIRECTORY", &results).env("HOME", &results);
    if let Some(apache) = &options.apache {
        command.env("GIT_TEST_HTTPD", "true").env("LIB_HTTPD_PATH", apache);
    }
    if let Some(modules) = &options.apache_modules {
        command.env("LIB_HTTPD_MODULE_PATH", modules);
    }
    let output = output_of(&mut command)?;
    fs::write(options.work.join(format!("{script}.log")), &output).context("write a log")?;
    if options.verbose {
        println!("{output}");
    }
    Ok(output)
}

/// Runs a command that may fail: what it prints tells how its tests went.
fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output().context("start a script")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

/// Reads the list of tests that are left out, with their reasons.
fn parse_skips(text: &str) -> Result<Skips> {
    let mut skips = Skips::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some((name, reason)) = line.split_once(' ') else {
            bail!("`{line}` has no reason");
        };
        let (name, runs) = match name.strip_prefix('!') {
            Some(name) => (name, true),
            None => (name, false),
        };
        if skips.insert(name.to_owned(), Skip { reason: reason.to_owned(), runs }).is_some() {
            bail!("`{name}` is in the list twice");
        }
    }
    Ok(skips)
}

impl Tally {
    /// Reads the lines of the Test Anything Protocol.
    fn read(script: &str, output: &str, skips: &Skips) -> Self {
        let mut tally = Self::default();
        for line in output.lines() {
            let (ok, rest) = match (line.strip_prefix("ok "), line.strip_prefix("not ok ")) {
                (Some(rest), _) => (true, rest),
                (_, Some(rest)) => (false, rest),
                _ => {
                    tally.finished |= line.starts_with("1..");
                    continue;
                }
            };
            let name = format!("{script}.{}", rest.split(' ').next().unwrap_or_default());
            let fails = !ok && skips.get(&name).is_some_and(|skip| skip.runs);
            if fails || (rest.contains("# skip") && rest.ends_with("(GIT_SKIP_TESTS)")) {
                tally.skipped += 1;
                tally.left_out.push(name);
            } else if rest.contains("# skip") {
                tally.unavailable += 1;
            } else if rest.contains(KNOWN_TO_FAIL) {
                tally.known += 1;
            } else if ok {
                tally.passed += 1;
            } else {
                tally.failed.push(rest.replacen(" - ", ": ", 1));
            }
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_protocol_are_counted() {
        let output = "ok 1 - a\nnot ok 2 - b\n#\tdetails\nok 3 # skip c (GIT_SKIP_TESTS)\nok 4 # skip d (missing X)\n\
                      not ok 5 - e # TO\
                      DO known breakage\n1..5\n";
        let tally = Tally {
            passed: 1,
            skipped: 1,
            unavailable: 1,
            known: 1,
            failed: vec!["2: b".to_owned()],
            left_out: vec!["t1.3".to_owned()],
            finished: true,
        };
        assert_eq!(Tally::read("t1", output, &Skips::new()), tally);
        assert!(!Tally::read("t1", "ok 1 - a\n", &Skips::new()).finished);
        let skips = parse_skips("!t1.1 passes\n!t1.2 fails\n").unwrap();
        assert_eq!(Tally::read("t1", output, &skips).left_out, ["t1.2", "t1.3"]);
    }

    #[test]
    fn every_line_of_the_list_has_a_reason() {
        let skips = parse_skips("# words\n\nt1.2 why not\nt3 because\n").unwrap();
        assert_eq!(skips["t1.2"].reason, "why not");
        assert!(parse_skips("t1.2\n").is_err());
        assert!(parse_skips("t1 a\nt1 b\n").is_err());
        let list = environment::root().join("clients/git-suite/skip.txt");
        assert!(parse_skips(&fs::read_to_string(list).unwrap()).unwrap().len() > 10);
    }
}
