//! What the server takes for a large file that comes by `git lfs`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::git;
use crate::bench::Row;
use crate::bench::commits::create;
use crate::bench::transfer::{GIGABYTES, LARGE_BYTES, write_random};
use crate::process;
use crate::server::Server;

/// Pushes one file of 1 GiB.
pub(super) fn measure(scratch: &Path, server: &Server, token: &str) -> Result<Row> {
    let source = scratch.join("lfs");
    fs::create_dir_all(&source).context("make a folder for a repository")?;
    let run = |arguments: &[&str]| process::run(git().arg("-C").arg(&source).args(arguments));
    run(&["init", "-q", "-b", "main", "."])?;
    run(&["lfs", "install", "--local"])?;
    run(&["lfs", "track", "*.bin"])?;
    write_random(&source.join("random.bin"), LARGE_BYTES)?;
    run(&["add", "."])?;
    run(&["-c", "user.name=Alice", "-c", "user.email=alice@example.org", "commit", "-q", "-m", "a file"])?;
    create(&mut server.connect()?, token, "lfs")?;
    let url = format!("http://alice:{token}@127.0.0.1:{}/alice/lfs", server.port());
    run(&["remote", "add", "origin", &url])?;
    let before = server.cpu_seconds()?;
    // The hook that was installed sends the file first.
    run(&["push", "-q", "origin", "main:refs/heads/pushed"])?;
    let taken = (server.cpu_seconds()? - before) / GIGABYTES;
    fs::remove_dir_all(&source).context("delete a repository")?;
    Ok(Row::at_most("git lfs push of 1 GiB, server processor time", taken, 2.0, "s/GB"))
}
