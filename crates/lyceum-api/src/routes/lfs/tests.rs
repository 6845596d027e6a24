//! Batches, uploads and downloads as git-lfs and Hub clients make them.

use http::Method;
use lyceum_core::{RepoKind, Sha256};
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::testing::{Answer, BASE, Site, random};

const BATCH: &str = "/ada/model.git/info/lfs/objects/batch";

/// A hub with `ada/model` and content that is not in it yet.
struct Fixture {
    site: Site,
    ada: String,
    content: Vec<u8>,
    oid: String,
}

impl Fixture {
    async fn new() -> Self {
        let site = Site::new().await;
        let (caller, ada) = site.hub.user("ada").await;
        site.hub.repo(&caller, RepoKind::Model, "model").await;
        let content = random(2, 300_000);
        let oid = Sha256(sha2::Sha256::digest(&content).into()).to_string();
        Self { site, ada, content, oid }
    }

    async fn batch(&self, operation: &str, transfers: &[&str], size: u64, token: Option<&str>) -> Answer {
        let objects = json!([{ "oid": self.oid, "size": size }]);
        let body = json!({ "operation": operation, "transfers": transfers, "objects": objects, "hash_algo": "sha256" });
        self.site.post(BATCH, token, body.to_string()).await
    }

    /// Asks how to move the content, and returns the one object of the answer.
    async fn object(&self, operation: &str) -> Value {
        let answer =
            self.batch(operation, &["basic"], self.content.len() as u64, Some(&self.ada)).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/vnd.git-lfs+json");
        assert_eq!(answer.json()["transfer"], "basic");
        answer.json()["objects"][0].clone()
    }

