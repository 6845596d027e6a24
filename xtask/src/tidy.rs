//! `cargo xtask tidy`: the rules of the style guide that a program can check.
//!
//! Each rule takes plain values and returns problems, so that its tests need no workspace.

mod layers;
mod manifest;
mod shape;
mod words;

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::{environment, process};

/// One file of the tree: its path from the root, with `/`, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// What a rule found. A warning is printed and passes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Warning(String),
    Error(String),
}

/// Checks everything and fails when a rule is broken.
pub(crate) fn run() -> Result<()> {
    let metadata = metadata()?;
    let sources = sources()?;
    let root_manifest =
        fs::read_to_string(environment::root().join("Cargo.toml")).context("read Cargo.toml")?;
    let mut problems = layers::check(&metadata)?;
    problems.extend(manifest::check(&metadata, &root_manifest, &sources)?);
    problems.extend(shape::check(&sources));
    problems.extend(words::check(&sources));
    let mut errors = 0;
    for problem in &problems {
        match problem {
            Problem::Warning(text) => println!("warning: {text}"),
            Problem::Error(text) => {
                errors += 1;
                println!("error: {text}");
            }
        }
    }
    if errors > 0 {
        bail!("tidy found {errors} errors");
    }
    println!("tidy: {} files, {} warnings, 0 errors", sources.len(), problems.len());
    Ok(())
}

fn metadata() -> Result<serde_json::Value> {
    let mut metadata = process::cargo();
    metadata.args(["metadata", "--format-version", "1", "--no-deps"]);
    serde_json::from_str(&process::capture(&mut metadata)?).context("parse the output of `cargo metadata`")
}

/// Returns every text file that git tracks or would track.
fn sources() -> Result<Vec<Source>> {
    let mut list = process::command("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = process::capture(&mut list)?;
    let mut sources = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        let Ok(bytes) = fs::read(environment::root().join(path)) else {
            continue; // Deleted, and the deletion is not staged yet.
        };
        // Binary files, such as fuzz corpora, have no words.
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests;
