use lyceum_core::{RepoKind, Sha256};
use serde_json::json;

use super::*;
use crate::testing::{Answer, BASE, Site, XetFile, random};

#[test]
fn if_none_match_compares_weakly() {
    let check = |sent: &str, expected: bool| {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, sent.parse().unwrap())]);
        assert_eq!(not_modified(&headers, "\"abc\""), expected, "{sent}");
    };
    check("\"abc\"", true);
    check("W/\"abc\"", true);
    check("\"x\", \"abc\"", true);
    check("*", true);
    check("\"abcd\"", false);
    check("abc", false);
    assert!(!not_modified(&HeaderMap::new(), "\"abc\""));
}

#[test]
fn names_become_dispositions() {
    let check = |name: &str, attachment: bool, expected: &str| {
        assert_eq!(media::disposition(name, attachment), expected, "{name}");
    };
    check("config.json", false, "inline; filename*=UTF-8''config.json; filename=\"config.json\";");
    check("a b.bin", true, "attachment; filename*=UTF-8''a%20b.bin; filename=\"a b.bin\";");
    check("q\"\\\n.txt", false, "inline; filename*=UTF-8''q%22%5C%0A.txt; filename=\"q___.txt\";");
    check("é.txt", false, "inline; filename*=UTF-8''%C3%A9.txt; filename=\"_.txt\";");
}

#[test]
fn media_types_go_by_name() {
    let check = |name: &str, large: bool, expected: &str| {
        assert_eq!(media::content_type(name, large), expected, "{name}");
    };
    check("config.json", false, "application/json");
    check("README.md", false, "text/plain; charset=utf-8");
    check("index.html", false, "text/plain; charset=utf-8");
    check("page.html", true, "application/octet-stream");
    check("model.safetensors", true, "application/octet-stream");
    check("PICTURE.PNG", true, "image/png");
    check("noending", false, "text/plain; charset=utf-8");
}

/// A hub with `ada/model`, which has `config.json` and the large `sub dir/model.bin`.
struct Files {
    site: Site,
    ada: String,
    commit: String,
    large: XetFile,
}

const SMALL: &str = "{\"hidden_size\": 8}\n";
const SMALL_PATH: &str = "/ada/model/resolve/main/config.json";
const LARGE_PATH: &str = "/ada/model/resolve/main/sub%20dir/model.bin";

impl Files {
    async fn new() -> Self {
        let site = Site::new().await;
        let (caller, ada) = site.hub.user("ada").await;
        site.hub.repo(&caller, RepoKind::Model, "model").await;
        let large = XetFile::new(random(1, 400_000), Sha256([7; 32]));
        site.upload("ada/model", &ada, &large).await;
        use base64::Engine as _;
        let content = base64::engine::general_purpose::STANDARD.encode(SMALL);
        let small = json!({ "path": "config.json", "content": content, "encoding": "base64" });
        let lines = [json!({ "key": "file", "value": small }), large.line("sub dir/model.bin")];
        let commit = site.commit("ada/model", &ada, &lines).await;
        Self { site, ada, commit, large }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.site.get(path, None, headers).await
    }
}

#[tokio::test]
async fn a_small_file_is_served_whole_with_its_headers() {
    let files = Files::new().await;
    let get = files.get(SMALL_PATH, &[]).await.expect(200);
    assert_eq!(get.body, SMALL);
    let head = files.site.head(SMALL_PATH, None, &[]).await.expect(200);
    assert!(head.body.is_empty());
    for answer in [&get, &head] {
        assert_eq!(answer.header("x-repo-commit"), files.commit);
        assert_eq!(answer.header("content-length"), SMALL.len().to_string());
        assert_eq!(answer.header("etag"), format!("\"{}\"", blob_id(SMALL)));
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        assert!(answer.header("content-disposition").contains("filename=\"config.json\""));
        for absent in ["x-xet-hash", "x-linked-size", "x-linked-etag", "link", "content-encoding", "location"]
        {
            assert_eq!(answer.header(absent), "", "{absent}");
        }
    }
    let pinned = SMALL_PATH.replace("main", &files.commit);
    assert!(files.get(&pinned, &[]).await.expect(200).header("cache-control").contains("immutable"));
}

/// Returns the id that git gives this content.
fn blob_id(content: &str) -> String {
    use sha1::Digest as _;
    let digest = sha1::Sha1::digest(format!("blob {}\0{content}", content.len()));
    Oid::from_slice(&digest).unwrap().to_string()
}

