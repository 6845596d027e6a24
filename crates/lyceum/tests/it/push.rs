//! Pushes with real git: what it can do, next to the API, and with `kill -9` in the middle.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Client, file, sha256};
use crate::process::{Server, Site, ok};

/// A folder with real git in it, which acts for the user of a site.
struct Work {
    git: &'static str,
    folder: TempDir,
}

impl Work {
    /// Clones a model with the first git of this machine.
    fn clone(client: &Client, id: &str) -> Self {
        Self::clone_with("git", client, id)
    }

    fn clone_with(git: &'static str, client: &Client, id: &str) -> Self {
        let work = Self { git, folder: tempfile::tempdir().unwrap() };
        work.git(&["clone", "-q", &url(client, id), "."]);
        work
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn try_git(&self, arguments: &[&str]) -> Output {
        Command::new(self.git)
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("NO_PROXY", "*")
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.org")])
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed and returns what it prints, errors included.
    fn git(&self, arguments: &[&str]) -> String {
        let output = self.try_git(arguments);
        let text = text(&output);
        assert!(output.status.success(), "git {arguments:?}: {text}");
        text
    }

    /// Runs a command that must fail and returns what it prints.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.try_git(arguments);
        let text = text(&output);
        assert!(!output.status.success(), "git {arguments:?}: {text}");
        text
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Writes a file and commits it.
    fn commit(&self, path: &str, content: impl AsRef<[u8]>) -> String {
        self.write(path, content);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", &format!("add {path}")]);
        self.head()
    }

    fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn url(client: &Client, id: &str) -> String {
    let rest = client.address.strip_prefix("http://").unwrap();
    format!("http://ada:{}@{rest}/{id}", client.token())
}

fn references(client: &Client, id: &str) -> Value {
    client.get(&format!("/api/models/{id}/refs?include_prs=1")).json()
}

#[test]
fn git_pushes_all_it_can() {
    let gits = ["/usr/local/bin/git", "/usr/bin/git"].into_iter().filter(|git| Path::new(git).exists());
    for git in gits {
        push_all(git);
    }
}

fn push_all(git: &'static str) {
    let site = Site::new();
    let client = &site.client;
    client.create_model("m");
    let work = Work::clone_with(git, client, "ada/m");

    // Fast forward, read back by the API.
    let head = work.commit("dir/a.txt", "hello\n");
    let told = work.git(&["push", "origin", "main"]);
    assert!(told.contains("main -> main"), "{told}");
    assert_eq!(client.head("ada/m"), head);
    assert_eq!(client.get("/ada/m/resolve/main/dir/a.txt").text(), "hello\n");

    // A new branch; one that leads to what is there already; a tag of each kind.
    work.git(&["checkout", "-q", "-b", "topic"]);
    let topic = work.commit("b.txt", "b\n");
    work.git(&["tag", "-a", "-m", "a tag", "v1"]);
    work.git(&["tag", "light"]);
    work.git(&["push", "-q", "origin", "topic", "topic:copy", "v1", "light"]);
    let found = references(client, "ada/m");
    let target = |list: &str, name: &str| {
        let list = found[list].as_array().unwrap();
        list.iter().find(|one| one["name"] == name).map(|one| one["targetCommit"].clone())
    };
    assert_eq!(target("branches", "copy"), Some(json!(topic)));
    assert_eq!(target("tags", "v1"), Some(json!(topic)));
    assert_eq!(target("tags", "light"), Some(json!(topic)));

    // Not forward: only by force.
    work.git(&["commit", "-q", "--amend", "-m", "another"]);
    let told = work.refused(&["push", "origin", "topic"]);
    assert!(told.contains("non-fast-forward"), "{told}");
    work.git(&["push", "-q", "--force", "origin", "topic"]);

    // Deletions, but not of the default branch.
    work.git(&["push", "-q", "origin", "--delete", "copy", "light"]);
    let told = work.refused(&["push", "origin", "--delete", "main"]);
    assert!(told.contains("[remote rejected] main (deletion prohibited)"), "{told}");
    assert!(told.contains("remote: error: Cannot delete refs/heads/main"), "{told}");

    // All or nothing.
    work.git(&["branch", "good"]);
    let told = work.refused(&["push", "--atomic", "origin", "good", "topic:refs/convert/x"]);
    assert!(told.contains("topic -> refs/convert/x (prohibited by the hub)"), "{told}");
    assert!(told.contains("good -> good (atomic push failure)"), "{told}");
    // One by one, the good one is made.
    let told = work.refused(&["push", "origin", "good", "topic:refs/convert/x"]);
    assert!(told.contains("[new branch]      good -> good"), "{told}");

    // Options, compression, the protocol's first version, and other forms of the address.
    work.commit("c.txt", "c\n");
    work.git(&["push", "-q", "-o", "ci.skip", "origin", "HEAD:refs/heads/options"]);
    work.commit("d.txt", "d\n");
    work.git(&["-c", "protocol.version=1", "push", "-q", "origin", "HEAD:refs/heads/one"]);
    work.commit("e.txt", "e\n");
    work.git(&[
        "-c",
        "http.postBuffer=1000",
        "push",
        "-q",
        &format!("{}.git", url(client, "ada/m")),
        "HEAD:refs/heads/suffix",
    ]);

    // Many files, in pieces that do not fit one request.
    for number in 0..1000 {
        work.write(&format!("many/{}/{number}.txt", number % 10), format!("{number}\n").repeat(20));
    }
    let head = work.commit("many/last.txt", "last");
    work.git(&["-c", "http.postBuffer=2000", "push", "-q", "origin", "HEAD:refs/heads/many"]);
    let answer = client.get("/ada/m/resolve/many/many/7/997.txt");
    assert_eq!((answer.status, answer.header("x-repo-commit")), (200, &*head));
    assert_eq!(answer.text(), "997\n".repeat(20));

    // What came can be cloned, and real git finds nothing wrong.
    let other = Work::clone(client, "ada/m");
    other.git(&["fsck", "--strict", "--full"]);
    assert_eq!(other.git(&["rev-parse", "origin/many"]).trim(), head);
    assert_eq!(
        other.git(&["ls-tree", "-r", "--name-only", "origin/many"]),
        work.git(&["ls-tree", "-r", "--name-only", "HEAD"])
    );
    let printed = ok(site.folder.path(), &["fsck", "--deep"]);
    assert!(printed.starts_with("clean"), "{printed}");
}

#[test]
fn the_rules_of_commits_hold() {
    let site = Site::new();
    let client = &site.client;
    client.create_model("m");
    let work = Work::clone(client, "ada/m");
    let before = client.head("ada/m");
    let check = |expected: &[&str]| {
        let told = work.refused(&["push", "origin", "HEAD:main"]);
        for expected in expected {
            assert!(told.contains(expected), "{told}: {expected}");
        }
        assert_eq!(client.head("ada/m"), before);
        work.git(&["reset", "-q", "--hard", "origin/main"]);
    };
    work.commit("big/model.bin", vec![7; 11 << 20]);
    check(&["remote:   - `big/model.bin` has 11 MiB", "git lfs migrate", "pre-receive hook declined"]);
    work.commit(
        "model.bin",
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", sha256(b"nope!")),
    );
    check(&["`model.bin` stands for a large file that was not uploaded"]);
    work.write("readme", "x");
    work.commit("README", "y");
    check(&["differs from another file only in upper and lower case"]);
    work.write("x", "y");
    std::os::unix::fs::symlink("/etc/passwd", work.path().join("link")).unwrap();
    work.commit("y", "z");
    check(&["`link` is a symbolic link that leads out of the repo"]);
    work.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{before},sub")]);
    work.git(&["commit", "-q", "-m", "a submodule"]);
    check(&["`sub` is a submodule"]);
}

#[test]
fn commits_of_all_kinds_come_one_after_another() {
    const WRITERS: usize = 3;
    const EACH: usize = 6;
    let site = Site::new();
    let client = &site.client;
    client.create_model("m");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let work = Work::clone(client, "ada/m");
                for number in 0..EACH {
                    work.commit(&format!("git/{writer}-{number}"), format!("{writer} {number}"));
                    while !work.try_git(&["push", "-q", "origin", "main"]).status.success() {
                        work.git(&["pull", "-q", "--rebase", "origin", "main"]);
                    }
                }
            });
            scope.spawn(move || {
                for number in 0..EACH {
                    let path = format!("api/{writer}-{number}");
                    let line = file(&path, path.as_bytes());
                    assert_eq!(client.try_commit("ada/m", None, &[line]).unwrap().status, 200);
                }
            });
        }
    });
    let work = Work::clone(client, "ada/m");
    work.git(&["fsck", "--strict", "--full"]);
    // One line of commits, each of which adds its own file and keeps all others.
    let log = work.git(&["log", "--format=%P", "--name-status"]);
    let added = log.lines().filter(|line| line.starts_with("A\t")).count();
    assert_eq!(added, 2 * WRITERS * EACH + 1);
    assert!(!log.lines().any(|line| line.starts_with("D\t") || line.starts_with("M\t")), "{log}");
    assert!(log.lines().all(|line| line.len() <= 40 || line.starts_with("A\t")), "{log}");
    let files = work.git(&["ls-tree", "-r", "--name-only", "HEAD"]);
    assert_eq!(files.lines().count(), 2 * WRITERS * EACH + 1);
}

