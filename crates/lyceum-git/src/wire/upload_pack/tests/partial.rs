//! Partial clones: what is left out, and that it comes when it is needed.

use super::*;

#[test]
fn leaves_out_what_git_leaves_out() {
    let origin = sample();
    origin.run(&["config", "uploadpack.allowFilter", "true"], b"");
    let memory = Arc::new(Memory::import(&origin));
    let server = Server::start(&memory, &generous());
    let path = format!("file://{}", origin.path().display());
    for filter in [
        "blob:none",
        "blob:limit=100",
        "blob:limit=1k",
        "tree:0",
        "tree:1",
        "tree:2",
        "tree:3",
        "object:type=commit",
        "object:type=tree",
        "object:type=blob",
        "object:type=tag",
        "combine:blob:none+tree:2",
        "combine:blob:limit=1k+tree:3",
    ] {
        for version in [0, 2] {
            let (ours, theirs) = (Git::new(), Git::new());
            for (work, url) in [(&ours, &server.url), (&theirs, &path)] {
                let filter = format!("--filter={filter}");
                let clone = ["clone", "-q", "--bare", &filter, url, "copy"];
                assert_eq!(client(work, version, &clone).0, 0, "version {version}, {filter}");
            }
            let has = |git: &Git| {
                let all = ["-C", "copy", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"];
                git.lines(&all)
            };
            assert_eq!(has(&ours), has(&theirs), "version {version}, {filter}");
        }
    }
}

#[test]
fn what_was_left_out_comes_when_it_is_needed() {
    let origin = sample();
    let memory = Arc::new(Memory::import(&origin));
    let server = Server::start(&memory, &generous());
    for version in 0..=2 {
        for filter in ["--filter=blob:none", "--filter=tree:0"] {
            let work = Git::new();
            assert_eq!(client(&work, version, &["clone", "-q", filter, &server.url, "copy"]).0, 0);
            assert_eq!(work.lines(&["-C", "copy", "status", "--porcelain"]), [""; 0]);
            let (_, shown) = client(&work, version, &["-C", "copy", "show", "main~3:README.md"]);
            assert_eq!(shown.into_bytes(), origin.run(&["show", "main~3:README.md"], b""));
            work.run(&["-C", "copy", "fsck", "--strict"], b"");
        }
    }
}
