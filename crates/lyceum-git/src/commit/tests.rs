use proptest::prelude::*;

use crate::testing::{Git, signature};
use crate::{Commit, ObjectKind, Signature, object_id};

fn commit(message: &str) -> Commit {
    Commit {
        tree: object_id(ObjectKind::Tree, b""),
        parents: Vec::new(),
        author: signature(1_700_000_000),
        committer: signature(1_700_000_000),
        message: message.to_owned(),
    }
}

#[test]
fn ids_are_those_of_git() {
    let git = Git::new();
    git.run(&["mktree"], b"");
    let mut commit = commit("Add weights\n\nAll of them.\n");
    for _ in 0..2 {
        let oid = object_id(ObjectKind::Commit, &commit.encode());
        let mut arguments = vec!["commit-tree".to_owned(), commit.tree.to_string()];
        for parent in &commit.parents {
            arguments.extend(["-p".to_owned(), parent.to_string()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = git.run(&arguments, commit.message.as_bytes());
        assert_eq!(String::from_utf8(output).unwrap().trim(), oid.to_string());
        commit.parents = vec![oid];
    }
}

#[test]
fn headers_of_others_are_skipped() {
    let tree = object_id(ObjectKind::Tree, b"");
    let text = format!(
        "tree {tree}\nparent {tree}\nauthor Ada Lovelace <a@b> 12 -0330\ncommitter <> 5\nencoding latin1\n\
         gpgsig -----BEGIN\n line\n \n -----END\n\nSummary\n\nBody\n"
    );
    let commit = Commit::parse(text.as_bytes()).unwrap();
    assert_eq!(commit.parents, [tree]);
    assert_eq!((commit.author.name.as_str(), commit.author.email.as_str()), ("Ada Lovelace", "a@b"));
    assert_eq!((commit.author.seconds, commit.author.offset_minutes), (12, -210));
    assert_eq!((commit.committer.name.as_str(), commit.committer.seconds), ("", 5));
    assert_eq!((commit.summary(), commit.body()), ("Summary", "Body"));
}

#[test]
fn malformed_commits_are_refused() {
    let whole = String::from_utf8(commit("x").encode()).unwrap();
    for (from, to) in
        [("tree ", "twig "), ("author ", "writer "), ("committer ", "pusher "), ("<", ""), (">", "")]
    {
        assert!(Commit::parse(whole.replace(from, to).as_bytes()).is_err(), "{from}");
    }
    let signed = whole.replace("\n\n", &format!("\nx y{}\n\n", "\n z".repeat(20_000)));
    assert_eq!(Commit::parse(signed.as_bytes()).unwrap_err().kind(), crate::ErrorKind::TooLarge);
}

#[test]
fn nothing_breaks_out_of_a_header() {
    let mut commit = commit("a\0b");
    commit.author.name = "Eve>\ncommitter Root <".to_owned();
    let parsed = Commit::parse(&commit.encode()).unwrap();
    assert_eq!(parsed.author.name, "Evecommitter Root");
    assert_eq!(parsed.message, "ab");
    assert_eq!(parsed.committer, commit.committer);
}

proptest! {
    #[test]
    fn commits_round_trip(
        name in "[A-Za-zé]{1,5}( [a-z]{1,3})?",
        seconds in 0_i64..1 << 40,
        offset_minutes in -840_i32..840,
        message in "[^\0]*",
        parents in prop::collection::vec(any::<[u8; 20]>(), 0..4),
    ) {
        let author = Signature { name, email: "x@y".to_owned(), seconds, offset_minutes };
        let commit = Commit {
            parents: parents.into_iter().map(lyceum_core::Oid).collect(),
            author,
            ..commit(&message)
        };
        prop_assert_eq!(Commit::parse(&commit.encode()).unwrap(), commit);
    }

    #[test]
    fn parsing_never_panics(data: Vec<u8>) {
        let _ = Commit::parse(&data);
        let _ = Commit::parse(&[b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor ", data.as_slice()].concat());
    }
}
