//! Creating, moving, deleting and changing repos.

use http::Method;
use serde_json::json;

use super::server::{ExpectError as _, Server};

#[tokio::test]
async fn create_answers_with_the_address_also_when_the_name_is_taken() {
    let server = Server::start().await;
    for (kind, url) in [
        ("model", "http://hub.test/julien/A"),
        ("dataset", "http://hub.test/datasets/julien/A"),
        ("space", "http://hub.test/spaces/julien/A"),
        ("kernel", "http://hub.test/kernels/julien/A"),
    ] {
        let body = json!({ "name": "A", "organization": null, "type": kind, "sdk": "static" });
        assert_eq!(server.post("/api/repos/create", body).await.expect(200).json()["url"], url);
        let again = json!({ "name": "a", "organization": "Julien", "type": kind, "sdk": "static" });
        let taken = server.post("/api/repos/create", again).await.expect_error(409, "");
        assert_eq!(taken.json()["url"], url);
    }
}

#[tokio::test]
async fn create_refuses_what_it_must() {
    let server = Server::start().await;
    let path = "/api/repos/create";
    for (body, status) in [
        (json!({ "name": "a", "organization": "other" }), 403),
        (json!({ "name": "..", "organization": null }), 400),
        (json!({ "name": "a--b", "organization": null }), 400),
        (json!({ "name": "a.git", "organization": null }), 400),
        (json!({ "name": "", "organization": null }), 400),
        (json!({ "name": "x".repeat(97), "organization": null }), 400),
        (json!({ "name": "a", "type": "bucket" }), 400),
        (json!({ "organization": null }), 400),
        (json!([]), 400),
    ] {
        let answer = server.post(path, body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
    }
    server.send(Method::POST, path, None, &[], json!({ "name": "a" }).to_string()).await.expect(401);
    server.send(Method::POST, path, Some(&server.user.token), &[], "{").await.expect_error(400, "");
    server.get("/api/models/julien/a").await.expect_error(404, "RepoNotFound");
}

#[tokio::test]
async fn a_repo_begins_with_what_comes_with_it() {
    let server = Server::start().await;
    let files = json!([
        { "path": ".gitattributes", "content": "Ki5oIGZpbHRlcj1sZnM=", "encoding": "base64" },
        { "path": "src/a.txt", "content": "hello" },
    ]);
    let body = json!({ "name": "a", "license": "mit", "files": files });
    let made = server.post("/api/repos/create", body).await.expect(200).json();
    assert_eq!((&made["name"], made["id"].is_string()), (&json!("julien/a"), true));
    let info = server.get("/api/models/julien/a").await.expect(200).json();
    assert_eq!((&info["_id"], &info["cardData"]["license"]), (&made["id"], &json!("mit")));
    for (path, content) in [
        (".gitattributes", "*.h filter=lfs"),
        ("src/a.txt", "hello"),
        ("README.md", "---\nlicense: mit\n---\n"),
    ] {
        assert_eq!(server.get(&format!("/julien/a/resolve/main/{path}")).await.expect(200).body, content);
    }
    let space = json!({ "name": "s", "type": "space", "sdk": "static", "license": "mit" });
    server.post("/api/repos/create", space).await.expect(200);
    let card = server.get("/spaces/julien/s/resolve/main/README.md").await.expect(200);
    let card = String::from_utf8(card.body.to_vec()).expect("text");
    assert!(card.contains("\nsdk: static\n") && card.contains("\nlicense: mit\n"), "{card}");

    let file = |path: &str| json!({ "path": path, "content": "x" });
    for (extra, status) in [
        (json!({ "license": "mine\nsdk: docker" }), 400),
        (json!({ "files": [file("../a")] }), 400),
        (json!({ "files": [{ "path": "a", "content": "*", "encoding": "base64" }] }), 400),
        (json!({ "files": [file("a"), file("a/b")] }), 422),
        (json!({ "files": vec![file("a"); 101] }), 413),
    ] {
        let mut body = json!({ "name": "b" });
        body.as_object_mut().expect("an object").append(&mut extra.as_object().expect("an object").clone());
        let answer = server.post("/api/repos/create", body).await;
        assert_eq!(answer.status, status, "{extra}");
    }
    server.get("/api/models/julien/b").await.expect_error(404, "RepoNotFound");
}

#[tokio::test]
async fn ids_are_the_same_in_any_case_and_show_as_created() {
    let server = Server::start().await;
    server.model("MyModel").await;
    let info = server.get("/api/models/JULIEN/mymodel").await.expect(200).json();
    assert_eq!((&info["id"], &info["author"]), (&json!("julien/MyModel"), &json!("julien")));
}

#[tokio::test]
async fn old_ids_redirect_after_a_move() {
    let server = Server::start().await;
    server.model("old").await;
    server.model("taken").await;
    let to = |name: &str| json!({ "fromRepo": "julien/old", "toRepo": name, "type": "model" });
    let taken = server.post("/api/repos/move", to("julien/taken")).await.expect_error(409, "");
    assert!(taken.json()["error"].as_str().expect("text").contains("already exists"));
    server.post("/api/repos/move", to("other/new")).await.expect(403);
    server.post("/api/repos/move", to("julien/new")).await.expect(200);
    let moved = server.get("/api/models/julien/old/tree/main?recursive=true").await.expect(307);
    assert_eq!(moved.header("location"), "/api/models/julien/new/tree/main?recursive=true");
    server.get(moved.header("location")).await.expect(200);
    let moved = server.get("/julien/old/resolve/main/.gitattributes").await.expect(307);
    assert_eq!(moved.header("location"), "/julien/new/resolve/main/.gitattributes");
    let body = json!({ "name": "old", "organization": "julien" });
    server.json(Method::DELETE, "/api/repos/delete", body).await.expect_error(404, "RepoNotFound");
    server.get("/api/models/julien/new").await.expect(200);
}

#[tokio::test]
async fn delete_needs_the_owner() {
    let server = Server::start().await;
    server.model("gone").await;
    let body = json!({ "name": "gone", "organization": "julien", "type": "model" });
    let path = "/api/repos/delete";
    server.send(Method::DELETE, path, Some(&server.other.token), &[], body.to_string()).await.expect(403);
    server.send(Method::DELETE, path, None, &[], body.to_string()).await.expect(401);
    server.json(Method::DELETE, path, body.clone()).await.expect(200);
    server.json(Method::DELETE, path, body).await.expect_error(404, "RepoNotFound");
    server.get("/api/models/julien/gone").await.expect_error(404, "RepoNotFound");
    server.get_anonymously("/api/models/julien/gone").await.expect_error(401, "RepoNotFound");
}

#[tokio::test]
async fn settings_change_who_sees_and_who_reads() {
    let server = Server::start().await;
    server.model("m").await;
    let path = "/api/models/julien/m/settings";
    server.json(Method::PUT, path, json!({ "gated": "auto" })).await.expect(200);
    assert_eq!(server.get_as_other("/api/models/julien/m").await.expect(200).json()["gated"], "auto");
    server.get_as_other("/julien/m/resolve/main/.gitattributes").await.expect_error(403, "GatedRepo");
    server.get_anonymously("/julien/m/resolve/main/.gitattributes").await.expect_error(401, "GatedRepo");
    server.json(Method::PUT, path, json!({ "gated": false, "private": true })).await.expect(200);
    server.get_as_other("/api/models/julien/m").await.expect_error(404, "RepoNotFound");
    let info = server.get("/api/models/julien/m").await.expect(200).json();
    assert_eq!((&info["private"], &info["gated"]), (&json!(true), &json!(false)));
    server.json(Method::PUT, path, json!({ "gated": "sometimes" })).await.expect_error(400, "");
    let other = Some(server.other.token.as_str());
    server.send(Method::PUT, path, other, &[], "{}").await.expect_error(404, "RepoNotFound");
}

#[tokio::test]
async fn duplicate_copies_what_is_there() {
    let server = Server::start().await;
    let id = server.model("source").await;
    server.commit(&id, &[("a.txt", "hello")]).await.expect(200);
    let path = "/api/models/julien/source/duplicate";
    let body = json!({ "repository": "other/copy", "visibility": "private" }).to_string();
    let answer =
        server.send(Method::POST, path, Some(&server.other.token), &[], body.clone()).await.expect(200);
    assert_eq!(answer.json()["url"], "http://hub.test/other/copy");
    let file = server.get_as_other("/other/copy/resolve/main/a.txt").await.expect(200);
    assert_eq!(file.body, "hello");
    let again = server.send(Method::POST, path, Some(&server.other.token), &[], body).await.expect(409);
    assert_eq!(again.json()["url"], "http://hub.test/other/copy");
}

#[tokio::test]
async fn bare_names_are_repos_that_do_not_exist() {
    let server = Server::start().await;
    for (method, path) in [
        (Method::GET, "/api/models/missing"),
        (Method::GET, "/api/models/missing/refs"),
        (Method::GET, "/api/models/missing/commits/main"),
        (Method::GET, "/api/datasets/missing/tree/main/a/b"),
        (Method::GET, "/api/spaces/missing/revision/main"),
        (Method::POST, "/api/models/missing/preupload/main"),
        (Method::POST, "/api/models/missing/branch/x"),
        (Method::PUT, "/api/models/missing/settings"),
    ] {
        let answer = server.send(method, path, Some(&server.user.token), &[], "{}").await;
        answer.expect_error(404, "RepoNotFound");
    }
    let answer = server.send(Method::PATCH, "/api/models/julien/x", None, &[], "").await;
    answer.expect_error(405, "");
    server.get("/api/nothing").await.expect_error(404, "");
}
