use lyceum_hub::BucketOperation;
use serde_json::{Value, json};

use super::parse_operation;

fn parse(line: Value) -> Result<BucketOperation, String> {
    parse_operation(7, line.to_string().as_bytes()).map_err(|error| error.parts().message.to_owned())
}

#[test]
fn lines_say_what_is_wrong_with_them() {
    let hash = "ab".repeat(32);
    let check = |line: Value, expected: &str| {
        let message = parse(line.clone()).unwrap_err();
        assert!(message.starts_with("line 7") && message.contains(expected), "{message} for {line}");
    };
    check(json!([]), "is not an operation");
    check(json!({ "type": "deleteFile" }), "missing field `path`");
    check(json!({ "type": "moveFile", "path": "a", "xetHash": hash }), "`type`");
    check(json!({ "type": "addFile", "path": "a" }), "`xetHash`");
    check(json!({ "type": "addFile", "path": "a", "xetHash": "ab" }), "`xetHash`");
    check(json!({ "type": "addFile", "path": "a", "xetHash": hash, "mtime": -1 }), "`mtime`");
    check(json!({ "type": "addFile", "path": "a", "xetHash": hash, "mtime": i64::MAX }), "`mtime`");
    check(json!({ "type": "copyFile", "path": "a", "xetHash": hash }), "`sourceRepoType`");
    let copy = json!({ "type": "copyFile", "path": "a", "xetHash": hash, "sourceRepoType": "bucket", "sourceRepoId": "a" });
    check(copy, "`sourceRepoId`");
}

#[test]
fn lines_are_operations() {
    let hash = "ab".repeat(32);
    let add =
        json!({ "type": "addFile", "path": "a", "xetHash": hash, "mtime": 5, "contentType": "text/plain" });
    assert!(matches!(parse(add).unwrap(), BucketOperation::Add { mtime: Some(time), .. } if time.0 == 5));
    let copy = json!({ "type": "copyFile", "path": "a", "xetHash": hash, "mtime": null, "sourceRepoType": "model", "sourceRepoId": "a/b" });
    assert!(matches!(parse(copy).unwrap(), BucketOperation::Copy { mtime: None, .. }));
    assert!(
        matches!(parse(json!({ "type": "deleteFile", "path": "../a" })).unwrap(), BucketOperation::Delete { path } if path == "../a")
    );
}
