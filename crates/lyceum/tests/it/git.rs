//! The real git as a client: clones and fetches over HTTP, of what the commit API made.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::file;
use crate::process::{PASSWORD, Site, lyceum_with, ok};

/// Every git of this machine.
fn gits() -> Vec<PathBuf> {
    let places = ["/usr/local/bin/git", "/usr/bin/git"].map(PathBuf::from);
    places.into_iter().filter(|path| path.exists()).collect()
}

/// A folder that git works in, with one of its versions, without the settings of this machine.
struct Work {
    git: PathBuf,
    protocol: u8,
    folder: TempDir,
}

impl Work {
    fn new(git: &Path, protocol: u8) -> Self {
        Self { git: git.to_owned(), protocol, folder: tempfile::tempdir().unwrap() }
    }

    fn each() -> Vec<Self> {
        gits().iter().flat_map(|git| (0..=2).map(move |protocol| Self::new(git, protocol))).collect()
    }

    /// Runs git; returns whether it succeeded, and what it prints to both outputs.
    fn try_git(&self, arguments: &[&str]) -> (bool, String, String) {
        let output = Command::new(&self.git)
            .args(["-c", &format!("protocol.version={}", self.protocol)])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    fn git(&self, arguments: &[&str]) -> String {
        let (succeeded, output, errors) = self.try_git(arguments);
        let (git, protocol) = (self.git.display(), self.protocol);
        assert!(succeeded, "{git} {arguments:?} (version {protocol}): {errors}");
        output.trim_end().to_owned()
    }
}

/// Commits one file by the API; returns the commit.
fn commit(site: &Site, path: &str, content: &str) -> String {
    let lines = [json!({ "key": "header", "value": { "summary": path } }), file(path, content.as_bytes())];
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let headers = [("content-type", "application/x-ndjson")];
    let answer = site.client.send("POST", "/api/models/ada/words/commit/main", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["commitOid"].as_str().unwrap().to_owned()
}

/// Changes the settings of the model.
fn set(site: &Site, change: &Value) {
    let headers = [("content-type", "application/json")];
    let change = change.to_string();
    let answer = site.client.send("PUT", "/api/models/ada/words/settings", &headers, change.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn clones_and_fetches_what_the_api_made() {
    let site = Site::new();
    site.client.create_model("words");
    for number in 0..5 {
        commit(&site, &format!("folder/{number}.txt"), &format!("text {number}\n").repeat(50));
    }
    let mut last = commit(&site, "README.md", "first");
    let url = format!("{}/ada/words.git", site.server.address);
    for work in Work::each() {
        work.git(&["clone", "-q", &url, "copy"]);
        assert_eq!(work.git(&["-C", "copy", "rev-parse", "HEAD"]), last);
        assert_eq!(work.git(&["-C", "copy", "status", "--porcelain"]), "");
        work.git(&["-C", "copy", "fsck", "--strict", "--full"]);
        last = commit(&site, "README.md", &format!("{:?} {}", work.git, work.protocol));
        work.git(&["-C", "copy", "pull", "-q", "--ff-only"]);
        assert_eq!(work.git(&["-C", "copy", "rev-parse", "HEAD"]), last);
        work.git(&["-C", "copy", "fsck", "--strict", "--full"]);

        work.git(&["clone", "-q", "--depth=2", &url, "shallow"]);
        assert_eq!(work.git(&["-C", "shallow", "rev-list", "--count", "HEAD"]), "2");
        work.git(&["-C", "shallow", "fetch", "-q", "--unshallow"]);
        work.git(&["-C", "shallow", "fsck", "--strict", "--full"]);

        work.git(&["clone", "-q", "--filter=blob:none", &url, "partial"]);
        assert_eq!(work.git(&["-C", "partial", "show", "HEAD~2:folder/3.txt"]).lines().count(), 50);
        let listed = work.git(&["ls-remote", "--symref", &url, "HEAD"]);
        assert!(listed.contains("ref: refs/heads/main\tHEAD") && listed.contains(&last), "{listed}");
    }
}

#[test]
fn a_second_clone_is_served_from_the_kept_pack() {
    let site = Site::new();
    site.client.create_model("words");
    commit(&site, "a.txt", "a");
    let url = format!("{}/ada/words", site.server.address);
    let work = Work::new(&gits()[0], 2);
    let packs = site.folder.path().join("packs");
    let kept =
        || std::fs::read_dir(&packs).unwrap().flatten().filter(|entry| entry.path().extension().is_some());
    work.git(&["clone", "-q", &url, "first"]);
    // The pack is kept after the client has it; each further clone gives that time.
    let mut clones = 0;
    while kept().count() == 0 {
        clones += 1;
        assert!(clones < 100, "nothing is kept");
        work.git(&["clone", "-q", &url, &format!("more-{clones}")]);
    }
    work.git(&["clone", "-q", &url, "second"]);
    work.git(&["-C", "second", "fsck", "--strict", "--full"]);
    assert_eq!(kept().count(), 1);
    assert_eq!(
        work.git(&["-C", "second", "rev-parse", "HEAD"]),
        work.git(&["-C", "first", "rev-parse", "HEAD"])
    );
    // Whoever may not read the repo gets nothing of it, and is told nothing.
    set(&site, &json!({ "private": true }));
    let (succeeded, _, errors) = work.try_git(&["clone", "-q", &url, "third"]);
    assert!(!succeeded && errors.contains("could not read Username"), "{errors}");
    let token = ok(site.folder.path(), &["token", "create", "ada", "--name", "git"]).trim().to_owned();
    for credentials in [format!("ada:{token}"), format!("anything:{token}")] {
        let url = url.replacen("://", &format!("://{credentials}@"), 1);
        work.git(&["ls-remote", &url]);
    }
    let (succeeded, _, errors) = work.try_git(&["ls-remote", &url.replacen("://", "://ada:wrong@", 1)]);
    assert!(!succeeded && errors.contains("Authentication failed"), "{errors}");
}

#[test]
fn a_gate_is_told_in_words() {
    let site = Site::new();
    site.client.create_model("words");
    set(&site, &json!({ "gated": "manual" }));
    let made = lyceum_with(site.folder.path(), &["user", "create", "eve", "--password-stdin"], PASSWORD);
    assert!(made.status.success());
    let eve = ok(site.folder.path(), &["token", "create", "eve"]).trim().to_owned();
    let url = format!("{}/ada/words", site.server.address).replacen("://", &format!("://eve:{eve}@"), 1);
    let work = Work::new(&gits()[0], 2);
    let (succeeded, _, errors) = work.try_git(&["clone", "-q", &url, "copy"]);
    assert!(!succeeded && errors.contains("remote: ") && errors.contains("403"), "{errors}");
}
