use std::fs;

use lyceum_git::{Head, References as _};

use crate::DirRepo;
use crate::tests::{Git, block_on};

/// Lists references as `git show-ref -d` does.
fn shown(repo: &DirRepo, prefixes: &[&str]) -> String {
    let prefixes: Vec<String> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    let mut lines = Vec::new();
    for reference in block_on(repo.references(&prefixes)).unwrap() {
        lines.push(format!("{} {}", reference.target, reference.name));
        lines.extend(reference.peeled.map(|peeled| format!("{peeled} {}^{{}}", reference.name)));
    }
    lines.join("\n")
}

#[test]
fn references_are_those_that_git_shows() {
    let git = Git::new();
    assert_eq!(shown(&git.open(), &[]), "");
    assert_eq!(block_on(git.open().head()).unwrap(), Some(Head::Symbolic("refs/heads/main".to_owned())));
    let first = git.commit(&[("a", "a")]);
    git.run(&["tag", "light"]);
    git.run(&["tag", "--annotate", "--message=x", "heavy"]);
    git.run(&["tag", "--annotate", "--message=x", "heavier", "heavy"]);
    git.run(&["branch", "topic/one"]);
    git.run(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main"]);
    assert_eq!(shown(&git.open(), &[]), git.run(&["show-ref", "--dereference"]));
    git.run(&["pack-refs", "--all"]);
    git.commit(&[("a", "b")]);
    git.run(&["branch", "loose"]);
    assert_eq!(shown(&git.open(), &[]), git.run(&["show-ref", "--dereference"]));
    assert_eq!(shown(&git.open(), &["refs/tags/heav"]).lines().count(), 4);
    // One that points to nothing is as good as none.
    fs::write(git.path().join(".git/refs/heads/broken"), format!("{}\n", "1".repeat(40))).unwrap();
    assert!(!shown(&git.open(), &[]).contains("broken"));
    let mut repo = git.open();
    repo.hide(vec!["refs/tags".to_owned(), "!refs/tags/light".to_owned()]);
    assert_eq!(shown(&repo, &["refs/tags"]), format!("{first} refs/tags/light"));
    git.run(&["checkout", "--quiet", "--detach"]);
    assert_eq!(block_on(git.open().head()).unwrap(), Some(Head::Detached(git.oid("HEAD"))));
}
