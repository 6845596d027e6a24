//! Branches, tags, history and squashing.

use http::Method;
use serde_json::json;

use super::server::{ExpectError as _, Server};

#[tokio::test]
async fn branches_come_and_go() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.commit(&id, &[("a", "1")]).await.expect(200);
    let base = "/api/models/julien/m";
    server.post(&format!("{base}/branch/feature%2Fx"), json!({})).await.expect(200);
    let again = server.post(&format!("{base}/branch/feature%2Fx"), json!({})).await.expect_error(409, "");
    assert!(again.json()["error"].as_str().expect("text").contains("already exists"));
    server
        .send(Method::POST, &format!("{base}/branch/empty-body"), Some(&server.user.token), &[], "")
        .await
        .expect(200);
    let refs = server.get(&format!("{base}/refs")).await.expect(200).json();
    let names: Vec<&str> = refs["branches"]
        .as_array()
        .expect("list")
        .iter()
        .map(|b| b["name"].as_str().expect("text"))
        .collect();
    assert_eq!(names, ["empty-body", "feature/x", "main"]);
    assert_eq!(refs["branches"][1]["ref"], "refs/heads/feature/x");
    assert_eq!(refs["branches"][1]["targetCommit"].as_str().map(str::len), Some(40));
    assert!(refs.get("pullRequests").is_none() && refs["converts"].is_array());
    assert_eq!(server.get(&format!("{base}/refs?include_prs=1")).await.json()["pullRequests"], json!([]));
    let delete = |name: &'static str| server.json(Method::DELETE, name, json!({}));
    delete("/api/models/julien/m/branch/feature%2Fx").await.expect(200);
    assert!(delete("/api/models/julien/m/branch/feature%2Fx").await.status.is_client_error());
    let main = delete("/api/models/julien/m/branch/main").await;
    assert!(main.status.is_client_error() && main.json()["error"].to_string().contains("refs/heads/main"));
    let start = json!({ "startingPoint": "none" });
    server.post(&format!("{base}/branch/y"), start).await.expect_error(404, "RevisionNotFound");
    let other = Some(server.other.token.as_str());
    server.send(Method::POST, &format!("{base}/branch/z"), other, &[], "{}").await.expect_error(403, "");
}

#[tokio::test]
async fn tags_point_to_commits() {
    let server = Server::start().await;
    let id = server.model("m").await;
    let oid = server.commit(&id, &[("a", "1")]).await.expect(200).json()["commitOid"].clone();
    let oid = oid.as_str().expect("text");
    let base = "/api/models/julien/m";
    server.post(&format!("{base}/tag/main"), json!({ "tag": "v1", "message": "first" })).await.expect(200);
    server.post(&format!("{base}/tag/{}", &oid[..7]), json!({ "tag": "v2" })).await.expect(200);
    server.post(&format!("{base}/tag/main"), json!({ "tag": "v1" })).await.expect_error(409, "");
    server
        .post(&format!("{base}/tag/none"), json!({ "tag": "v3" }))
        .await
        .expect_error(404, "RevisionNotFound");
    assert!(server.post(&format!("{base}/tag/main"), json!({ "tag": "a b" })).await.status.is_client_error());
    let tags = server.get(&format!("{base}/refs")).await.json()["tags"].clone();
    assert_eq!((&tags[0]["name"], &tags[0]["targetCommit"]), (&json!("v1"), &json!(oid)));
    assert_eq!(tags[1]["targetCommit"], oid);
    server.get(&format!("{base}/revision/v1")).await.expect(200);
    server.json(Method::DELETE, &format!("{base}/tag/v1"), json!({})).await.expect(200);
    server
        .json(Method::DELETE, &format!("{base}/tag/v1"), json!({}))
        .await
        .expect_error(404, "RevisionNotFound");
}

