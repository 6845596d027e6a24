//! Discussions, pull requests and what is attached to them, in the words of the clients.

use axum::body::Body;
use http::Method;
use lyceum_hub::{RepoChange, Visibility};
use serde_json::{Value, json};

use super::server::{ExpectError as _, Server};
use crate::testing::Answer;

const BASE: &str = "/api/models/julien/m/discussions";

fn file(path: &str, content: &str) -> Value {
    json!({ "key": "file", "value": { "path": path, "content": content } })
}

/// Sends JSON as the other user.
async fn other(server: &Server, path: &str, body: Value) -> Answer {
    let headers = [("content-type", "application/json")];
    server.send(Method::POST, path, Some(&server.other.token), &headers, body.to_string()).await
}

#[tokio::test]
async fn events_have_the_shape_that_the_clients_read() {
    let server = Server::start().await;
    server.model("m").await;
    let body = json!({ "title": "Why?", "description": "Because <b>", "pullRequest": false });
    let made = other(&server, BASE, body).await.expect(200).json();
    assert_eq!(made["num"], 1);
    assert_eq!(made["url"], "http://hub.test/julien/m/discussions/1");
    let said =
        server.post(&format!("{BASE}/1/comment"), json!({ "comment": "first" })).await.expect(200).json();
    let id = said["newMessage"]["id"].as_str().unwrap().to_owned();
    assert_eq!(id, id.to_lowercase(), "the clients send ids in lower case");
    let edit = format!("{BASE}/1/comment/{id}/edit");
    let edited = server.post(&edit, json!({ "content": "second" })).await.expect(200).json();
    let event = &edited["updatedComment"];
    let at = event["createdAt"].as_str().unwrap();
    assert!(at.ends_with('Z'), "{at}");
    let version = |text: &str| {
        let author = json!({ "name": "julien" });
        json!({ "raw": text, "html": format!("<p>{text}</p>"), "updatedAt": at, "author": author })
    };
    assert_eq!(
        *event,
        json!({
            "id": id,
            "type": "comment",
            "createdAt": at,
            "author": { "name": "julien" },
            "data": {
                "edited": true,
                "hidden": false,
                "numEdits": 1,
                "latest": version("second"),
                "history": [version("first")],
            },
        })
    );
    let title =
        server.post(&format!("{BASE}/1/title"), json!({ "title": "Why not?" })).await.expect(200).json();
    assert_eq!(title["newTitle"]["type"], "title-change");
    assert_eq!(title["newTitle"]["data"], json!({ "from": "Why?", "to": "Why not?" }));
    let status = json!({ "status": "closed", "comment": "done" });
    let status = other(&server, &format!("{BASE}/1/status"), status).await.expect(200).json();
    assert_eq!(status["newStatus"]["type"], "status-change");
    assert_eq!(status["newStatus"]["data"], json!({ "status": "closed" }));
    let hide = format!("{BASE}/1/comment/{id}/hide");
    let hidden = server.send(Method::POST, &hide, Some(&server.user.token), &[], Body::empty()).await;
    let hidden = hidden.expect(200).json();
    let data = &hidden["updatedComment"]["data"];
    assert_eq!((&data["hidden"], &data["history"]), (&json!(true), &json!([])));

    let details = server.get_anonymously(&format!("{BASE}/1?diff=1")).await.expect(200).json();
    let kinds: Vec<_> = details["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["comment", "comment", "title-change", "comment", "status-change"]);
    assert_eq!(details["events"][1], hidden["updatedComment"]);
    assert_eq!(details["events"][0]["data"]["latest"]["html"], "<p>Because &lt;b&gt;</p>");
    for absent in ["changes", "filesWithConflicts", "diff"] {
        assert!(details.get(absent).is_none(), "{absent} is for pull requests");
    }
    let list =
        server.get(&format!("{BASE}?status=closed&type=discussion&author=other")).await.expect(200).json();
    assert_eq!((&list["count"], &list["discussions"][0]["title"]), (&json!(1), &json!("Why not?")));
    let list = server.get(&format!("{BASE}?status=open")).await.expect(200).json();
    assert_eq!(list, json!({ "count": 0, "start": 0, "discussions": [] }));
}

#[tokio::test]
async fn a_pull_request_is_told_diffed_and_merged() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.commit(&id, &[("a.txt", "one\n"), ("b.txt", "one\n")]).await.expect(200);
    let body = json!({ "title": "Better", "pullRequest": true });
    let made = other(&server, BASE, body).await.expect(200).json();
    assert_eq!((&made["status"], &made["isPullRequest"]), (&json!("draft"), &json!(true)));
    server.get_anonymously("/api/models/julien/m/revision/refs%2Fpr%2F1").await.expect(200);
    let path = "/api/models/julien/m/commit/refs%2Fpr%2F1";
    server.commit_lines(path, &server.other.token, &[file("a.txt", "two\n")]).await.expect(200);
    let details = server.get(&format!("{BASE}/1?diff=1")).await.expect(200).json();
    assert_eq!(details["changes"], json!({ "base": "refs/heads/main" }));
    assert_eq!(details["filesWithConflicts"], json!([]));
    let diff = details["diff"].as_str().unwrap();
    assert!(diff.starts_with("diff --git a/a.txt b/a.txt\n") && diff.ends_with("-one\n+two\n"), "{diff}");
    assert_eq!(details["events"][1]["type"], "commit");
    assert_eq!(details["events"][1]["data"]["subject"], "Change");
    assert!(server.get(&format!("{BASE}/1")).await.json().get("diff").is_none(), "nobody asked for it");

    let merge = format!("{BASE}/1/merge");
    server.post(&merge, Value::Null).await.expect_error(409, "");
    other(&server, &format!("{BASE}/1/status"), json!({ "status": "open" })).await.expect(200);
    other(&server, &merge, Value::Null).await.expect_error(403, "");
    server.commit(&id, &[("a.txt", "three\n")]).await.expect(200);
    let details = server.get(&format!("{BASE}/1")).await.expect(200).json();
    assert_eq!(details["filesWithConflicts"], json!(["a.txt"]));
    let refused = server.post(&merge, Value::Null).await.expect_error(409, "");
    assert!(refused.header("x-error-message").contains("`a.txt`"));
    server
        .commit_lines(path, &server.other.token, &[file("a.txt", "three\n"), file("c.txt", "x")])
        .await
        .expect(200);
    // The clients send `null` where there is no comment; others send nothing.
    server.send(Method::POST, &merge, Some(&server.user.token), &[], Body::empty()).await.expect(200);
    let details = server.get(&format!("{BASE}/1?diff=true")).await.expect(200).json();
    assert_eq!(details["status"], "merged");
    let merged = details["changes"]["mergeCommitId"].as_str().unwrap();
    assert_eq!(server.get("/api/models/julien/m").await.json()["sha"], merged);
    assert!(details["diff"].as_str().unwrap().contains("+three"), "what was merged can still be seen");
    server.post(&merge, json!({ "comment": "again" })).await.expect_error(409, "");
    server.commit_lines(path, &server.other.token, &[file("d.txt", "x")]).await.expect_error(403, "");
    let history = server.get("/api/models/julien/m/commits/main").await.json();
    assert_eq!(history[0]["title"], "Better (#1)");
    let authors: Vec<_> =
        history[0]["authors"].as_array().unwrap().iter().map(|author| &author["user"]).collect();
    assert_eq!(authors, ["julien", "other"]);
}

