//! Buckets from upload to events.

use axum::body::Body;
use axum::extract::Request;
use http::Method;
use http_body_util::BodyExt as _;
use lyceum_core::Sha256;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::testing::{Answer, BASE, Site, XetFile, random};

/// A hub where `ada` has the bucket `ada/b` and uploaded a file to it, which no path names yet.
struct Buckets {
    site: Site,
    ada: String,
    file: XetFile,
}

const BUCKET: &str = "/api/buckets/ada/b";

impl Buckets {
    async fn new() -> Self {
        let site = Site::new().await;
        let (_, ada) = site.hub.user("ada").await;
        site.post(BUCKET, Some(&ada), "").await.expect(200);
        let file = XetFile::new(random(1, 300_000), Sha256([1; 32]));
        let grant = site.get(&format!("{BUCKET}/xet-write-token"), Some(&ada), &[]).await.expect(200);
        site.put_content(&grant, &file).await;
        Self { site, ada, file }
    }

    async fn get(&self, path: &str) -> Answer {
        self.site.get(path, Some(&self.ada), &[]).await
    }

    async fn batch(&self, lines: &[Value]) -> Answer {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.site.post(&format!("{BUCKET}/batch"), Some(&self.ada), body).await
    }

    fn add(&self, path: &str) -> Value {
        json!({ "type": "addFile", "path": path, "xetHash": self.file.hash.to_string(), "mtime": 1_700_000_000_123_i64, "contentType": "text/html" })
    }

    async fn paths(&self, query: &str) -> Vec<String> {
        let entries = self.get(&format!("{BUCKET}/tree{query}")).await.expect(200).json();
        let path = |entry: &Value| entry["path"].as_str().unwrap().to_owned();
        entries.as_array().unwrap().iter().map(path).collect()
    }
}

fn delete(path: &str) -> Value {
    json!({ "type": "deleteFile", "path": path })
}

