//! The whole way of a file through the store, and what is refused on it.

use http::Method;
use lyceum_core::{RepoKind, Sha256};
use lyceum_xet::decode_chunk;
use serde_json::Value;

use crate::testing::{Answer, BASE, Site, XetFile, random};

/// A hub with a file of `ada/model` that is uploaded but not committed.
struct Store {
    site: Site,
    ada: String,
    cas: String,
    writer: String,
    file: XetFile,
}

impl Store {
    async fn new() -> Self {
        let site = Site::new().await;
        let (caller, ada) = site.hub.user("ada").await;
        site.hub.repo(&caller, RepoKind::Model, "model").await;
        let token = site.get("/api/models/ada/model/xet-write-token/main", Some(&ada), &[]).await.expect(200);
        let cas = token.header("x-xet-cas-url").to_owned();
        let writer = token.header("x-xet-access-token").to_owned();
        // The hub takes the client's word for the digest within this repo, so any will do.
        let file = XetFile::new(random(1, 400_000), Sha256([7; 32]));
        Self { site, ada, cas, writer, file }
    }

    async fn uploaded() -> Self {
        let store = Self::new().await;
        store.put_xorb().await.expect(200);
        let answer = store.put_shard("v2").await.expect(200);
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
        let last = answer.body.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(last).unwrap()["type"], "result", "{answer:?}");
        store
    }

    async fn put_xorb(&self) -> Answer {
        let address = format!("{}/v1/xorbs/default/{}", self.cas, self.file.index.hash);
        self.site.post(&address, Some(&self.writer), self.file.xorb.clone()).await
    }

    async fn put_shard(&self, version: &str) -> Answer {
        let address = format!("{}/{version}/shards", self.cas);
        self.site.post(&address, Some(&self.writer), self.file.shard.clone()).await
    }

    async fn get(&self, path: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Answer {
        self.site.get(&format!("{}{path}", self.cas), token, headers).await
    }

    fn reconstruction(&self, version: &str) -> String {
        format!("/{version}/reconstructions/{}", self.file.hash)
    }

    /// Reads bytes of the file as a client does: plan, fetch, decode, trim.
    async fn download(&self, version: &str, first: usize, last: usize) -> Vec<u8> {
        let range = format!("bytes={first}-{last}");
        let plan = self.get(&self.reconstruction(version), Some(&self.writer), &[("range", &range)]).await;
        let plan = plan.expect(200).json();
        let mut content = Vec::new();
        for term in plan["terms"].as_array().unwrap() {
            let (url, chunks, bytes) = fetch(&plan, term);
            let range = format!("bytes={}-{}", bytes["start"], bytes["end"]);
            let stored = self.site.get(&url, None, &[("range", &range)]).await.expect(206).body;
            let decoded = decode(&stored);
            let skip = usize::try_from(number(&term["range"]["start"]) - number(&chunks["start"])).unwrap();
            let count =
                usize::try_from(number(&term["range"]["end"]) - number(&term["range"]["start"])).unwrap();
            let before = content.len();
            decoded[skip..skip + count].iter().for_each(|chunk| content.extend_from_slice(chunk));
            assert_eq!((content.len() - before) as u64, number(&term["unpacked_length"]));
        }
        let offset = usize::try_from(number(&plan["offset_into_first_range"])).unwrap();
        content[offset..].iter().copied().take(last - first + 1).collect()
    }
}

