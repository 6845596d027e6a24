//! Copies whose history is cut off, and how they grow.

use super::*;

fn setup() -> (Git, Server) {
    let origin = sample();
    let memory = Arc::new(Memory::import(&origin));
    let server = Server::start(&memory, &generous());
    (origin, server)
}

/// Returns the commits that a copy has.
fn log(git: &Git, path: &str) -> Vec<String> {
    git.lines(&["-C", path, "log", "--format=%H", "--date-order", "main"])
}

fn check(work: &Git, path: &str, expected: &[String], what: &str) {
    assert_eq!(log(work, path), expected, "{what}");
    work.run(&["-C", path, "fsck", "--strict", "--full", "--no-dangling"], b"");
    // Every file of every commit is there.
    work.run(&["-C", path, "rev-list", "--objects", "main"], b"");
}

#[test]
fn a_copy_grows_as_the_same_request_makes_a_new_one() {
    let (origin, server) = setup();
    // What real git makes of the same requests, from the same repository.
    let path = format!("file://{}", origin.path().display());
    for version in 0..=2 {
        for steps in [
            &[&["--depth=1"][..], &["--depth=3"], &["--deepen=1"], &["--unshallow"]][..],
            &[&["--depth=2"], &["--deepen=2"], &["--depth=1"], &["--deepen=3"]],
            &[&["--shallow-since=1700000450"], &["--shallow-since=1700000250"], &["--unshallow"]],
            &[&["--shallow-exclude=v1"], &["--shallow-exclude=side"], &["--deepen=1"]],
            &[&["--depth=1"], &["--shallow-exclude=side", "--shallow-since=1700000450"]],
        ] {
            let (ours, theirs) = (Git::new(), Git::new());
            for (number, step) in steps.iter().enumerate() {
                for (work, url) in [(&ours, &server.url), (&theirs, &path)] {
                    let arguments = if number == 0 {
                        [&["clone", "-q", "--bare", "--no-single-branch"], *step, &[url, "copy"]].concat()
                    } else {
                        [&["-C", "copy", "fetch", "-q"], *step, &[url, "+refs/heads/*:refs/heads/*"]].concat()
                    };
                    assert_eq!(client(work, version, &arguments).0, 0, "{version} {steps:?} {number}");
                }
                let what = format!("version {version}, {steps:?}, step {number}");
                check(&ours, "copy", &log(&theirs, "copy"), &what);
                let shallow = |git: &Git| {
                    let text = std::fs::read_to_string(git.path().join("copy/shallow")).unwrap_or_default();
                    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                    lines.sort_unstable();
                    lines
                };
                assert_eq!(shallow(&ours), shallow(&theirs), "{what}");
            }
        }
    }
}

#[test]
fn a_shallow_copy_takes_what_is_new() {
    let origin = sample();
    let memory = Arc::new(Memory::import(&origin));
    let server = Server::start(&memory, &generous());
    for version in 0..=2 {
        let at = |name: &str| origin.lines(&["rev-parse", name])[0].parse().unwrap();
        memory.set_reference("refs/heads/main", at("main~2"));
        let work = Git::new();
        let clone = ["clone", "-q", "--bare", "--depth=2", "--branch=main", &server.url, "copy"];
        assert_eq!(client(&work, version, &clone).0, 0);
        memory.set_reference("refs/heads/main", at("main"));
        let fetch = ["-C", "copy", "fetch", "-q", &server.url, "main:main"];
        assert_eq!(client(&work, version, &fetch).0, 0);
        work.run(&["-C", "copy", "fsck", "--strict", "--full"], b"");
        assert!(log(&work, "copy").len() > 3);
    }
}

#[test]
fn the_origin_may_be_shallow_itself() {
    let origin = sample();
    let copy = Git::new();
    let path = format!("file://{}", origin.path().display());
    assert_eq!(client(&copy, 2, &["fetch", "-q", "--depth=2", &path, "main:refs/heads/main"]).0, 0);
    let memory = Memory::import(&copy);
    let shallow = std::fs::read_to_string(copy.path().join(".git/shallow")).unwrap();
    memory.set_shallow(&shallow.lines().map(|line| line.parse().unwrap()).collect::<Vec<_>>());
    let server = Server::start(&Arc::new(memory), &generous());
    for version in 0..=2 {
        let work = Git::new();
        assert_eq!(client(&work, version, &["clone", "-q", "--bare", &server.url, "copy"]).0, 0);
        check(&work, "copy", &log(&copy, "."), &format!("version {version}"));
    }
}
