//! A served hub with two users.

use std::ops::Deref;

use axum::body::Body;
use http::Method;
use lyceum_core::{RepoId, RepoKind};
use lyceum_hub::Caller;
use serde_json::{Value, json};

use crate::testing::{Answer, Site};

/// A hub, its router, and two users.
pub(super) struct Server {
    site: Site,
    pub(super) user: User,
    pub(super) other: User,
}

/// A user with a token that may write.
pub(super) struct User {
    pub(super) caller: Caller,
    pub(super) token: String,
}

impl Deref for Server {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Server {
    /// Starts a hub with the users `julien` and `other`.
    pub(super) async fn start() -> Self {
        let site = Site::new().await;
        let (caller, token) = site.hub.user("julien").await;
        let user = User { caller, token };
        let (caller, token) = site.hub.user("other").await;
        Self { site, user, other: User { caller, token } }
    }

    /// Sends a GET as the user.
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Some(&self.user.token), &[], Body::empty()).await
    }

    /// Sends a GET as nobody.
    pub(super) async fn get_anonymously(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[], Body::empty()).await
    }

    /// Sends a GET as the other user.
    pub(super) async fn get_as_other(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Some(&self.other.token), &[], Body::empty()).await
    }

    /// Sends a GET with a token.
    pub(super) async fn get_with(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, Some(token), &[], Body::empty()).await
    }

    /// Sends JSON as the user.
    pub(super) async fn json(&self, method: Method, path: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(method, path, Some(&self.user.token), &headers, body.to_string()).await
    }

    /// Sends a POST with JSON as the user.
    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    /// Makes a public model of the user's, `julien/{name}`.
    pub(super) async fn model(&self, name: &str) -> RepoId {
        self.hub.repo(&self.user.caller, RepoKind::Model, name).await
    }

    /// Commits regular files to `main` of a model as the user.
    pub(super) async fn commit(&self, id: &RepoId, files: &[(&str, &str)]) -> Answer {
        let lines: Vec<Value> = files
            .iter()
            .map(|(path, content)| json!({ "key": "file", "value": { "path": path, "content": content } }))
            .collect();
        self.commit_lines(&format!("/api/models/{id}/commit/main"), &self.user.token, &lines).await
    }

    /// Commits lines after a header.
    pub(super) async fn commit_lines(&self, path: &str, token: &str, lines: &[Value]) -> Answer {
        let header = json!({ "key": "header", "value": { "summary": "Change", "description": "" } });
        let body: String = std::iter::once(&header).chain(lines).map(|line| format!("{line}\n")).collect();
        let headers = [("content-type", "application/x-ndjson")];
        self.send(Method::POST, path, Some(token), &headers, body).await
    }
}

/// What only failures have.
pub(super) trait ExpectError {
    /// Checks that this is a failure with this status and error code, whose message is in header and body.
    fn expect_error(self, status: u16, code: &str) -> Self;
}

impl ExpectError for Answer {
    #[track_caller]
    fn expect_error(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("x-error-code"), code);
        assert!(!answer.header("x-error-message").is_empty());
        assert!(answer.json()["error"].is_string(), "{answer:?}");
        assert!(!answer.header("x-request-id").is_empty());
        answer
    }
}
