//! Clones and fetches of whole histories.

use super::*;

/// Clones into `name` inside of `work`, which must succeed, be sound, and agree with `origin` on every reference.
fn clone(work: &Git, server: &Server, version: u8, name: &str, arguments: &[&str]) {
    let arguments: Vec<&str> = [&["clone", "-q"][..], arguments, &[&server.url, name]].concat();
    assert_eq!(client(work, version, &arguments).0, 0, "version {version}: {arguments:?}");
    work.run(&["-C", name, "fsck", "--strict", "--full", "--no-dangling"], b"");
}

/// Returns objects and references, without those that only a clone has.
fn contents(git: &Git, name: &str) -> Vec<String> {
    let mut found = git.lines(&["-C", name, "rev-list", "--objects", "--all", "--no-object-names"]);
    found.sort_unstable();
    found
}

#[test]
fn clones_whole() {
    let origin = sample();
    let memory = Arc::new(Memory::import(&origin));
    let server = Server::start(&memory, &generous());
    let expected = contents(&origin, ".");
    for version in 0..=2 {
        let work = Git::new();
        clone(&work, &server, version, "whole", &["--bare"]);
        assert_eq!(contents(&work, "whole"), expected);
        let refs = |git: &Git, path| git.lines(&["-C", path, "show-ref", "--head", "-d"]);
        assert_eq!(refs(&work, "whole"), refs(&origin, "."), "version {version}");
        // A working copy has what the commit has.
        clone(&work, &server, version, "files", &[]);
        assert_eq!(work.lines(&["-C", "files", "status", "--porcelain"]), [""; 0]);
        clone(&work, &server, version, "single", &["--single-branch", "--branch", "side", "--bare"]);
        let mut side = origin.lines(&["rev-list", "--objects", "side", "--no-object-names"]);
        side.sort_unstable();
        assert_eq!(contents(&work, "single"), side);
    }
}

#[test]
fn takes_deltas_as_they_are() {
    let origin = sample();
    let memory = Arc::new(Memory::import(&origin));
    let server = Server::start(&memory, &generous());
    let work = Git::new();
    clone(&work, &server, 2, "whole", &["--bare"]);
    let deltas = |git: &Git, path: &str| {
        let all = ["-C", path, "cat-file", "--batch-all-objects", "--batch-check=%(deltabase)"];
        git.lines(&all).iter().filter(|base| !base.starts_with("0000")).count()
    };
    let (stored, received) = (deltas(&origin, "."), deltas(&work, "whole"));
    assert!(stored > 3, "{stored}");
    assert_eq!(received, stored);
}

#[test]
fn fetches_what_is_new() {
    let origin = sample();
    let memory = Memory::import(&origin);
    let newest = memory.references_now();
    memory.set_reference("refs/heads/main", origin.lines(&["rev-parse", "main~2"])[0].parse().unwrap());
    let memory = Arc::new(memory);
    let server = Server::start(&memory, &generous());
    for version in 0..=2 {
        memory.set_reference("refs/heads/main", origin.lines(&["rev-parse", "main~3"])[0].parse().unwrap());
        let work = Git::new();
        clone(&work, &server, version, "copy", &["--bare", "--no-tags", "--single-branch"]);
        for name in ["refs/heads/main", "refs/tags/v1", "refs/tags/v2", "refs/heads/side"] {
            memory.set_reference(name, newest[name]);
            let (status, _) =
                client(&work, version, &["-C", "copy", "fetch", "-q", &server.url, "+refs/*:refs/*"]);
            assert_eq!(status, 0, "version {version}: {name}");
            work.run(&["-C", "copy", "fsck", "--strict", "--full", "--no-dangling"], b"");
        }
        assert_eq!(contents(&work, "copy"), contents(&origin, "."));
        // The files that the pack came in are gone after `fetch`; nothing was sent twice if there is no duplicate.
        let duplicates = work.lines(&["-C", "copy", "count-objects", "-v"]);
        assert!(duplicates.contains(&"prune-packable: 0".to_owned()), "{duplicates:?}");
    }
}

#[test]
fn lists_references() {
    let origin = sample();
    let memory = Arc::new(Memory::import(&origin));
    let mut options = generous();
    options.hidden = vec!["refs/heads/side".to_owned()];
    let server = Server::start(&memory, &options);
    let expected: Vec<String> = origin
        .lines(&["show-ref", "--head", "-d"])
        .into_iter()
        .filter(|line| !line.ends_with("refs/heads/side"))
        .map(|line| line.replacen(' ', "\t", 1))
        .collect();
    let work = Git::new();
    for version in 0..=2 {
        let (_, listed) = client(&work, version, &["ls-remote", &server.url]);
        assert_eq!(listed.lines().collect::<Vec<_>>(), expected, "version {version}");
        let (_, listed) = client(&work, version, &["ls-remote", "--symref", &server.url, "HEAD"]);
        assert!(listed.starts_with("ref: refs/heads/main\tHEAD\n"), "{listed}");
        let (_, listed) = client(&work, version, &["ls-remote", "--tags", &server.url, "v1*"]);
        assert_eq!(listed.lines().count(), 2, "{listed}");
    }
}

#[test]
fn an_empty_repository_can_be_cloned() {
    let server = Server::start(&Arc::new(Memory::default()), &generous());
    for version in 0..=2 {
        let work = Git::new();
        assert_eq!(client(&work, version, &["clone", "-q", &server.url, "empty"]).0, 0);
        if version == 2 {
            assert_eq!(work.lines(&["-C", "empty", "symbolic-ref", "HEAD"]), ["refs/heads/main"]);
        }
        assert_eq!(client(&work, version, &["ls-remote", &server.url]), (0, String::new()));
    }
}