#[test]
fn nothing_of_a_push_is_half_there() {
    const ROUNDS: usize = 12;
    let site = Site::new();
    site.client.create_model("m");
    let Site { server, folder, client } = site;
    let work = Work::clone(&client, "ada/m");
    let mut server = Some(server);
    let done = AtomicUsize::new(0);
    let mut landed = client.head("ada/m");
    for round in 0..ROUNDS {
        let running = server.take().unwrap_or_else(|| Server::start(folder.path()));
        let client = client.at(&running.address);
        work.git(&["remote", "set-url", "origin", &url(&client, "ada/m")]);
        for number in 0..40 {
            work.write(&format!("{round}/{number}.txt"), format!("{round} {number}\n").repeat(500));
        }
        let head = work.commit(&format!("{round}/last.txt"), "last");
        let branch = format!("main:refs/heads/b{round}");
        let pushed = std::thread::scope(|scope| {
            let push = scope.spawn(|| {
                let output = work.try_git(&["push", "--atomic", "origin", "main", &branch]);
                done.fetch_add(1, Ordering::SeqCst);
                output.status.success()
            });
            // Somewhere between the first request and the answer to the last.
            let (_keep, wait) = std::sync::mpsc::channel::<()>();
            let _timeout = wait.recv_timeout(Duration::from_millis(15 * round as u64));
            running.kill();
            push.join().unwrap()
        });
        let running = Server::start(folder.path());
        let client = client.at(&running.address);
        let now = client.head("ada/m");
        assert!(now == head || (now == landed && !pushed), "{now} is neither {head} nor {landed}");
        let branches = references(&client, "ada/m")["branches"].to_string();
        assert_eq!(branches.contains(&format!("\"refs/heads/b{round}\"")), now == head, "{branches}");
        landed = now;
        let printed = ok(folder.path(), &["fsck", "--deep"]);
        assert!(printed.starts_with("clean"), "{printed}");
        server = Some(running);
    }
    let client = client.at(&server.as_ref().unwrap().address);
    work.git(&["remote", "set-url", "origin", &url(&client, "ada/m")]);
    work.git(&["push", "-q", "origin", "main"]);
    assert_eq!(client.head("ada/m"), work.head());
    assert_eq!(done.into_inner(), ROUNDS);
    // Spooled packs of killed pushes are gone.
    let left = std::fs::read_dir(folder.path().join("store/tmp")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[test]
fn large_files_go_through_git_lfs() {
    let Ok(version) = Command::new("git-lfs").arg("version").output() else {
        println!("git-lfs is not installed");
        return;
    };
    assert!(version.status.success());
    let site = Site::new();
    let client = &site.client;
    client.create_model("m");
    let work = Work::clone(client, "ada/m");
    work.git(&["lfs", "install", "--local"]);
    let content: Vec<u8> =
        (0..3_000_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    work.commit("model.safetensors", &content);
    let told = work.git(&["push", "origin", "main"]);
    assert!(told.contains("main -> main"), "{told}");
    let answer = client.get("/ada/m/resolve/main/model.safetensors");
    assert_eq!((answer.status, sha256(&answer.body)), (200, sha256(&content)));

    let other = Work { git: "git", folder: tempfile::tempdir().unwrap() };
    other.git(&[
        "-c",
        "filter.lfs.smudge=git-lfs smudge -- %f",
        "-c",
        "filter.lfs.required=true",
        "clone",
        "-q",
        &url(client, "ada/m"),
        ".",
    ]);
    assert_eq!(std::fs::read(other.path().join("model.safetensors")).unwrap(), content);
}