#[tokio::test]
async fn a_bucket_is_made_described_changed_moved_and_deleted() {
    let site = Site::new().await;
    let (_, ada) = site.hub.user("ada").await;
    let ada = Some(ada.as_str());
    let made = site.post("/api/buckets/me/b", ada, r#"{"visibility":"private"}"#).await.expect(200);
    assert_eq!(made.json()["url"], format!("{BASE}/buckets/ada/b"));
    let taken = site.post("/api/buckets/ada/B", ada, "{}").await.expect(409);
    assert_eq!(taken.json()["url"], format!("{BASE}/buckets/ada/b"));
    site.post("/api/repos/create", ada, r#"{"name":"c","type":"bucket"}"#).await.expect(400);

    let info = site.get("/api/buckets/me/b", ada, &[]).await.expect(200).json();
    assert_eq!((&info["id"], &info["private"]), (&json!("ada/b"), &json!(true)));
    assert_eq!((&info["size"], &info["totalFiles"]), (&json!(0), &json!(0)));
    assert!(info["createdAt"].as_str().unwrap().ends_with('Z') && info["updatedAt"].is_string());
    for (token, status) in [(None, 401), (Some(site.hub.user("eve").await.1), 404)] {
        let hidden = site.get("/api/buckets/ada/b", token.as_deref(), &[]).await.expect(status);
        let missing = site.get("/api/buckets/ada/none", token.as_deref(), &[]).await.expect(status);
        assert_eq!(hidden.header("x-error-code"), "RepoNotFound");
        assert_eq!(hidden.body, missing.body);
        let listed = site.get("/api/buckets/ada", token.as_deref(), &[]).await.expect(200);
        assert_eq!(listed.json(), json!([]));
    }
    site.send(Method::PUT, "/api/buckets/ada/b/settings", ada, &[], r#"{"private":false}"#).await.expect(200);
    site.send(Method::PUT, "/api/buckets/ada/b/settings", ada, &[], r#"{"gated":"auto"}"#).await.expect(400);
    let listed = site.get("/api/buckets/me?search=B", ada, &[]).await.expect(200).json();
    assert_eq!((&listed[0]["id"], &listed[0]["private"]), (&json!("ada/b"), &json!(false)));
    assert_eq!(site.get("/api/buckets/ada?search=x", None, &[]).await.expect(200).json(), json!([]));

    // A bare name is the name of no account.
    site.get("/api/buckets/b", ada, &[]).await.expect(404);
    let bare = site.send(Method::DELETE, "/api/buckets/b", ada, &[], "").await.expect(404);
    assert_eq!(bare.header("x-error-code"), "RepoNotFound");
    site.get("/api/buckets/me", None, &[]).await.expect(401);

    let body = json!({ "fromRepo": "ada/b", "toRepo": "ada/c", "type": "bucket" }).to_string();
    site.post("/api/repos/move", ada, body).await.expect(200);
    let moved = site.get("/api/buckets/ada/b/tree?recursive=false", ada, &[]).await.expect(307);
    assert_eq!(moved.header("location"), "/api/buckets/ada/c/tree?recursive=false");
    let moved = site.get("/buckets/ada/b/resolve/a%2Fb", ada, &[]).await.expect(307);
    assert_eq!(moved.header("location"), "/buckets/ada/c/resolve/a%2Fb");
    site.send(Method::DELETE, "/api/buckets/ada/b", ada, &[], "").await.expect(404);
    site.send(Method::DELETE, "/api/buckets/ada/c", ada, &[], "").await.expect(200);
    site.get("/api/buckets/ada/c", ada, &[]).await.expect(404);
}

#[tokio::test]
async fn batches_tell_what_failed() {
    let buckets = Buckets::new().await;
    let unknown = json!({ "type": "addFile", "path": "unknown", "xetHash": "ab".repeat(32), "mtime": null });
    let some = buckets.batch(&[buckets.add("a/b.txt"), unknown.clone(), buckets.add("c.html")]).await;
    let some = some.expect(200).json();
    assert_eq!((&some["success"], &some["succeeded"]), (&json!(false), &json!(2)));
    assert_eq!(some["failed"][0]["path"], "unknown");
    let none = buckets.batch(std::slice::from_ref(&unknown)).await.expect(422).json();
    assert_eq!(none["failed"].as_array().unwrap().len(), 1);
    assert_eq!(buckets.paths("").await, ["a/b.txt", "c.html"]);
    assert_eq!(buckets.paths("?recursive=false").await, ["a", "c.html"]);
    assert_eq!(buckets.paths("/a").await, ["a/b.txt"]);
    assert_eq!(buckets.paths("/a%2Fb.txt").await, ["a/b.txt"]);
    assert_eq!(buckets.paths("/none").await, Vec::<String>::new());

    // What is no operation at all changes nothing.
    let broken = buckets.batch(&[delete("c.html"), json!({ "type": "addFile", "path": "x" })]).await;
    assert!(broken.expect(400).json()["error"].as_str().unwrap().starts_with("line 2"));
    let lines: Vec<Value> = (0..1001).map(|number| delete(&format!("f{number}"))).collect();
    buckets.batch(&lines).await.expect(413);
    assert_eq!(buckets.batch(&lines[..1000]).await.expect(200).json()["succeeded"], 1000);
    let info = buckets.get(BUCKET).await.expect(200).json();
    assert_eq!((&info["totalFiles"], &info["size"]), (&json!(2), &json!(600_000)));
    let stored = buckets.get("/api/settings/repositories").await.expect(200).json();
    assert_eq!((&stored[0]["type"], &stored[0]["storage"]), (&json!("bucket"), &json!(600_000)));
    let next = buckets.get(&format!("{BUCKET}/tree?limit=1")).await.expect(200);
    let next = next.header("link").split(['<', '>']).nth(1).unwrap();
    let rest = buckets.get(next).await.expect(200);
    assert_eq!((&rest.json()[0]["path"], rest.header("link")), (&json!("c.html"), ""));

    let asked = json!({ "paths": ["a", "c.html", "none"] }).to_string();
    let found = buckets.site.post(&format!("{BUCKET}/paths-info"), None, asked).await.expect(200).json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!((&found[0]["type"], &found[0]["size"]), (&json!("file"), &json!(300_000)));
    assert_eq!(found[0]["mtime"], "2023-11-14T22:13:20.123Z");
    buckets.site.post(&format!("{BUCKET}/batch"), None, "").await.expect(401);
    let (_, eve) = buckets.site.hub.user("eve").await;
    buckets.site.post(&format!("{BUCKET}/batch"), Some(&eve), "").await.expect(403);
    buckets.site.get(&format!("{BUCKET}/xet-write-token"), Some(&eve), &[]).await.expect(403);
}

#[tokio::test]
async fn files_are_served_like_those_of_repos() {
    let buckets = Buckets::new().await;
    buckets.batch(&[buckets.add("a/b c.html")]).await.expect(200);
    let (site, file) = (&buckets.site, &buckets.file);
    for path in ["/buckets/ada/b/resolve/a%2Fb%20c.html", "/buckets/ada/b/resolve/a/b%20c.html"] {
        let head = site.head(path, None, &[]).await.expect(200);
        assert_eq!(head.header("x-xet-hash"), file.hash.to_string());
        assert_eq!(head.header("x-linked-size"), "300000");
        assert_eq!(head.header("etag"), format!("\"{}\"", file.hash));
        assert!(head.header("link").contains(&format!("<{BASE}{BUCKET}/xet-read-token>; rel=\"xet-auth\"")));
        assert_eq!(head.header("content-type"), "application/octet-stream", "what users say is not believed");
        assert_eq!(head.header("x-content-type-options"), "nosniff");
        assert!(site.get(path, None, &[]).await.expect(200).body == file.content);
        let range = site.get(path, None, &[("range", "bytes=299990-")]).await.expect(206);
        assert!(range.body == file.content[299_990..]);
        site.get(path, None, &[("range", "bytes=300000-")]).await.expect(416);
    }
    let missing = site.head("/buckets/ada/b/resolve/a", None, &[]).await.expect(404);
    assert_eq!(missing.header("x-error-code"), "EntryNotFound");

    let token = site.get(&format!("{BUCKET}/xet-read-token"), None, &[]).await.expect(200);
    let reconstruct = async |hash: &str| {
        let address = format!("{}/v1/reconstructions/{hash}", token.header("x-xet-cas-url"));
        site.get(&address, Some(token.header("x-xet-access-token")), &[]).await
    };
    reconstruct(&file.hash.to_string()).await.expect(200);
    reconstruct(&"ab".repeat(32)).await.expect(404);

    let own = [
        "/buckets/me/b/resolve/a/b%20c.html",
        "/api/buckets/me/b/xet-read-token",
        "/api/buckets/me/b/xet-write-token",
    ];
    for path in own {
        site.get(path, Some(&buckets.ada), &[]).await.expect(200);
        site.get(path, None, &[]).await.expect(401);
    }

    let body = json!({ "visibility": "private" }).to_string();
    let settings = format!("{BUCKET}/settings");
    site.send(Method::PUT, &settings, Some(&buckets.ada), &[], body).await.expect(200);
    for path in ["/buckets/ada/b/resolve/a%2Fb%20c.html", "/api/buckets/ada/b/xet-read-token"] {
        site.get(path, None, &[]).await.expect(401);
    }
}

#[tokio::test]
async fn changes_are_events() {
    let buckets = Buckets::new().await;
    buckets.batch(&[buckets.add("a"), buckets.add("b")]).await.expect(200);
    buckets.batch(&[delete("a")]).await.expect(200);
    let read = async |query: &str, events: usize| {
        let request = Request::builder()
            .uri(format!("{BUCKET}/events{query}"))
            .header("host", "hub.test")
            .body(Body::empty())
            .unwrap();
        let (parts, mut body) = buckets.site.router().oneshot(request).await.unwrap().into_parts();
        assert_eq!(parts.status, 200);
        assert_eq!(parts.headers["content-type"], "text/event-stream");
        let mut seen = Vec::new();
        for _ in 0..events {
            let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
            let text = String::from_utf8(frame.to_vec()).unwrap();
            let (name, data) = text.trim_end().split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            seen.push((name.strip_prefix("event: ").unwrap().to_owned(), data));
        }
        seen
    };
    let all = read("?since=2001-01-01T00:00:00Z", 2).await;
    let changes = all[0].1["changes"].as_array().unwrap();
    let ops: Vec<_> = changes.iter().map(|change| (&change["path"], &change["op"])).collect();
    let expected = [(json!("a"), json!("add")), (json!("b"), json!("add")), (json!("a"), json!("delete"))];
    assert_eq!(ops, expected.iter().map(|(path, op)| (path, op)).collect::<Vec<_>>());
    assert_eq!((all[0].0.as_str(), all[1].0.as_str()), ("changes", "ready"));
    assert_eq!(all[0].1["cursor"], all[1].1["cursor"]);
    assert_eq!((&changes[0]["size"], &changes[2]["size"]), (&json!(300_000), &Value::Null));
    let cursor = all[1].1["cursor"].as_str().unwrap();
    assert_eq!(read(&format!("?cursor={cursor}"), 1).await[0].0, "ready");
    assert_eq!(read("", 1).await[0].0, "ready");
    assert_eq!(read("?cursor=77777.1", 1).await[0].0, "reset");
    buckets.get(&format!("{BUCKET}/events?since=yesterday")).await.expect(400);
    buckets.get(&format!("{BUCKET}/events?cursor=x")).await.expect(400);
    buckets.get("/api/buckets/ada/none/events").await.expect(404);
}