/// Finds the address, chunks and bytes that hold a term, in either version of a plan.
fn fetch<'a>(plan: &'a Value, term: &Value) -> (String, &'a Value, &'a Value) {
    let xorb = term["hash"].as_str().unwrap();
    let within = |chunks: &Value| {
        number(&chunks["start"]) <= number(&term["range"]["start"])
            && number(&chunks["end"]) >= number(&term["range"]["end"])
    };
    if let Some(entries) = plan["xorbs"][xorb].as_array() {
        let mut ranges = entries.iter().flat_map(|entry| {
            entry["ranges"]
                .as_array()
                .unwrap()
                .iter()
                .map(|range| (entry["url"].as_str().unwrap().to_owned(), range))
        });
        let (url, range) = ranges.find(|(_, range)| within(&range["chunks"])).unwrap();
        return (url, &range["chunks"], &range["bytes"]);
    }
    let entries = plan["fetch_info"][xorb].as_array().unwrap();
    let entry = entries.iter().find(|entry| within(&entry["range"])).unwrap();
    (entry["url"].as_str().unwrap().to_owned(), &entry["range"], &entry["url_range"])
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn decode(mut stored: &[u8]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    while !stored.is_empty() {
        let payload = usize::from(stored[1]) | usize::from(stored[2]) << 8 | usize::from(stored[3]) << 16;
        let (chunk, rest) = stored.split_at(8 + payload);
        chunks.push(decode_chunk(chunk, &mut Vec::new()).unwrap().to_vec());
        stored = rest;
    }
    chunks
}

#[tokio::test]
async fn what_is_uploaded_comes_back() {
    let store = Store::uploaded().await;
    let size = store.file.content.len();
    for version in ["v1", "v2"] {
        for (first, last) in
            [(0, size - 1), (0, 0), (100_000, 300_000), (size - 1, size - 1), (size - 5, size + 5)]
        {
            let expected = &store.file.content[first..=last.min(size - 1)];
            assert!(store.download(version, first, last).await == expected, "{version} {first}-{last}");
        }
        let past = format!("bytes={size}-{}", size + 10);
        store.get(&store.reconstruction(version), Some(&store.writer), &[("range", &past)]).await.expect(416);
    }
}

#[tokio::test]
async fn everything_may_be_sent_twice() {
    let store = Store::new().await;
    let grant = format!("{}/v1/xorb-grants/default/{}", store.cas, store.file.index.hash);
    let body = r#"{"length":1,"checksum":{"algo":"crc64nvme","value":"1"}}"#;
    store.site.post(&grant, Some(&store.writer), body).await.expect(404);
    assert_eq!(store.put_xorb().await.expect(200).json()["was_inserted"], true);
    assert_eq!(store.put_xorb().await.expect(200).json()["was_inserted"], false);
    let granted = store.site.post(&grant, Some(&store.writer), body).await.expect(200);
    assert!(granted.body.is_empty());
    let stored = store.put_shard("v1").await.expect(200).json();
    assert_eq!(stored["result"], 1);
    assert_eq!(stored["shard_hash"].as_str().unwrap().len(), 64);
    assert_eq!(store.put_shard("v1").await.expect(200).json()["result"], 0);
}

#[tokio::test]
async fn sizes_are_told() {
    let store = Store::uploaded().await;
    let token = Some(store.writer.as_str());
    for (path, size) in [
        (format!("/v1/xorbs/default/{}", store.file.index.hash), store.file.xorb.len()),
        (format!("/v1/files/{}", store.file.hash), store.file.content.len()),
    ] {
        let answer = store.site.head(&format!("{}{path}", store.cas), token, &[]).await.expect(200);
        assert_eq!(answer.header("content-length"), size.to_string(), "{path}");
    }
}

#[tokio::test]
async fn chunks_are_found_under_both_prefixes() {
    let store = Store::uploaded().await;
    let first = store.file.index.chunks[0].hash;
    for prefix in ["default", "default-merkledb"] {
        let answer =
            store.get(&format!("/v1/chunks/{prefix}/{first}"), Some(&store.writer), &[]).await.expect(200);
        assert!(answer.body.starts_with(b"HFRepoMetaData\0"));
        assert!(!answer.body.windows(32).any(|window| window == first.0), "chunk hashes must be keyed");
    }
    let unknown = format!("/v1/chunks/default/{}", "0".repeat(64));
    store.get(&unknown, Some(&store.writer), &[]).await.expect(404);
    store.get(&format!("/v1/chunks/other/{first}"), Some(&store.writer), &[]).await.expect(400);
}

#[tokio::test]
async fn batches_leave_out_what_is_missing() {
    let store = Store::uploaded().await;
    let (known, missing) = (store.file.hash.to_string(), "1".repeat(64));
    let path = format!("/v1/reconstructions?file_id={known}&file_id={missing}");
    let by_query = store.get(&path, Some(&store.writer), &[]).await.expect(200).json();
    assert_eq!(by_query["files"].as_object().unwrap().keys().collect::<Vec<_>>(), [&known]);
    let keys =
        serde_json::json!([{ "prefix": "default", "hash": known }, { "prefix": "default", "hash": missing }]);
    let address = format!("{}/v1/reconstructions", store.cas);
    let by_body = store.site.post(&address, Some(&store.writer), keys.to_string()).await.expect(200).json();
    assert_eq!(by_body["files"], by_query["files"]);
}

#[tokio::test]
async fn several_ranges_come_as_parts() {
    let store = Store::uploaded().await;
    let plan = store.get(&store.reconstruction("v2"), Some(&store.writer), &[]).await.expect(200).json();
    let (url, _, _) = fetch(&plan, &plan["terms"][0]);
    let answer = store.site.get(&url, None, &[("range", "bytes=0-9,100-119")]).await.expect(206);
    let boundary = answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let part = |first: usize, last: usize| {
        let mut part = format!(
            "--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {first}-{last}/*\r\n\r\n"
        )
        .into_bytes();
        part.extend_from_slice(&store.file.xorb[first..=last]);
        part.extend_from_slice(b"\r\n");
        part
    };
    let expected = [part(0, 9), part(100, 119), format!("--{boundary}--\r\n").into_bytes()].concat();
    assert!(answer.body == expected);
}

#[tokio::test]
async fn data_is_only_what_was_granted() {
    let store = Store::uploaded().await;
    let range = [("range", "bytes=0-0")];
    let plan = store.get(&store.reconstruction("v2"), Some(&store.writer), &range).await.expect(200).json();
    let (url, _, bytes) = fetch(&plan, &plan["terms"][0]);
    let (end, site) = (number(&bytes["end"]), &store.site);
    let asking = |range: String| {
        let url = &url;
        async move { site.get(url, None, &[("range", &range)]).await }
    };
    assert_eq!(asking(format!("bytes=0-{end}")).await.expect(206).body.len() as u64, end + 1);
    asking("bytes=3-5".to_owned()).await.expect(206);
    asking(format!("bytes=0-{}", end + 1)).await.expect(400);
    asking("bytes=0-".to_owned()).await.expect(400);
    asking("bytes=-1".to_owned()).await.expect(400);
    asking("bytes=x".to_owned()).await.expect(400);
    site.get(&url, None, &[]).await.expect(400);
    let forged = url.replace("grant=", "grant=x");
    site.get(&forged, None, &range).await.expect(400);
    let other = url.replace(&store.file.index.hash.to_string(), &"1".repeat(64));
    site.get(&other, None, &range).await.expect(400);
    let instance = store.cas.rsplit('/').next().unwrap();
    site.get(&url.replace(instance, "other"), None, &range).await.expect(404);
    store.site.hub.advance_seconds(24 * 3600);
    asking("bytes=0-0".to_owned()).await.expect(403);
}

#[tokio::test]
async fn tokens_decide() {
    let store = Store::uploaded().await;
    let path = store.reconstruction("v2");
    store.get(&path, None, &[]).await.expect(401);
    store.get(&path, Some("nonsense"), &[]).await.expect(401);
    store.get(&path, Some(&store.ada), &[]).await.expect(401);

    let token = |path: &str, token: Option<String>| {
        let (site, path) = (&store.site, path.to_owned());
        async move { site.get(&path, token.as_deref(), &[]).await }
    };
    // A reader's token reads and does not write.
    let reader = token("/api/models/ada/model/xet-read-token/main", None).await.expect(200);
    let reader = reader.json()["accessToken"].as_str().unwrap().to_owned();
    store.get(&path, Some(&reader), &[]).await.expect(200);
    let xorb = format!("{}/v1/xorbs/default/{}", store.cas, store.file.index.hash);
    store.site.post(&xorb, Some(&reader), store.file.xorb.clone()).await.expect(401);
    store.site.post(&format!("{}/v2/shards", store.cas), Some(&reader), "").await.expect(401);

    // Knowing a hash gives nothing: the token of another repo does not lead to the file.
    let (caller, eve) = store.site.hub.user("eve").await;
    store.site.hub.repo(&caller, RepoKind::Model, "model").await;
    let other = token("/api/models/eve/model/xet-write-token/main", Some(eve.clone())).await.expect(200);
    let other = other.json()["accessToken"].as_str().unwrap().to_owned();
    store.get(&path, Some(&other), &[]).await.expect(404);

    // Only writers get a token to write, unless it is for a pull request.
    let write = "/api/models/ada/model/xet-write-token";
    token(&format!("{write}/main"), Some(eve.clone())).await.expect(403);
    token(&format!("{write}/None?create_pr=1"), Some(eve.clone())).await.expect(200);
    token(&format!("{write}/refs%2Fpr%2F1"), Some(eve)).await.expect(200);
    token(&format!("{write}/main"), None).await.expect(401);
    let missing = token("/api/models/ada/missing/xet-read-token/main", None).await.expect(401);
    assert_eq!(missing.header("x-error-code"), "RepoNotFound");

    store.site.hub.advance_seconds(24 * 3600);
    store.get(&path, Some(&store.writer), &[]).await.expect(401);
}

#[tokio::test]
async fn tokens_are_told_twice() {
    let store = Store::new().await;
    let token =
        store.site.get("/api/models/ada/model/xet-read-token/main", Some(&store.ada), &[]).await.expect(200);
    let body = token.json();
    assert_eq!(body["casUrl"], token.header("x-xet-cas-url"));
    assert_eq!(body["accessToken"], token.header("x-xet-access-token"));
    assert_eq!(body["exp"].to_string(), token.header("x-xet-token-expiration"));
    assert!(body["casUrl"].as_str().unwrap().starts_with(&format!("{BASE}/xet/")));
}

#[tokio::test]
async fn malformed_uploads_are_refused_by_name() {
    let store = Store::new().await;
    let token = Some(store.writer.as_str());
    let cas = &store.cas;
    let check = async |address: String, body: Vec<u8>, status: u16, named: &str| {
        let answer = store.site.post(&address, token, body).await.expect(status);
        let message = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{message}");
    };
    let xorb = |hash: &str| format!("{cas}/v1/xorbs/default/{hash}");
    let right = store.file.index.hash.to_string();
    check(xorb("abc"), Vec::new(), 400, "invalid hash `abc`").await;
    check(xorb(&"0".repeat(64)), Vec::new(), 400, "").await;
    check(xorb(&"1".repeat(64)), store.file.xorb.to_vec(), 400, "").await;
    check(xorb(&right), store.file.xorb[..100].to_vec(), 400, "").await;
    check(xorb(&right), [&store.file.xorb[..], b"trailing"].concat(), 400, "").await;
    check(format!("{cas}/v1/shards"), b"no shard".to_vec(), 400, "shard").await;
    // The shard names a xorb that is not stored, which must not look like a route that is not there.
    check(format!("{cas}/v1/shards"), store.file.shard.clone(), 400, &right).await;
    let events = store.put_shard("v2").await.expect(200);
    let last = events.body.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap();
    let last: Value = serde_json::from_slice(last).unwrap();
    assert_eq!((&last["type"], &last["retryable"]), (&"error".into(), &false.into()));
    assert!(last["message"].as_str().unwrap().contains(&right), "{last}");

    let large =
        store.site.send(Method::POST, &xorb(&right), token, &[("content-length", "99999999")], "x").await;
    large.expect(413);
}

#[tokio::test]
async fn telemetry_is_taken_and_unknown_routes_are_not() {
    let store = Store::new().await;
    store.site.post("/v1/telemetry", Some(&store.writer), "{}").await.expect(200);
    store.site.post(&format!("{}/v1/telemetry", store.cas), None, "{}").await.expect(200);
    store
        .get(&format!("/v2/file-chunk-hashes/{}", store.file.hash), Some(&store.writer), &[])
        .await
        .expect(404);
    let commit = format!("{}/v1/xorb-commits/default/{}/grant/1", store.cas, store.file.index.hash);
    store.site.post(&commit, Some(&store.writer), "").await.expect(404);
}
