//! Raw requests, as the real clients send them.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Returns a header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends requests with one token.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    pub(crate) address: String,
    token: Option<String>,
}

impl Client {
    /// Returns a client of its own connections.
    pub(crate) fn new(address: &str, token: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self { agent: config.into(), address: address.to_owned(), token: token.map(str::to_owned) }
    }

    /// Returns the token, for clients of other kinds.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Returns the same caller at another address, with new connections.
    pub(crate) fn at(&self, address: &str) -> Self {
        Self::new(address, self.token.as_deref())
    }

    /// Sends a request; an error means that the connection broke.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let uri =
            if path.starts_with("http://") { path.to_owned() } else { format!("{}{path}", self.address) };
        let mut request = ureq::http::Request::builder().method(method).uri(&uri);
        if let Some(token) =
            self.token.as_ref().filter(|_| uri.starts_with(&self.address) && !uri.contains("grant"))
        {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if body.is_empty() && matches!(method, "GET" | "HEAD") {
            self.agent.run(request.body(()).unwrap())?
        } else {
            self.agent.run(request.body(body).unwrap())?
        };
        let (parts, body) = answer.into_parts();
        let mut bytes = Vec::new();
        body.into_reader().read_to_end(&mut bytes)?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body: bytes })
    }

    /// Sends a request that must be answered.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Reads an address.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &[])
    }

    /// Sends JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    /// Creates a model in the caller's own namespace.
    pub(crate) fn create_model(&self, name: &str) {
        let answer = self.post("/api/repos/create", &json!({ "name": name, "type": "model" }));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Commits lines to a model's `main`.
    pub(crate) fn try_commit(
        &self,
        id: &str,
        parent: Option<&str>,
        operations: &[Value],
    ) -> Result<Answer, ureq::Error> {
        let mut header = json!({ "summary": "a change", "description": "" });
        if let Some(parent) = parent {
            header["parentCommit"] = json!(parent);
        }
        let header = json!({ "key": "header", "value": header });
        let body: String =
            std::iter::once(&header).chain(operations).map(|line| format!("{line}\n")).collect();
        let headers = [("content-type", "application/x-ndjson")];
        self.try_send("POST", &format!("/api/models/{id}/commit/main"), &headers, body.as_bytes())
    }

    /// Uploads bytes by LFS; true when they are stored.
    pub(crate) fn try_upload(&self, id: &str, content: &[u8]) -> Result<bool, ureq::Error> {
        let object = json!({ "oid": sha256(content), "size": content.len() });
        let body = json!({ "operation": "upload", "transfers": ["basic"], "hash_algo": "sha256", "objects": [object] });
        let headers =
            [("content-type", "application/vnd.git-lfs+json"), ("accept", "application/vnd.git-lfs+json")];
        let path = format!("/{id}.git/info/lfs/objects/batch");
        let answer = self.try_send("POST", &path, &headers, body.to_string().as_bytes())?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        let Some(href) = answer.pointer("/objects/0/actions/upload/href").and_then(Value::as_str) else {
            assert!(answer.pointer("/objects/0/error").is_none(), "{answer}");
            return Ok(true);
        };
        let stored = Self::new(&self.address, None).try_send("PUT", href, &[], content)?;
        Ok(stored.status == 200)
    }

    /// Returns the head of a model's `main`.
    pub(crate) fn head(&self, id: &str) -> String {
        let info = self.get(&format!("/api/models/{id}"));
        assert_eq!(info.status, 200, "{}", info.text());
        info.json()["sha"].as_str().unwrap().to_owned()
    }

    /// Returns the commit ids of a model's `main`, newest first.
    pub(crate) fn history(&self, id: &str) -> Vec<String> {
        let mut commits = Vec::new();
        for page in 0.. {
            let answer = self.get(&format!("/api/models/{id}/commits/main?p={page}&limit=100"));
            assert_eq!(answer.status, 200, "{}", answer.text());
            let answer = answer.json();
            let found = answer.as_array().unwrap();
            if found.is_empty() {
                break;
            }
            commits.extend(found.iter().map(|commit| commit["id"].as_str().unwrap().to_owned()));
            if !commits_continue(found.len()) {
                break;
            }
        }
        commits
    }
}

fn commits_continue(found: usize) -> bool {
    found >= 50
}

/// Returns the line that adds a regular file.
pub(crate) fn file(path: &str, content: &[u8]) -> Value {
    json!({ "key": "file", "value": { "path": path, "content": BASE64_STANDARD.encode(content), "encoding": "base64" } })
}

/// Returns the line that adds a large file.
pub(crate) fn large_file(path: &str, content: &[u8]) -> Value {
    json!({
        "key": "lfsFile",
        "value": { "path": path, "algo": "sha256", "oid": sha256(content), "size": content.len() },
    })
}

/// Returns a digest in hexadecimal.
pub(crate) fn sha256(content: &[u8]) -> String {
    lyceum_core::Sha256(Sha256::digest(content).into()).to_string()
}