#[tokio::test]
async fn a_large_file_leads_to_the_store_and_is_served_without() {
    let files = Files::new().await;
    let large = &files.large;
    let head = files.site.head(LARGE_PATH, None, &[]).await.expect(200);
    let digest = format!("\"{}\"", large.sha256);
    assert_eq!(head.header("etag"), digest);
    assert_eq!(head.header("x-linked-etag"), digest);
    assert_eq!(head.header("x-linked-size"), large.content.len().to_string());
    assert_eq!(head.header("content-length"), large.content.len().to_string());
    assert_eq!(head.header("x-xet-hash"), large.hash.to_string());
    let links = head.header("link");
    let token = format!("<{BASE}/api/models/ada/model/xet-read-token/{}>; rel=\"xet-auth\"", files.commit);
    assert!(links.contains(&token), "{links}");
    let get = files.get(LARGE_PATH, &[]).await.expect(200);
    assert!(get.body == large.content);
    assert_eq!(get.header("link"), links);

    // What the links lead to works.
    let reader =
        files.get(&format!("/api/models/ada/model/xet-read-token/{}", files.commit), &[]).await.expect(200);
    let reconstruction = links.split('<').nth(2).unwrap().split('>').next().unwrap();
    files.site.get(reconstruction, Some(reader.header("x-xet-access-token")), &[]).await.expect(200);

    let accept = [("accept", "application/vnd.xet-fileinfo+json"), ("range", "bytes=0-0")];
    let info = files.get(LARGE_PATH, &accept).await.expect(200);
    assert_eq!(info.header("content-type"), "application/vnd.xet-fileinfo+json");
    assert_eq!(info.header("x-linked-size"), large.content.len().to_string());
    assert_eq!(info.json()["hash"], large.hash.to_string());
    files.get(SMALL_PATH, &accept).await.expect(206);
}

#[tokio::test]
async fn a_raw_file_is_what_git_has() {
    let files = Files::new().await;
    let raw = |path: &str| path.replace("resolve", "raw");
    let small = files.get(&raw(SMALL_PATH), &[]).await.expect(200);
    assert_eq!((&*small.body, small.header("x-repo-commit")), (SMALL.as_bytes(), files.commit.as_str()));
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n",
        files.large.sha256,
        files.large.content.len()
    );
    let large = files.get(&raw(LARGE_PATH), &[("accept", XET_FILE_INFO)]).await.expect(200);
    assert_eq!(large.body, pointer);
    assert_eq!(large.header("etag"), format!("\"{}\"", blob_id(&pointer)));
    for absent in ["x-xet-hash", "x-linked-size", "link"] {
        assert_eq!(large.header(absent), "", "{absent}");
    }
    let head = files.site.head(&raw(LARGE_PATH), None, &[]).await.expect(200);
    assert_eq!(head.header("content-length"), pointer.len().to_string());
    let part = files.get(&raw(LARGE_PATH), &[("range", "bytes=0-6")]).await.expect(206);
    assert_eq!(part.body, "version");
    let missing = files.get("/ada/model/raw/main/none", &[]).await.expect(404);
    assert_eq!(missing.header("x-error-code"), "EntryNotFound");
}

#[tokio::test]
async fn ranges_are_exact() {
    let files = Files::new().await;
    let content = &files.large.content;
    let size = content.len();
    let check = async |range: &str, expected: std::ops::Range<usize>| {
        let answer = files.get(LARGE_PATH, &[("range", range)]).await.expect(206);
        let (first, last) = (expected.start, expected.end - 1);
        assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/{size}"), "{range}");
        assert_eq!(answer.header("content-length"), expected.len().to_string());
        assert!(answer.body == content[expected], "{range}");
    };
    check("bytes=0-0", 0..1).await;
    check("bytes=100000-299999", 100_000..300_000).await;
    check("bytes=399000-", 399_000..size).await;
    check("bytes=-7", size - 7..size).await;
    check("bytes=0-99999999", 0..size).await;
    let small = files.get(SMALL_PATH, &[("range", "bytes=0-100000")]).await.expect(206);
    assert_eq!(small.body, SMALL);

    let several = files.get(LARGE_PATH, &[("range", "bytes=10-19,-5")]).await.expect(206);
    assert!(several.header("content-type").starts_with("multipart/byteranges; boundary="));
    assert_eq!(several.header("content-length"), several.body.len().to_string());

    let past = files.get(LARGE_PATH, &[("range", "bytes=400000-")]).await.expect(416);
    assert_eq!(past.header("content-range"), format!("bytes */{size}"));
    files.get(LARGE_PATH, &[("range", "bytes=9-1")]).await.expect(400);
    let etag = format!("\"{}\"", files.large.sha256);
    files.get(LARGE_PATH, &[("range", "bytes=0-0"), ("if-range", &etag)]).await.expect(206);
    files.get(LARGE_PATH, &[("range", "bytes=0-0"), ("if-range", "\"old\"")]).await.expect(200);
    let head = files.site.head(LARGE_PATH, None, &[("range", "bytes=0-0")]).await.expect(200);
    assert_eq!(head.header("content-length"), size.to_string());
}