#[tokio::test]
async fn mistakes_are_named() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.post(BASE, json!({ "title": "t" })).await.expect(200);
    for (path, body, status, part) in [
        ("", json!({ "title": "a\nb" }), 400, "title"),
        ("", json!({}), 400, "missing field `title`"),
        ("/1/comment", json!({ "comment": "" }), 400, "empty"),
        ("/1/comment", json!({ "comment": "x".repeat(65_537) }), 413, "65536 bytes"),
        ("/1/comment", json!({ "comment": "x".repeat(5 << 20) }), 413, "body"),
        ("/1/status", json!({ "status": "merged" }), 400, "`open` and `closed`"),
        ("/1/status", json!({ "status": "open" }), 409, "open already"),
        ("/1/merge", Value::Null, 400, "no pull request"),
        ("/1/comment/none/hide", Value::Null, 404, "no comment `none`"),
        ("/2/comment", json!({ "comment": "x" }), 404, "no discussion 2"),
        ("/0/comment", json!({ "comment": "x" }), 404, "not found"),
        ("/99999999999999999999/title", json!({ "title": "x" }), 404, "not found"),
    ] {
        let answer = server.post(&format!("{BASE}{path}"), body).await.expect_error(status, "");
        assert!(answer.header("x-error-message").contains(part), "{path}: {answer:?}");
    }
    let repo = server.hub.open(
        &server.user.caller,
        lyceum_core::RepoKind::Model,
        &id,
        lyceum_hub::Action::Administer,
    );
    let change = RepoChange { visibility: Some(Visibility::Private), gated: None };
    server.hub.change_repo(&server.user.caller, &repo.await.unwrap(), change).await.unwrap();
    for path in ["", "/1", "/7", "/x"] {
        let hidden = server.get_as_other(&format!("{BASE}{path}")).await.expect_error(404, "RepoNotFound");
        let missing = server.get_as_other(&format!("/api/models/julien/none/discussions{path}")).await;
        assert_eq!(hidden.body, missing.expect_error(404, "RepoNotFound").body);
    }
    other(&server, &format!("{BASE}/1/comment"), json!({ "comment": "x" }))
        .await
        .expect_error(404, "RepoNotFound");
}

