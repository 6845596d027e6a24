//! Preupload and commit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::server::{ExpectError as _, Server};

fn file(path: &str, content: &str) -> Value {
    let content = STANDARD.encode(content);
    json!({ "key": "file", "value": { "path": path, "content": content, "encoding": "base64" } })
}

#[tokio::test]
async fn a_commit_shows_its_files_and_answers_with_addresses() {
    let server = Server::start().await;
    let id = server.model("m").await;
    let lines = [file("a/b.txt", "hello"), file("config.json", "{}")];
    let answer =
        server.commit_lines(&format!("/api/models/{id}/commit/main"), &server.user.token, &lines).await;
    let answer = answer.expect(200).json();
    let oid = answer["commitOid"].as_str().expect("text");
    assert_eq!(oid.len(), 40);
    assert_eq!(answer["commitUrl"], format!("http://hub.test/julien/m/commit/{oid}"));
    assert!(answer.get("pullRequestUrl").is_none());
    let read = server.get_anonymously("/julien/m/resolve/main/a/b.txt").await.expect(200);
    assert_eq!((read.body.as_ref(), read.header("x-repo-commit")), (b"hello".as_ref(), oid));
    assert_eq!(server.get("/api/models/julien/m").await.json()["sha"], oid);
}

#[tokio::test]
async fn a_commit_is_refused_whole() {
    let server = Server::start().await;
    let id = server.model("m").await;
    let path = format!("/api/models/{id}/commit/main");
    let head = server.get("/api/models/julien/m").await.json()["sha"].clone();
    let good = file("good.txt", "x");
    for (line, status, part) in [
        (json!({ "key": "rename", "value": {} }), 400, "line 3: unknown variant `rename`"),
        (
            json!({ "key": "deletedFile", "value": { "path": "none" } }),
            404,
            "A file with this name doesn't exist",
        ),
        (file("..\\ddd", "x"), 422, "line 3"),
        (file("a/../b", "x"), 422, "line 3"),
        (json!({ "key": "lfsFile", "value": { "path": "w", "oid": "ab".repeat(32) } }), 0, "w"),
    ] {
        let answer = server.commit_lines(&path, &server.user.token, &[good.clone(), line.clone()]).await;
        let message = answer.json()["error"].to_string();
        assert!(message.contains(part), "{line}: {message}");
        assert!(answer.status.is_client_error() && (status == 0 || answer.status == status), "{line}");
    }
    for body in ["", "\n\n", "{\"key\":\"file\",\"value\":{\"path\":\"a\",\"content\":\"\"}}", "junk"] {
        server.send(Method::POST, &path, Some(&server.user.token), &[], body).await.expect_error(400, "");
    }
    assert_eq!(server.get("/api/models/julien/m").await.json()["sha"], head);
    server.get("/julien/m/resolve/main/good.txt").await.expect_error(404, "EntryNotFound");
}

#[tokio::test]
async fn a_stale_parent_is_told_in_the_words_the_clients_retry_on() {
    let server = Server::start().await;
    let id = server.model("m").await;
    let old = server.get("/api/models/julien/m").await.json()["sha"].clone();
    server.commit(&id, &[("a", "1")]).await.expect(200);
    let header = json!({ "key": "header", "value": { "summary": "s", "parentCommit": old } });
    let body = format!("{header}\n{}\n", file("b", "2"));
    let path = format!("/api/models/{id}/commit/main");
    let answer = server.send(Method::POST, &path, Some(&server.user.token), &[], body).await;
    let message = answer.expect_error(412, "").json()["error"].to_string();
    assert!(message.contains("The branch was updated since you opened this page"), "{message}");
}

