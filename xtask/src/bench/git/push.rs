//! Pushes, compared with `git http-backend`.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::backend::Backend;
use super::{git, median};
use crate::bench::Row;
use crate::bench::commits::create;
use crate::process;
use crate::server::Server;

const FILES: usize = 1000;
const ROUNDS: usize = 5;

/// Pushes a thousand new files to fresh repositories of both.
pub(super) fn measure(scratch: &Path, server: &Server, token: &str) -> Result<Row> {
    let repositories = scratch.join("pushed");
    fs::create_dir_all(&repositories).context("make a folder for repositories")?;
    let backend = Backend::start(&repositories)?;
    let source = scratch.join("source");
    thousand_files(&source)?;
    let mut connection = server.connect()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = format!("push-{round}");
        create(&mut connection, token, &name)?;
        ours.push(push(&source, &format!("http://alice:{token}@127.0.0.1:{}/alice/{name}", server.port()))?);
        process::run(git().args(["init", "-q", "--bare"]).arg(repositories.join(&name)))?;
        process::run(git().arg("-C").arg(repositories.join(&name)).args([
            "config",
            "http.receivepack",
            "true",
        ]))?;
        theirs.push(push(&source, &backend.url(&name))?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("push: {ours:.3} s, to git http-backend: {theirs:.3} s");
    Ok(Row::at_most("push of 1,000 small files against git http-backend", ours / theirs, 1.5, "times"))
}

/// Makes a repository whose only commit has a thousand different files.
fn thousand_files(folder: &Path) -> Result<()> {
    for number in 0..FILES {
        let path = folder.join(format!("folder-{}/file-{number}.txt", number % 20));
        fs::create_dir_all(path.parent().context("a file lies in a folder")?).context("create a folder")?;
        fs::write(&path, format!("{number:09}\n").repeat(20)).context("write a file")?;
    }
    let run = |arguments: &[&str]| process::run(git().arg("-C").arg(folder).args(arguments));
    run(&["init", "-q", "-b", "main", "."])?;
    run(&["add", "."])?;
    run(&["-c", "user.name=Alice", "-c", "user.email=alice@example.org", "commit", "-q", "-m", "files"])
}

/// Returns the seconds that one push to a new branch takes.
fn push(source: &Path, url: &str) -> Result<f64> {
    let start = Instant::now();
    process::run(git().arg("-C").arg(source).args(["push", "-q", url, "main:refs/heads/pushed"]))?;
    Ok(start.elapsed().as_secs_f64())
}