    async fn put(&self, address: &str, body: impl Into<axum::body::Body>) -> Answer {
        self.site.send(Method::PUT, address, None, &[], body).await
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[tokio::test]
async fn content_goes_up_and_comes_down() {
    let fixture = Fixture::new().await;
    let size = fixture.content.len();
    let object = fixture.object("upload").await;
    assert_eq!((text(&object["oid"]), &object["size"]), (fixture.oid.as_str(), &json!(size)));
    let actions = &object["actions"];
    // The address authorises itself: neither token nor header goes along.
    fixture.put(text(&actions["upload"]["href"]), fixture.content.clone()).await.expect(200);
    let verify = json!({ "oid": fixture.oid, "size": size }).to_string();
    fixture.site.post(text(&actions["verify"]["href"]), Some(&fixture.ada), verify).await.expect(200);
    assert!(fixture.object("upload").await["actions"].is_null(), "what is stored is not sent again");

    let value = json!({ "path": "model.bin", "algo": "sha256", "oid": fixture.oid, "size": size });
    fixture.site.commit("ada/model", &fixture.ada, &[json!({ "key": "lfsFile", "value": value })]).await;
    let object = fixture.object("download").await;
    assert_eq!(object["authenticated"], true);
    let href = text(&object["actions"]["download"]["href"]).to_owned();
    let whole = fixture.site.get(&href, None, &[]).await.expect(200);
    assert!(whole.body == fixture.content);
    assert_eq!(whole.header("content-length"), size.to_string());
    let part = fixture.site.get(&href, None, &[("range", "bytes=1000-1999")]).await.expect(206);
    assert!(part.body == fixture.content[1000..2000]);
    let resolved = fixture.site.get("/ada/model/resolve/main/model.bin", None, &[]).await.expect(200);
    assert!(resolved.body == fixture.content);
    assert_eq!(resolved.header("x-xet-hash").len(), 64, "what came by LFS can be read by Xet");
}

#[tokio::test]
async fn content_that_is_not_what_was_announced_is_refused() {
    let fixture = Fixture::new().await;
    let href = text(&fixture.object("upload").await["actions"]["upload"]["href"]).to_owned();
    let check = async |body: Vec<u8>| {
        let answer = fixture.put(&href, body).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert!(!answer.header("x-error-message").is_empty());
    };
    check(Vec::new()).await;
    check(fixture.content[1..].to_vec()).await;
    check([&fixture.content[..], b"more"].concat()).await;
    check(random(9, fixture.content.len())).await;
    fixture.put(&href.replace("grant=", "grant=x"), "").await.expect(403);
    fixture.put(href.split('?').next().unwrap(), "").await.expect(400);
    fixture.put(&href, fixture.content.clone()).await.expect(200);
}

#[tokio::test]
async fn large_objects_go_in_parts() {
    let fixture = Fixture::new().await;
    let size = 5 << 30;
    let answer =
        fixture.batch("upload", &["basic", "multipart"], size, Some(&fixture.ada)).await.expect(200).json();
    assert_eq!(answer["transfer"], "multipart");
    let upload = &answer["objects"][0]["actions"]["upload"];
    let header = upload["header"].as_object().unwrap();
    let chunk: u64 = text(&header["chunk_size"]).parse().unwrap();
    assert_eq!(header.len() as u64 - 1, size.div_ceil(chunk), "a part for each chunk");
    let part = fixture.put(text(&header["1"]), "not a whole part").await;
    assert!(part.status.is_client_error(), "{part:?}");
    let body = json!({ "oid": fixture.oid, "parts": [{ "partNumber": 1, "etag": "\"x\"" }] }).to_string();
    let missing = fixture.site.post(text(&upload["href"]), None, body).await.expect(400);
    assert!(missing.header("x-error-message").contains("part 1"), "{missing:?}");

    // Its custom transfer would send every object of the batch in parts.
    let agent = [("user-agent", "git-lfs/3.5.1 (GitHub; linux amd64)")];
    let body = json!({ "operation": "upload", "transfers": ["multipart", "basic"], "objects": [{ "oid": fixture.oid, "size": size }] });
    let answer = fixture
        .site
        .send(Method::POST, BATCH, Some(&fixture.ada), &agent, body.to_string())
        .await
        .expect(200);
    assert_eq!(answer.json()["transfer"], "basic");
}

#[tokio::test]
async fn xet_clients_are_sent_to_the_store() {
    let fixture = Fixture::new().await;
    let answer = fixture
        .batch("upload", &["basic", "multipart", "xet"], 300_000, Some(&fixture.ada))
        .await
        .expect(200);
    assert_eq!(answer.json()["transfer"], "xet");
    let upload = answer.json()["objects"][0]["actions"]["upload"].clone();
    assert_eq!(upload["href"], format!("{BASE}/api/models/ada/model/xet-write-token/main"));
    let header = &upload["header"];
    let reconstruction = format!("{}/v2/reconstructions/{}", text(&header["X-Xet-Cas-Url"]), "1".repeat(64));
    let token = text(&header["X-Xet-Access-Token"]);
    fixture.site.get(&reconstruction, Some(token), &[]).await.expect(404);
    assert_eq!(text(&header["X-Xet-Session-Id"]).len(), 32);
    fixture.site.get(text(&upload["href"]), Some(&fixture.ada), &[]).await.expect(200);
}

#[tokio::test]
async fn callers_get_what_they_may_have() {
    let fixture = Fixture::new().await;
    let (_, eve) = fixture.site.hub.user("eve").await;
    // Anyone who is signed in may upload for a pull request; nobody else may.
    fixture.batch("upload", &["basic"], 1, Some(&eve)).await.expect(200);
    fixture.batch("upload", &["basic"], 1, None).await.expect(401);
    let download = fixture.batch("download", &["basic"], 1, None).await.expect(200).json();
    assert_eq!(download["objects"][0]["error"]["code"], 404);

    let settings = "/api/models/ada/model/settings";
    let body = json!({ "visibility": "private" }).to_string();
    fixture.site.send(Method::PUT, settings, Some(&fixture.ada), &[], body).await.expect(200);
    fixture.batch("download", &["basic"], 1, Some(&eve)).await.expect(404);
    let anonymous = fixture.batch("download", &["basic"], 1, None).await.expect(401);
    assert_eq!(anonymous.header("content-type"), "application/vnd.git-lfs+json");
    assert!(
        anonymous.header("www-authenticate").starts_with("Basic "),
        "git-lfs asks for a password by this"
    );
    assert!(anonymous.json()["message"].is_string());
}

#[tokio::test]
async fn an_object_that_cannot_exist_is_refused_beside_the_others() {
    let fixture = Fixture::new().await;
    let objects = json!([
        { "oid": "abc", "size": 1 },
        { "oid": fixture.oid, "size": fixture.content.len() },
        { "oid": "1".repeat(64), "size": -1 },
    ]);
    // git-lfs names no reference while nothing is checked out.
    let body = json!({ "operation": "upload", "ref": {}, "objects": objects });
    let answer = fixture.site.post(BATCH, Some(&fixture.ada), body.to_string()).await.expect(200).json();
    let errors = [0, 1, 2].map(|index| answer["objects"][index]["error"].clone());
    assert_eq!(errors[0]["code"], 422);
    assert!(text(&errors[0]["message"]).starts_with("invalid oid `abc`"), "{answer}");
    assert!(errors[1].is_null() && answer["objects"][1]["actions"]["upload"].is_object(), "{answer}");
    assert_eq!(errors[2], json!({ "code": 422, "message": "invalid size `-1`: it is negative" }));
    assert_eq!(answer["objects"][2]["size"], -1);
}

#[tokio::test]
async fn malformed_batches_are_refused_by_name() {
    let fixture = Fixture::new().await;
    let check = async |body: Value, status: u16, named: &str| {
        let answer = fixture.site.post(BATCH, Some(&fixture.ada), body.to_string()).await.expect(status);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{message}");
    };
    check(json!({ "operation": "steal", "objects": [] }), 400, "`operation`").await;
    check(json!({ "operation": "upload" }), 400, "objects").await;
    check(json!({ "operation": "upload", "objects": [], "hash_algo": "md5" }), 422, "`sha256`").await;
    let many: Vec<_> = (0..1001).map(|_| json!({ "oid": fixture.oid, "size": 1 })).collect();
    check(json!({ "operation": "upload", "objects": many }), 413, "1000").await;
}