#[tokio::test]
async fn history_is_paged_and_can_be_squashed() {
    let server = Server::start().await;
    let id = server.model("m").await;
    for number in ["1", "2", "3"] {
        server.commit(&id, &[("a", number)]).await.expect(200);
    }
    let base = "/api/models/julien/m";
    let page = server.get(&format!("{base}/commits/main?limit=3&expand[]=formatted")).await.expect(200);
    let commits = page.json();
    assert_eq!(commits.as_array().map(Vec::len), Some(3));
    assert_eq!(
        (&commits[0]["title"], &commits[0]["authors"][0]["user"]),
        (&json!("Change"), &json!("julien"))
    );
    assert_eq!(commits[0]["formatted"]["title"], "Change");
    assert!(page.header("link").contains("limit=3&expand=formatted&p=1>"), "{}", page.header("link"));
    assert_eq!(page.header("x-total-count"), "4");
    let last = server.get(&format!("{base}/commits/main?limit=3&p=1")).await.expect(200);
    assert_eq!(last.header("x-total-count"), "");
    assert_eq!((last.json().as_array().map(Vec::len), last.header("link")), (Some(1), ""));
    server.get(&format!("{base}/commits/none")).await.expect_error(404, "RevisionNotFound");
    server.post(&format!("{base}/super-squash/main"), json!({ "message": "One" })).await.expect(200);
    let commits = server.get(&format!("{base}/commits/main")).await.expect(200).json();
    assert_eq!((commits.as_array().map(Vec::len), &commits[0]["title"]), (Some(1), &json!("One")));
    let read = server.get("/julien/m/resolve/main/a").await.expect(200);
    assert_eq!(read.body, "3");
}

#[tokio::test]
async fn branches_start_anew_or_take_the_place_of_others() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.commit(&id, &[("a", "1")]).await.expect(200);
    let branch = "/api/models/julien/m/branch/b";
    server.post(branch, json!({})).await.expect(200);
    server.get("/julien/m/resolve/b/a").await.expect(200);
    server.post(branch, json!({ "emptyBranch": true })).await.expect_error(409, "");
    server.post(branch, json!({ "emptyBranch": true, "overwrite": true })).await.expect(200);
    server.get("/julien/m/resolve/b/a").await.expect_error(404, "EntryNotFound");
    server.post(branch, json!({ "startingPoint": "main", "overwrite": true })).await.expect(200);
    server.get("/julien/m/resolve/b/a").await.expect(200);
    server.post(branch, json!({ "overwrite": "yes" })).await.expect_error(400, "");
}

#[tokio::test]
async fn revisions_are_compared() {
    let server = Server::start().await;
    let id = server.model("m").await;
    let first = server.commit(&id, &[("a b.txt", "1\n")]).await.expect(200).json()["commitOid"].clone();
    server.commit(&id, &[("a b.txt", "2\n"), ("c", "3")]).await.expect(200);
    server
        .post("/api/models/julien/m/branch/feature%2Fx", json!({ "startingPoint": first }))
        .await
        .expect(200);
    let compare = |what: &str| format!("/api/models/julien/m/compare/{what}");

    let patch = server.get(&compare("main")).await.expect(200);
    assert_eq!(patch.header("content-type"), "text/plain; charset=utf-8");
    let patch = String::from_utf8(patch.body.to_vec()).expect("text");
    assert!(patch.contains("-1\n+2\n") && patch.contains("diff --git a/c b/c\nnew file"), "{patch}");
    let backwards = server.get(&compare("main..feature%2Fx")).await.expect(200);
    let backwards = String::from_utf8(backwards.body.to_vec()).expect("text");
    assert!(backwards.contains("-2\n+1\n") && backwards.contains("deleted file"), "{backwards}");

    let raw = server.get(&compare("feature%2Fx..main?raw=true")).await.expect(200);
    let raw = String::from_utf8(raw.body.to_vec()).expect("text");
    let lines: Vec<_> = raw.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("T 2\t:100644 100644 "), "{raw}");
    assert!(lines[0].ends_with("... M\ta b.txt") && lines[1].ends_with("... A\tc"), "{raw}");
    let same = server.get(&compare("main..main?raw=true")).await.expect(200);
    assert!(same.body.is_empty());
    // The first commit is compared with nothing.
    let page = server.get("/api/models/julien/m/commits/main").await.json();
    let root = page[2]["id"].as_str().expect("text");
    let root = server.get(&compare(root)).await.expect(200);
    assert!(root.body.starts_with(b"diff --git a/.gitattributes b/.gitattributes\nnew file"));
    for missing in ["none", "main..none", "main...main", "..main"] {
        server.get(&compare(missing)).await.expect_error(404, "RevisionNotFound");
    }
}
