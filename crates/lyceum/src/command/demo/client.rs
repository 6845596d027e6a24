//! A client that is just large enough to upload a repo, by the same routes as every other client.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Longest time for one request; the hub runs on the same machine.
const REQUEST_SECONDS: u64 = 60;

/// A repo to upload.
pub(super) struct Upload {
    /// `model` or `dataset`.
    pub(super) kind: &'static str,
    /// `namespace/name`.
    pub(super) id: &'static str,
    /// Its files.
    pub(super) files: Vec<File>,
}

/// A file to upload.
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) content: Vec<u8>,
    /// Whether it travels by LFS instead of inside the commit.
    pub(super) large: bool,
}

/// Sends requests as one user to one hub.
pub(super) struct Client {
    agent: ureq::Agent,
    address: String,
    authorization: String,
}

impl Client {
    /// Returns a client with this token.
    pub(super) fn new(address: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(REQUEST_SECONDS)))
            .build();
        Self { agent: config.into(), address: address.to_owned(), authorization: format!("Bearer {token}") }
    }

    /// Creates the repo if it does not exist, and commits all files.
    pub(super) fn upload(&self, upload: &Upload) -> Result<()> {
        let Upload { kind, id, files } = upload;
        let name = id.split_once('/').map_or(*id, |(_, name)| name);
        let body = json!({ "name": name, "type": kind }).to_string();
        // 409: an earlier run on the same data made it.
        self.call("POST", "/api/repos/create", "application/json", body.as_bytes(), &[200, 409])
            .with_context(|| format!("create {kind} `{id}`"))?;
        let prefix = if *kind == "model" { String::new() } else { format!("{kind}s/") };
        for file in files.iter().filter(|file| file.large) {
            self.upload_large(&format!("/{prefix}{id}"), file)
                .with_context(|| format!("upload `{}`", file.path))?;
        }
        let mut lines = vec![json!({ "key": "header", "value": { "summary": "Upload the demo's files" } })];
        lines.extend(files.iter().map(commit_line));
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let path = format!("/api/{kind}s/{id}/commit/main");
        self.call("POST", &path, "application/x-ndjson", body.as_bytes(), &[200])
            .with_context(|| format!("commit to {kind} `{id}`"))?;
        Ok(())
    }

    fn upload_large(&self, repo: &str, file: &File) -> Result<()> {
        let object = json!({ "oid": digest(&file.content), "size": file.content.len() });
        let body = json!({
            "operation": "upload", "transfers": ["basic"], "hash_algo": "sha256", "objects": [object],
        });
        let path = format!("{repo}.git/info/lfs/objects/batch");
        let media_type = "application/vnd.git-lfs+json";
        let answer = self.call("POST", &path, media_type, body.to_string().as_bytes(), &[200])?;
        let Some(action) = answer.pointer("/objects/0/actions/upload/href").and_then(Value::as_str) else {
            if let Some(error) = answer.pointer("/objects/0/error") {
                bail!("the hub refused it: {error}");
            }
            // Without an action the hub has the bytes already.
            return Ok(());
        };
        let answer = self.agent.put(action).send(&file.content[..]).context("send the bytes")?;
        if !answer.status().is_success() {
            bail!("the hub answered {} to the bytes", answer.status());
        }
        Ok(())
    }

    fn call(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: &[u8],
        expected: &[u16],
    ) -> Result<Value> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("authorization", &self.authorization)
            .header("content-type", media_type)
            .body(body)
            .context("build the request")?;
        let mut answer = self.agent.run(request).with_context(|| format!("send {method} {path}"))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().context("read the answer")?;
        if !expected.contains(&status) {
            bail!("the hub answered {status} to {method} {path}: {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

fn commit_line(file: &File) -> Value {
    if file.large {
        let value = json!({
            "path": file.path, "algo": "sha256", "oid": digest(&file.content), "size": file.content.len(),
        });
        json!({ "key": "lfsFile", "value": value })
    } else {
        let content = BASE64_STANDARD.encode(&file.content);
        json!({ "key": "file", "value": { "path": file.path, "content": content, "encoding": "base64" } })
    }
}

fn digest(content: &[u8]) -> String {
    lyceum_core::Sha256(Sha256::digest(content).into()).to_string()
}
