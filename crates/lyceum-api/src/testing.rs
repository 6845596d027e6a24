//! A whole hub behind its router, for tests of routes, with a small Xet client.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use lyceum_core::{Sha256, XetHash};
use lyceum_hub::testing::TestHub;
use lyceum_xet::{Chunker, XorbBuilder, XorbIndex, hash};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{Api, RateLimits};

/// What the tests' clients call the hub.
pub(crate) const BASE: &str = "http://hub.test";

/// A hub and the router over it.
pub(crate) struct Site {
    /// The hub, to prepare what no route can.
    pub(crate) hub: TestHub,
    router: Router,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// Returns a header, empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Parses the body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Asserts the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }
}

impl Site {
    /// Makes an empty hub.
    pub(crate) async fn new() -> Self {
        Self::with_rates(RateLimits::default()).await
    }

    /// Makes an empty hub that limits requests.
    pub(crate) async fn with_rates(rates: RateLimits) -> Self {
        let hub = TestHub::new().await;
        let api = Api { hub: hub.hub().clone(), base_url: None, trust_forwarded: true, rates, version: "0" };
        Self { hub, router: crate::router(api) }
    }

    /// Returns the router, for bodies that never end.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// Sends a request. `address` is a path, or an address that the hub gave out; without a token it is anonymous.
    pub(crate) async fn send(
        &self,
        method: Method,
        address: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let path = address.strip_prefix(BASE).unwrap_or(address);
        let mut request = Request::builder().method(method).uri(path).header("host", "hub.test");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a GET.
    pub(crate) async fn get(&self, address: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, address, token, headers, Body::empty()).await
    }

    /// Sends a HEAD.
    pub(crate) async fn head(&self, address: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::HEAD, address, token, headers, Body::empty()).await
    }

    /// Sends a POST.
    pub(crate) async fn post(&self, address: &str, token: Option<&str>, body: impl Into<Body>) -> Answer {
        self.send(Method::POST, address, token, &[], body).await
    }

    /// Uploads a file to the store, for a model.
    pub(crate) async fn upload(&self, id: &str, token: &str, file: &XetFile) {
        let grant =
            self.get(&format!("/api/models/{id}/xet-write-token/main"), Some(token), &[]).await.expect(200);
        self.put_content(&grant, file).await;
    }

    /// Uploads a file with the answer to a request for a write token.
    pub(crate) async fn put_content(&self, grant: &Answer, file: &XetFile) {
        let (cas, token) = (grant.header("x-xet-cas-url"), Some(grant.header("x-xet-access-token")));
        let xorb = format!("{cas}/v1/xorbs/default/{}", file.index.hash);
        self.post(&xorb, token, file.xorb.clone()).await.expect(200);
        self.post(&format!("{cas}/v1/shards"), token, file.shard.clone()).await.expect(200);
    }

    /// Commits lines onto `main` of a model and returns the commit's id.
    pub(crate) async fn commit(&self, id: &str, token: &str, lines: &[Value]) -> String {
        let header = json!({ "key": "header", "value": { "summary": "a change", "description": "" } });
        let body: String = [&header].into_iter().chain(lines).map(|line| format!("{line}\n")).collect();
        let answer = self.post(&format!("/api/models/{id}/commit/main"), Some(token), body).await.expect(200);
        answer.json()["commitOid"].as_str().unwrap().to_owned()
    }
}

/// A file as a Xet client sees it: one xorb and the shard that registers it.
pub(crate) struct XetFile {
    /// The content.
    pub(crate) content: Vec<u8>,
    /// Its digest.
    pub(crate) sha256: Sha256,
    /// Its Xet hash.
    pub(crate) hash: XetHash,
    /// The xorb with all its chunks.
    pub(crate) index: XorbIndex,
    /// The xorb's bytes, without a footer.
    pub(crate) xorb: Bytes,
    /// The shard.
    pub(crate) shard: Vec<u8>,
}

impl XetFile {
    /// Cuts, hashes and packs content.
    pub(crate) fn new(content: Vec<u8>, sha256: Sha256) -> Self {
        let (mut chunker, mut builder, mut rest) =
            (Chunker::new(), XorbBuilder::new(usize::MAX), &content[..]);
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(chunker.next_boundary(rest).unwrap_or(rest.len()));
            builder.push(chunk, hash::chunk_hash(chunk));
            rest = after;
        }
        let (index, xorb) = builder.finish();
        let all = 0..index.chunk_count();
        let file = hash::file_hash(index.hashes(all.clone()));
        let mut shard = ShardWriter::new();
        shard.record(file, [(1 << 31) | (1 << 30), 1, 0, 0]);
        let raw = u32::try_from(content.len()).unwrap();
        shard.record(index.hash, [0, raw, 0, index.chunk_count()]);
        shard.record(index.range_hash(all), [0; 4]);
        shard.record(sha256.to_string().parse().unwrap(), [0; 4]);
        shard.end_section();
        shard.end_section();
        Self { content, sha256, hash: file, index, xorb, shard: shard.0 }
    }

    /// Returns the line of a commit that adds the file.
    pub(crate) fn line(&self, path: &str) -> Value {
        let value = json!({ "path": path, "algo": "sha256", "oid": self.sha256.to_string(), "size": self.content.len() });
        json!({ "key": "lfsFile", "value": value })
    }
}

/// Writes a shard as clients upload it.
struct ShardWriter(Vec<u8>);

impl ShardWriter {
    fn new() -> Self {
        let mut bytes =
            b"HFRepoMetaData\0\x55\x69\x67\x45\x6a\x7b\x81\x57\x83\xa5\xbd\xd9\x5c\xcd\xd1\x4a\xa9".to_vec();
        bytes.extend_from_slice(&2_u64.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Self(bytes)
    }

    fn record(&mut self, hash: XetHash, words: [u32; 4]) {
        self.0.extend_from_slice(&hash.0);
        words.iter().for_each(|word| self.0.extend_from_slice(&word.to_le_bytes()));
    }

    fn end_section(&mut self) {
        self.record(XetHash([0xff; 32]), [0; 4]);
    }
}

/// Bytes that no scheme compresses; the same for the same seed.
pub(crate) fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut data = Vec::with_capacity(length + 8);
    while data.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    data.truncate(length);
    data
}