#[tokio::test]
async fn only_writers_commit_but_every_reader_may_propose() {
    let server = Server::start().await;
    let id = server.model("m").await;
    let path = format!("/api/models/{id}/commit/main");
    let lines = [file("a.txt", "proposal")];
    server.commit_lines(&path, &server.other.token, &lines).await.expect_error(403, "");
    server.send(Method::POST, &path, None, &[], "").await.expect(401);
    let answer = server.commit_lines(&format!("{path}?create_pr=1"), &server.other.token, &lines).await;
    let answer = answer.expect(200).json();
    assert_eq!(answer["pullRequestUrl"], "http://hub.test/julien/m/discussions/1");
    let read = server.get_anonymously("/julien/m/resolve/refs%2Fpr%2F1/a.txt").await.expect(200);
    assert_eq!(read.body, "proposal");
    server.get_anonymously("/julien/m/resolve/main/a.txt").await.expect_error(404, "EntryNotFound");
    // His own pull request takes more commits, and so does the owner's hand.
    let path = format!("/api/models/{id}/commit/refs%2Fpr%2F1");
    server.commit_lines(&path, &server.other.token, &[file("b.txt", "more")]).await.expect(200);
    server.commit_lines(&path, &server.user.token, &[file("c.txt", "owner's")]).await.expect(200);
    let details = server.get("/api/models/julien/m/discussions/1?diff=1").await.expect(200).json();
    assert_eq!((&details["num"], &details["isPullRequest"]), (&json!(1), &json!(true)));
    assert_eq!(details["repo"], json!({ "name": "julien/m", "type": "model" }));
    assert!(details["changes"]["base"].is_string() && details["events"].is_array());
    let list = server.get("/api/models/julien/m/discussions?p=0").await.expect(200).json();
    assert_eq!((&list["count"], &list["start"]), (&json!(1), &json!(0)));
    server.get("/api/models/julien/m/discussions/2").await.expect_error(404, "");
    server.get("/api/models/julien/m/discussions/x").await.expect_error(404, "");
}

#[tokio::test]
async fn preupload_tells_how_each_file_travels() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.commit(&id, &[("README.md", "# hi")]).await.expect(200);
    let path = format!("/api/models/{id}/preupload/main");
    let sample = STANDARD.encode([0_u8, 255, 1]);
    let body = json!({
        "files": [
            { "path": "README.md", "size": 4, "sample": "" },
            { "path": "model.safetensors", "size": 1000, "sample": sample },
            { "path": "x.tmp", "size": 1, "sample": "eA==" },
        ],
        "gitIgnore": "*.tmp",
    });
    let files = server.post(&path, body.clone()).await.expect(200).json()["files"].clone();
    let modes: Vec<&str> = (0..3).map(|index| files[index]["uploadMode"].as_str().expect("text")).collect();
    assert_eq!(modes, ["regular", "lfs", "regular"]);
    let ignored: Vec<bool> = (0..3).map(|index| files[index]["shouldIgnore"] == true).collect();
    assert_eq!(ignored, [false, false, true]);
    assert_eq!(files[0]["oid"].as_str().map(str::len), Some(40));
    assert_eq!(files[1]["oid"], Value::Null);
    let other = Some(server.other.token.as_str());
    server.send(Method::POST, &path, other, &[], body.to_string()).await.expect_error(403, "");
    let proposed = format!("{path}?create_pr=1");
    server.send(Method::POST, &proposed, other, &[], body.to_string()).await.expect(200);
    let missing = format!("/api/models/{id}/preupload/none");
    server.post(&missing, body).await.expect_error(404, "RevisionNotFound");
}

#[tokio::test]
async fn cards_are_checked_as_json_and_as_text() {
    let server = Server::start().await;
    let path = "/api/validate-yaml";
    let good = json!({ "content": "---\nlicense: mit\n---\n# hi", "repoType": "model" });
    assert_eq!(server.post(path, good).await.expect(200).json()["errors"], json!([]));
    let bad = json!({ "content": "---\nlicense: not-a-license\n---\n# hi", "repoType": "model" });
    let errors = server.post(path, bad.clone()).await.expect(400).json();
    assert!(errors["errors"][0]["message"].as_str().expect("text").contains("\"license\" must be one of"));
    let text = server.send(Method::POST, path, None, &[("accept", "text/plain")], bad.to_string()).await;
    let text = text.expect(400);
    assert!(text.body.starts_with(b"- Error: \"license\" must be one of"), "{:?}", text.body);
    let empty = server.post(path, json!({ "content": "# hi", "repoType": "model" })).await.expect(200).json();
    assert_eq!(empty["errors"], json!([]));
    assert!(empty["warnings"][0]["message"].as_str().expect("text").contains("metadata"));
    server.post(path, json!({ "content": "", "repoType": "bucket" })).await.expect_error(400, "");
}