#[tokio::test]
async fn attachments_are_shown_and_never_run() {
    let server = Server::start().await;
    let png = b"\x89PNG\r\n\x1a\n and then some pixels".to_vec();
    let headers = [("content-type", "text/html")];
    let token = Some(server.user.token.as_str());
    let made = server.send(Method::POST, "/uploads", token, &headers, png.clone()).await.expect(200);
    let url = String::from_utf8(made.body.to_vec()).unwrap();
    assert!(url.starts_with("http://hub.test/uploads/") && url.ends_with(".png"), "{url}");
    assert!(made.header("content-type").starts_with("text/plain"));
    server.get_anonymously(&url).await.expect_error(404, "");
    assert_eq!(server.get(&url).await.expect(200).body, png);
    server.model("m").await;
    let shown = json!({ "title": "Look", "description": format!("![pixels]({url})") });
    server.post("/api/models/julien/m/discussions", shown).await.expect(200);
    let seen = server.get_anonymously(&url).await.expect(200);
    assert_eq!(seen.body, png);
    for (name, expected) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(seen.header(name), expected, "{name}");
    }
    let part =
        server.send(Method::GET, &url, None, &[("range", "bytes=1-3")], Body::empty()).await.expect(206);
    assert_eq!(part.body, b"PNG".as_slice());
    let head = server.send(Method::HEAD, &url, None, &[], Body::empty()).await.expect(200);
    assert_eq!(head.header("content-length"), png.len().to_string());
    for bad in ["<svg xmlns='http://www.w3.org/2000/svg'/>", "<html>", ""] {
        server.send(Method::POST, "/uploads", token, &[], bad).await.expect_error(400, "");
    }
    server.send(Method::POST, "/uploads", None, &[], png).await.expect_error(401, "");
    let large = [("content-length", "999999999999")];
    server.send(Method::POST, "/uploads", token, &large, "x").await.expect_error(413, "");
    server.get_anonymously("/uploads/none.png").await.expect_error(404, "");
    server.get_anonymously("/uploads/..%2F..%2Flyceum.db").await.expect_error(404, "");
}

/// Pages show the pictures of private repos to who is signed in there.
#[tokio::test]
async fn attachments_are_shown_to_a_browser() {
    let server = Server::start().await;
    let png = b"\x89PNG\r\n\x1a\n and then some pixels".to_vec();
    let token = server.user.token.as_str();
    let made = server.send(Method::POST, "/uploads", Some(token), &[], png).await.expect(200);
    let url = String::from_utf8(made.body.to_vec()).unwrap();
    let session = server.hub.sign_in("julien", "correct horse", None).await.expect("right password");
    let ask = |cookie: String| {
        let url = url.clone();
        let server = &server;
        async move { server.send(Method::GET, &url, None, &[("cookie", &cookie)], "").await }
    };
    let seen = ask(format!("a=b; lyceum_session={session}")).await.expect(200);
    assert_eq!(seen.header("vary"), "Authorization, Cookie");
    for wrong in
        ["lyceum_session=wrong".to_owned(), format!("lyceum_session={token}"), format!("x={session}")]
    {
        ask(wrong).await.expect_error(404, "");
    }
    let cookie = format!("lyceum_session={session}");
    let headers = [("cookie", cookie.as_str())];
    server.send(Method::POST, "/uploads", None, &headers, "x").await.expect_error(401, "");
    server.send(Method::GET, "/api/whoami-v2", None, &headers, "").await.expect_error(401, "");
}
