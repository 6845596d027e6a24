//! Child processes: run one and fail with its name, or capture what it prints.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::environment;

/// Starts building a command in the workspace root with no standard input.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(environment::root()).stdin(Stdio::null());
    command
}

/// Returns a `cargo` command of the toolchain that runs this program.
pub(crate) fn cargo() -> Command {
    command(environment::variable("CARGO").unwrap_or_else(|| "cargo".to_owned()))
}

/// Runs a command, its output passing through.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed with {status}");
    }
    Ok(())
}

/// Runs a command and returns its standard output; its errors are part of the failure.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.output().with_context(|| format!("start `{shown}`"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed with {}: {}", output.status, errors.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("read the output of `{shown}`"))
}

/// Runs a command whose output passes through line by line, and returns its success with the lines.
///
/// Standard error joins standard output, because nextest and pytest put their summaries on different ones. What still
/// runs after `limit` is killed with all that it started: a test that hangs is a failure, and never the end of a run.
pub(crate) fn tee(command: &mut Command, limit: Duration) -> Result<(bool, Vec<String>)> {
    let shown = show(command);
    let (reader, writer) = std::io::pipe().context("make a pipe")?;
    let errors = writer.try_clone().context("share a pipe")?;
    command.stdout(writer).stderr(errors).process_group(0);
    let mut child = command.spawn().with_context(|| format!("start `{shown}`"))?;
    // The command still owns the write ends; without dropping them the reader would never see the end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let group = format!("-{}", child.id());
    let (running, ended) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            println!("killed, because it still ran after {} s", limit.as_secs());
            Command::new("kill").args(["-KILL", "--", &group]).status().ok();
        }
    });
    let mut lines = Vec::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.with_context(|| format!("read from `{shown}`"))?;
        let line = String::from_utf8_lossy(&line).into_owned();
        println!("{line}");
        lines.push(line);
    }
    std::io::stdout().flush().context("flush the output")?;
    let status = child.wait().with_context(|| format!("wait for `{shown}`"))?;
    drop(running);
    watch.join().ok();
    Ok((status.success(), lines))
}

/// Returns where a program lies on the search path, if anywhere.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = environment::variable("PATH")?;
    // Debian keeps servers out of an ordinary user's path.
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    folders.map(|folder| Path::new(folder).join(program)).find(|candidate| candidate.is_file())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
