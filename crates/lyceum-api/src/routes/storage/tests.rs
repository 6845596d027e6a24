use super::*;

#[test]
fn positions_survive_the_cursor() {
    for position in [
        Position { kind: 0, after: None },
        Position { kind: 1, after: Some("a:b".to_owned()) },
        Position { kind: 3, after: Some("x".to_owned()) },
        Position { kind: 4, after: None },
    ] {
        assert_eq!(Position::parse(&position.cursor()).expect("own cursor"), position);
    }
    for wrong in ["", "x", "bucket", "models:1"] {
        assert!(Position::parse(wrong).is_err(), "{wrong}");
    }
}
