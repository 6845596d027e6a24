//! Repositories that real git made are read, and what is written is looked at with real git.

mod config;
mod objects;
mod references;
mod update;

use std::path::Path;
use std::process::Command;

use lyceum_core::{Clock, Oid, Timestamp};
use tempfile::TempDir;

use crate::{DirRepo, Environment};

/// A repository of the real git, in a folder that goes away with it.
struct Git(TempDir);

impl Git {
    /// Makes an empty repository with a work tree.
    fn new() -> Self {
        let git = Self(tempfile::tempdir().unwrap());
        git.run(&["init", "--quiet", "--initial-branch=main"]);
        git
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs git, which must succeed, and returns what it says.
    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn commit(&self, files: &[(&str, &str)]) -> Oid {
        for (name, content) in files {
            std::fs::write(self.path().join(name), content).unwrap();
        }
        self.run(&["add", "."]);
        self.run(&["commit", "--quiet", "--allow-empty", "--message=change"]);
        self.oid("HEAD")
    }

    fn oid(&self, name: &str) -> Oid {
        self.run(&["rev-parse", name]).parse().unwrap()
    }

    fn open(&self) -> DirRepo {
        open(self.path(), false).unwrap()
    }
}

/// Opens a repository with no settings but its own.
fn open(folder: &Path, strict: bool) -> Result<DirRepo, crate::OpenError> {
    DirRepo::open(folder, strict, &environment())
}

fn environment() -> Environment {
    let clock = Clock::from_fn(|| Timestamp(1_700_000_000_000));
    Environment { global_config: None, settings: Vec::new(), committer: (None, None), clock }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
