use proptest::prelude::*;

use super::*;

fn message(line: &str) -> (u16, String) {
    let error = parse_line(7, line.as_bytes()).expect_err(line);
    (error.parts().status.as_u16(), error.parts().message.to_owned())
}

#[test]
fn reads_every_kind_of_line() {
    let parse = |line: &str| parse_line(1, line.as_bytes()).expect(line);
    let header = r#"{"key":"header","value":{"summary":"s","description":"","parentCommit":"abc"}}"#;
    assert!(matches!(parse(header), Operation::Header { parent: Some(parent), .. } if parent == "abc"));
    let header = r#"{"value":{"summary":"s","description":null,"unknown":1},"key":"header"}"#;
    assert!(matches!(parse(header), Operation::Header { parent: None, .. }));
    let file = r#"{"key":"file","value":{"path":"a/b","content":"aGk=","encoding":"base64"}}"#;
    assert!(matches!(parse(file), Operation::File { content, .. } if content == "hi"));
    let file = r#"{"key":"file","value":{"path":"a","content":"h\ni"}}"#;
    assert!(matches!(parse(file), Operation::File { content, .. } if content == "h\ni"));
    let oid = "ab".repeat(32);
    let lfs = format!(r#"{{"key":"lfsFile","value":{{"path":"a","algo":"sha256","oid":"{oid}","size":3}}}}"#);
    assert!(matches!(parse(&lfs), Operation::LfsFile { size: Some(3), .. }));
    let lfs = format!(r#"{{"key":"lfsFile","value":{{"path":"a","oid":"{oid}"}}}}"#);
    assert!(matches!(parse(&lfs), Operation::LfsFile { size: None, .. }));
    assert!(matches!(parse(r#"{"key":"deletedFile","value":{"path":"a"}}"#), Operation::DeletedFile(_)));
    assert!(matches!(parse(r#"{"key":"deletedFolder","value":{"path":"a/"}}"#), Operation::DeletedFolder(_)));
}

#[test]
fn names_the_line_and_what_is_wrong() {
    for (line, status, part) in [
        ("{", 400, "EOF"),
        ("[]", 400, ""),
        (r#"{"key":"rename","value":{}}"#, 400, "unknown variant `rename`"),
        (r#"{"key":"header","value":{}}"#, 400, "`summary`"),
        (r#"{"key":"file","value":{"path":"a"}}"#, 400, "`content`"),
        (
            r#"{"key":"file","value":{"path":"a","content":"*","encoding":"base64"}}"#,
            400,
            "content of `a` is not base64",
        ),
        (r#"{"key":"file","value":{"path":"a","content":"x","encoding":"rot13"}}"#, 400, "encoding"),
        (r#"{"key":"file","value":{"path":"..\\ddd","content":""}}"#, 422, "lead out"),
        (r#"{"key":"file","value":{"path":"a/.git/config","content":""}}"#, 422, ".git"),
        (r#"{"key":"deletedFile","value":{"path":"../x"}}"#, 422, ".."),
        (r#"{"key":"lfsFile","value":{"path":"a","oid":"12"}}"#, 400, "`oid` of `a`"),
        (r#"{"key":"lfsFile","value":{"path":"a","oid":"12","algo":"md5"}}"#, 400, "sha256"),
        (r#"{"key":"lfsFile","value":{"path":"a","oid":"12","size":-1}}"#, 400, "-1"),
    ] {
        let (found, message) = message(line);
        assert_eq!(found, status, "{line}: {message}");
        assert!(message.starts_with("line 7: ") && message.contains(part), "{line}: {message}");
    }
}

#[test]
fn accepts_a_backslash_inside_a_path() {
    let line = r#"{"key":"file","value":{"path":"folder/..\\..\\file","content":""}}"#;
    assert!(parse_line(1, line.as_bytes()).is_ok());
}

#[test]
fn reads_preupload() {
    let parse = |body: &str| {
        serde_json::from_str::<PreuploadWire>(body)
            .map_err(|error| ApiError::invalid(error.to_string()))
            .and_then(PreuploadWire::parse)
    };
    let (files, ignore) =
        parse(r#"{"files":[{"path":"a","size":2,"sample":"aGk="},{"path":"b","size":0}],"gitIgnore":"*.x"}"#)
            .expect("valid");
    assert_eq!(
        (files.len(), files[0].sample.as_slice(), files[1].sample.as_slice()),
        (2, &b"hi"[..], &b""[..])
    );
    assert_eq!(ignore.as_deref(), Some("*.x"));
    assert_eq!(parse(r#"{"files":[{"path":"..\\a","size":0}]}"#).expect_err("leads out").parts().status, 422);
    assert_eq!(
        parse(r#"{"files":[{"path":"a","size":0,"sample":"?"}]}"#).expect_err("base64").parts().status,
        400
    );
    let many = vec![r#"{"path":"a","size":0}"#; MAX_BATCH_FILES + 1].join(",");
    assert_eq!(parse(&format!(r#"{{"files":[{many}]}}"#)).expect_err("too many").parts().status, 413);
}

/// Pieces that lines are made of, so that many generated ones come close to valid.
fn near_line() -> impl Strategy<Value = String> {
    let key = prop_oneof!["header", "file", "lfsFile", "deletedFile", "deletedFolder", "[a-z]{0,5}"];
    let field = prop_oneof![
        Just("\"path\"".to_owned()),
        Just("\"content\"".to_owned()),
        Just("\"encoding\"".to_owned()),
        Just("\"summary\"".to_owned()),
        Just("\"oid\"".to_owned()),
        Just("\"size\"".to_owned()),
    ];
    let value = prop_oneof![
        "\"[a-zA-Z0-9+/=._-]{0,12}\"".prop_map(|text| text),
        Just("\"base64\"".to_owned()),
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("{}".to_owned()),
    ];
    let fields = proptest::collection::vec((field, value), 0..5);
    (key, fields).prop_map(|(key, fields)| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        format!("{{\"key\":\"{key}\",\"value\":{{{}}}}}", fields.join(","))
    })
}

proptest! {
    /// No line panics, and each that is refused says where.
    #[test]
    fn any_line_is_parsed_or_refused_by_number(line in prop_oneof![near_line(), ".{0,60}"]) {
        if let Err(error) = parse_line(9, line.as_bytes()) {
            prop_assert!(error.parts().message.starts_with("line 9: "));
            prop_assert!(error.parts().status.is_client_error());
        }
    }

    /// What is sent is what is committed, whatever its encoding.
    #[test]
    fn content_survives(content in proptest::collection::vec(any::<u8>(), 0..200)) {
        let line = serde_json::json!({
            "key": "file",
            "value": { "path": "a", "content": STANDARD.encode(&content), "encoding": "base64" },
        });
        match parse_line(1, line.to_string().as_bytes()) {
            Ok(Operation::File { content: read, .. }) => prop_assert_eq!(read, content),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