#[tokio::test]
async fn what_did_not_change_is_not_sent() {
    let files = Files::new().await;
    let etag = format!("\"{}\"", files.large.sha256);
    let answer = files.get(LARGE_PATH, &[("if-none-match", &etag)]).await.expect(304);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("etag"), etag);
    assert_eq!(answer.header("x-repo-commit"), files.commit);
}

#[tokio::test]
async fn what_is_missing_is_told_apart() {
    let files = Files::new().await;
    let check = async |path: &str, token: Option<&str>, status: u16, code: &str| {
        let answer = files.site.head(path, token, &[]).await.expect(status);
        assert_eq!(answer.header("x-error-code"), code, "{path}");
        answer
    };
    let ada = Some(files.ada.as_str());
    let missing = check("/ada/model/resolve/main/missing.txt", ada, 404, "EntryNotFound").await;
    assert_eq!(missing.header("x-repo-commit"), files.commit, "clients remember by this that it is missing");
    check("/ada/model/resolve/main/missing.txt", None, 404, "EntryNotFound").await;
    check("/ada/model/resolve/main/sub%20dir", None, 404, "EntryNotFound").await;
    check("/ada/model/resolve/missing/config.json", None, 404, "RevisionNotFound").await;
    check("/ada/missing/resolve/main/config.json", ada, 404, "RepoNotFound").await;
    check("/ada/missing/resolve/main/config.json", None, 401, "RepoNotFound").await;
    check("/datasets/ada/model/resolve/main/config.json", ada, 404, "RepoNotFound").await;
    check("/bare/resolve/main/config.json", ada, 404, "RepoNotFound").await;
    files.get("/ada/model/resolve/main/a%2F..%2Fb", &[]).await.expect(400);
    files.get(&format!("{SMALL_PATH}?download=perhaps"), &[]).await.expect(400);
    let download = files.get(&format!("{SMALL_PATH}?download=true"), &[]).await.expect(200);
    assert!(download.header("content-disposition").starts_with("attachment;"));
    let invalid = files.site.get(SMALL_PATH, Some("hf_wrong"), &[]).await.expect(401);
    assert_eq!(invalid.header("x-error-message"), "Invalid credentials in Authorization header");
}

#[tokio::test]
async fn a_private_file_is_for_its_readers() {
    let files = Files::new().await;
    let settings = "/api/models/ada/model/settings";
    let body = json!({ "visibility": "private" }).to_string();
    files.site.send(Method::PUT, settings, Some(&files.ada), &[], body).await.expect(200);
    let (_, eve) = files.site.hub.user("eve").await;
    for (token, status) in [(None, 401), (Some(eve.as_str()), 404), (Some(files.ada.as_str()), 200)] {
        for path in [SMALL_PATH, LARGE_PATH] {
            files.site.get(path, token, &[]).await.expect(status);
            files.site.head(path, token, &[]).await.expect(status);
        }
        files.site.get("/api/models/ada/model/xet-read-token/main", token, &[]).await.expect(status);
    }
}

#[tokio::test]
async fn a_moved_repo_redirects() {
    let files = Files::new().await;
    let body = json!({ "fromRepo": "ada/model", "toRepo": "ada/renamed", "type": "model" }).to_string();
    files.site.post("/api/repos/move", Some(&files.ada), body).await.expect(200);
    let moved = files.get(&format!("{LARGE_PATH}?download=true"), &[]).await.expect(307);
    let location = moved.header("location");
    assert_eq!(location, "/ada/renamed/resolve/main/sub%20dir/model.bin?download=true");
    files.get(location, &[]).await.expect(200);
    files.get("/ADA/Renamed/resolve/main/config.json", &[]).await.expect(200);
}

#[tokio::test]
async fn a_download_of_many_files_counts_once() {
    let files = Files::new().await;
    let marked = [("x-hf-download-counter", "1"), ("user-agent", "client")];
    files.site.head(SMALL_PATH, None, &[("user-agent", "crawler")]).await.expect(200);
    for path in [SMALL_PATH, LARGE_PATH] {
        files.site.head(path, None, &marked).await.expect(200);
        files.site.get(path, None, &marked).await.expect(200);
    }
    files.site.get(SMALL_PATH, None, &[("user-agent", "browser")]).await.expect(200);
    files.site.hub.run_due_jobs().await.unwrap();
    let info = files.get("/api/models/ada/model", &[]).await.expect(200).json();
    assert_eq!(info["downloads"], 2);
}
