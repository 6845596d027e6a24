use std::fmt::Write as _;
use std::process::Command;

use lyceum_core::Oid;
use lyceum_git::{ErrorKind, Objects as _, PackSource as _, object_id};

use crate::tests::{Git, block_on, open};
use crate::{DirRepo, OpenError};

/// Makes a repository with a file that changes a little in each commit, and a tag.
fn history() -> Git {
    let git = Git::new();
    let mut text: String = (0..400).map(|line| format!("line {line} of a file\n")).collect();
    for number in 0..12 {
        writeln!(text, "one more line: {number}").unwrap();
        git.commit(&[("long.txt", &text), (&format!("{number}.txt"), "small")]);
    }
    git.run(&["tag", "--annotate", "--message=first", "v1"]);
    git
}

/// Compares every object with what git says of it.
fn check(git: &Git, repo: &DirRepo) -> usize {
    let list = git.run(&["rev-list", "--all", "--objects", "--no-object-names"]);
    let oids: Vec<Oid> = list.lines().map(|line| line.parse().unwrap()).collect();
    let mut deltas = 0;
    for oid in &oids {
        let object = block_on(repo.read(*oid)).unwrap();
        assert_eq!(object_id(object.kind, &object.data), *oid);
        let header = block_on(repo.header(*oid)).unwrap();
        assert_eq!((header.kind, header.size), (object.kind, object.data.len() as u64), "{oid}");
        let packed = block_on(repo.packed(*oid)).unwrap();
        let base = packed.base.map(|base| block_on(repo.read(base)).unwrap());
        deltas += usize::from(base.is_some());
        let resolved = packed.resolve(*oid, base.as_ref().map(|base| &base.data[..])).unwrap();
        assert_eq!(resolved, *object);
    }
    assert!(oids.len() > 30);
    deltas
}

#[test]
fn objects_are_read_wherever_git_keeps_them() {
    let git = history();
    assert_eq!(check(&git, &git.open()), 0, "they are loose");
    let repo = git.open();
    git.run(&["repack", "--quiet", "-adf", "--depth=20"]);
    assert!(check(&git, &git.open()) > 5, "they are deltas now");
    // A repository that was open before goes on.
    assert!(check(&git, &repo) > 5);

    let borrower = Git(tempfile::tempdir().unwrap());
    let clone = ["clone", "--quiet", "--shared", &git.path().display().to_string(), "."];
    borrower.run(&clone);
    assert!(check(&borrower, &borrower.open()) > 5);
}

#[test]
fn the_empty_folder_is_always_there() {
    let git = Git::new();
    let repo = git.open();
    let empty: Oid = "4b825dc642cb6eb9a060e54bf8d69288fbee4904".parse().unwrap();
    assert!(block_on(repo.read(empty)).unwrap().data.is_empty());
    let missing = block_on(repo.read(Oid([7; 20]))).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn repositories_are_found_as_git_finds_them() {
    let git = Git::new();
    let bare = git.path().join("copy.git");
    git.commit(&[("a", "a")]);
    git.run(&["clone", "--quiet", "--bare", ".", "copy.git"]);
    git.run(&["worktree", "add", "--quiet", "linked", "HEAD"]);
    assert!(!git.open().bare());
    assert!(open(&git.path().join("copy"), false).unwrap().bare());
    assert!(open(&bare, true).is_ok());
    assert!(open(git.path(), true).is_err());
    assert!(open(&git.path().join("linked"), false).is_ok());
    let missing = open(&git.path().join("none"), false).err().unwrap();
    assert!(matches!(missing, OpenError::Missing(_)));

    let other = tempfile::tempdir().unwrap();
    let init =
        Command::new("git").args(["init", "--quiet", "--object-format=sha256"]).arg(other.path()).status();
    assert!(init.unwrap().success());
    assert!(matches!(open(other.path(), false), Err(OpenError::Format(..))));
}
