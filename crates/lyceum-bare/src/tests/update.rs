use std::fs;

use lyceum_core::Oid;

use crate::tests::Git;

/// Makes one change.
fn change(git: &Git, name: &str, old: Option<Oid>, new: Option<Oid>) -> Result<(), String> {
    let repo = git.open();
    let prepared = repo.prepare(name, old, new)?;
    repo.commit(prepared, "Bob <bob@example.org>", "push").map_err(|error| error.to_string())
}

#[test]
fn references_change_only_from_what_they_were() {
    let git = Git::new();
    let (first, second) = (git.commit(&[("a", "a")]), git.commit(&[("a", "b")]));
    change(&git, "refs/heads/new/topic", None, Some(first)).unwrap();
    assert_eq!(git.oid("refs/heads/new/topic"), first);
    change(&git, "refs/heads/new/topic", None, Some(second)).unwrap_err();
    change(&git, "refs/heads/new/topic", Some(second), Some(first)).unwrap_err();
    change(&git, "refs/heads/new/topic", Some(first), Some(second)).unwrap();
    let log = git.run(&["reflog", "show", "--format=%H %gn %gs", "refs/heads/new/topic"]);
    assert_eq!(log, format!("{second} Bob push\n{first} Bob push"));

    // Neither may a reference be where another needs a folder, nor the reverse.
    for name in ["refs/heads/new", "refs/heads/new/topic/x"] {
        change(&git, name, None, Some(first)).unwrap_err();
    }
    git.run(&["pack-refs", "--all"]);
    for name in ["refs/heads/new", "refs/heads/new/topic/x"] {
        change(&git, name, None, Some(first)).unwrap_err();
    }
    change(&git, "refs/heads/new/topic", Some(second), None).unwrap();
    assert!(!fs::read_to_string(git.path().join(".git/packed-refs")).unwrap().contains("topic"));
    change(&git, "refs/heads/new", None, Some(first)).unwrap();
    git.run(&["fsck", "--strict"]);
}

#[test]
fn a_lock_keeps_others_out_and_goes_away() {
    let git = Git::new();
    let first = git.commit(&[("a", "a")]);
    let repo = git.open();
    let held = repo.prepare("refs/heads/x", None, Some(first)).unwrap();
    change(&git, "refs/heads/x", None, Some(first)).unwrap_err();
    drop(held);
    change(&git, "refs/heads/x", None, Some(first)).unwrap();
    assert_eq!(git.run(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main\nrefs/heads/x");
}

#[test]
fn what_leads_to_another_reference_changes_that_one() {
    let git = Git::new();
    let (first, second) = (git.commit(&[("a", "a")]), git.commit(&[("a", "b")]));
    git.run(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    change(&git, "refs/heads/alias", Some(second), Some(first)).unwrap();
    assert_eq!(git.oid("main"), first);
    assert_eq!(git.run(&["symbolic-ref", "refs/heads/alias"]), "refs/heads/main");
    assert_eq!(git.run(&["reflog", "show", "-1", "--format=%gs", "HEAD"]), "push");
}
