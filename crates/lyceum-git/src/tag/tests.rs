use crate::testing::{Git, signature};
use crate::{ObjectKind, Tag, object_id};

fn tag() -> Tag {
    Tag {
        target: object_id(ObjectKind::Tree, b""),
        target_kind: ObjectKind::Tree,
        name: "v1.0".to_owned(),
        tagger: Some(signature(1_700_000_000)),
        message: "First\n".to_owned(),
    }
}

#[test]
fn ids_are_those_of_git() {
    let git = Git::new();
    git.run(&["mktree"], b"");
    let data = tag().encode();
    let output = git.run(&["mktag"], &data);
    assert_eq!(String::from_utf8(output).unwrap().trim(), object_id(ObjectKind::Tag, &data).to_string());
}

#[test]
fn tags_round_trip() {
    assert_eq!(Tag::parse(&tag().encode()).unwrap(), tag());
    let old = Tag { tagger: None, ..tag() };
    assert_eq!(Tag::parse(&old.encode()).unwrap(), old);
    let whole = String::from_utf8(tag().encode()).unwrap();
    for (from, to) in [("object", "objekt"), ("type tree", "type bush"), ("tag v", "tagg v")] {
        assert!(Tag::parse(whole.replace(from, to).as_bytes()).is_err(), "{from}");
    }
}
