//! Tokens with an end or limits, at each step of an upload.

use axum::body::Body;
use http::Method;
use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{NewToken, TokenLimits, TokenRole, TokenScope};
use serde_json::{Value, json};

use super::server::{ExpectError as _, Server};
use crate::testing::Answer;

/// The steps of an upload, in order: what a client sends for a model.
const STEPS: [(&str, &str, &str); 5] = [
    ("POST", "/api/models/julien/m/preupload/main", r#"{"files":[{"path":"a.bin","size":9,"sample":""}]}"#),
    ("GET", "/api/models/julien/m/xet-write-token/main", ""),
    (
        "POST",
        "/julien/m.git/info/lfs/objects/batch",
        r#"{"operation":"upload","objects":[{"oid":"0000000000000000000000000000000000000000000000000000000000000001","size":9}]}"#,
    ),
    ("POST", "/api/models/julien/m/commit/main", r#"{"key":"header","value":{"summary":"a change"}}"#),
    ("POST", "/api/repos/create", r#"{"name":"m"}"#),
];

async fn token(server: &Server, role: TokenRole, limits: TokenLimits) -> String {
    let token = NewToken { name: "ci".to_owned(), role, value: None };
    let user = AccountName::parse("julien").unwrap();
    server.hub.create_limited_token(&user, token, limits).await.unwrap()
}

fn scoped(scopes: &[&str]) -> TokenLimits {
    let scopes = scopes.iter().map(|scope| TokenScope::parse(scope).unwrap()).collect();
    TokenLimits { scopes, ..TokenLimits::default() }
}

async fn step(server: &Server, step: (&str, &str, &str), token: &str) -> Answer {
    let (method, path, body) = step;
    let json = [("content-type", "application/json")];
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    server.send(method, path, Some(token), &json, Body::from(body.to_owned())).await
}

#[tokio::test]
async fn an_upload_stops_at_the_step_at_which_its_token_ends() {
    let server = Server::start().await;
    server.model("m").await;
    let user = AccountName::parse("julien").unwrap();
    for revoked in [true, false] {
        for (index, last) in STEPS.into_iter().enumerate() {
            let end = server.hub.clock().now().plus_seconds(60);
            let limits = TokenLimits { expires_at: (!revoked).then_some(end), ..TokenLimits::default() };
            let token = token(&server, TokenRole::Write, limits).await;
            for earlier in &STEPS[..index] {
                step(&server, *earlier, &token).await.expect(200);
            }
            if revoked {
                let id = server.hub.tokens(&user, 0).await.unwrap().last().unwrap().id;
                server.hub.revoke_token(&user, id).await.unwrap();
                assert!(server.hub.revoke_token(&user, id).await.is_err(), "only once");
            } else {
                server.hub.advance_seconds(60);
            }
            let answer = step(&server, last, &token).await.expect(401);
            let words = "Invalid credentials in Authorization header";
            assert_eq!(answer.header("x-error-message"), words, "{last:?}");
            let shown = answer.json();
            assert!([&shown["error"], &shown["message"]].contains(&&Value::from(words)), "{shown}");
        }
    }
}

#[tokio::test]
async fn what_a_revoked_token_was_given_ends_with_it() {
    let server = Server::start().await;
    server.model("m").await;
    let user = AccountName::parse("julien").unwrap();
    let token = token(&server, TokenRole::Write, TokenLimits::default()).await;
    let grant = step(&server, STEPS[1], &token).await.expect(200);
    let xorb = format!("{}/v1/xorbs/default/{}", grant.header("x-xet-cas-url"), "1".repeat(64));
    let store = grant.header("x-xet-access-token");
    let batch = step(&server, STEPS[2], &token).await.expect(200).json();
    let href = batch["objects"][0]["actions"]["upload"]["href"].as_str().unwrap().to_owned();
    server.send(Method::HEAD, &xorb, Some(store), &[], Body::empty()).await.expect(404);
    server.send(Method::PUT, &href, None, &[], Body::from("wrong")).await.expect(400);
    let id = server.hub.tokens(&user, 0).await.unwrap().last().unwrap().id;
    server.hub.revoke_token(&user, id).await.unwrap();
    server.send(Method::HEAD, &xorb, Some(store), &[], Body::empty()).await.expect(401);
    server.send(Method::PUT, &href, None, &[], Body::from("wrong")).await.expect(403);
}

#[tokio::test]
async fn a_fine_grained_token_does_what_its_scopes_say() {
    let server = Server::start().await;
    for name in ["m", "n"] {
        let private = json!({ "name": name, "visibility": "private" });
        server.post("/api/repos/create", private).await.expect(200);
    }
    for (scopes, expected) in [
        (&["model:julien/m=repo.content.write"][..], [200, 200, 200, 200, 403]),
        (&["user:julien=repo.content.write"][..], [200, 200, 200, 200, 409]),
        (&["model:julien/m=repo.content.read"][..], [403, 403, 403, 403, 403]),
        (&["model:julien/n=repo.write"][..], [404, 404, 404, 404, 403]),
        (&["org:other=repo.write", "everywhere=discussion.write"][..], [404, 404, 404, 404, 403]),
        (&[][..], [404, 404, 404, 404, 403]),
    ] {
        let token = token(&server, TokenRole::FineGrained, scoped(scopes)).await;
        let mut statuses = Vec::new();
        for one in STEPS {
            statuses.push(step(&server, one, &token).await.status.as_u16());
        }
        assert_eq!(statuses, expected, "{scopes:?}");
    }
    // It never does more than its user: the other user's repo stays the other user's.
    server.hub.repo(&server.other.caller, RepoKind::Model, "theirs").await;
    let token = token(&server, TokenRole::FineGrained, scoped(&["user:other=repo.write"])).await;
    let answer = server.get_with("/api/models/other/theirs/auth-check/write", &token).await;
    answer.expect_error(403, "");
}

#[tokio::test]
async fn settings_need_more_than_content() {
    let server = Server::start().await;
    server.model("m").await;
    for (scope, status) in [("repo.content.write", 403), ("repo.write", 200)] {
        let scope = format!("model:julien/m={scope}");
        let token = token(&server, TokenRole::FineGrained, scoped(&[&scope])).await;
        let body = r#"{"private":false}"#;
        let settings = ("PUT", "/api/models/julien/m/settings", body);
        step(&server, settings, &token).await.expect(status);
    }
}

#[tokio::test]
async fn lists_show_the_private_repos_of_the_scopes() {
    let server = Server::start().await;
    for (name, visibility) in [("a", "private"), ("b", "private"), ("c", "public")] {
        let repo = json!({ "name": name, "visibility": visibility });
        server.post("/api/repos/create", repo).await.expect(200);
    }
    for (scopes, expected) in [
        (&["model:julien/a=repo.content.read"][..], &["julien/a", "julien/c"][..]),
        (&["user:julien=repo.content.read"][..], &["julien/a", "julien/b", "julien/c"][..]),
        (&["user:julien=user.webhooks.read"][..], &["julien/c"][..]),
        (&[][..], &["julien/c"][..]),
    ] {
        let token = token(&server, TokenRole::FineGrained, scoped(scopes)).await;
        for path in ["/api/models?author=julien", "/api/settings/repositories"] {
            let listed = server.get_with(path, &token).await.expect(200).json();
            let mut ids: Vec<&str> =
                listed.as_array().unwrap().iter().map(|repo| repo["id"].as_str().unwrap()).collect();
            ids.sort_unstable();
            assert_eq!(ids, expected, "{scopes:?} {path}");
        }
    }
}

#[tokio::test]
async fn whoami_tells_the_limits() {
    let server = Server::start().await;
    server.model("m").await;
    let mut limits =
        scoped(&["model:julien/m=repo.content.read,discussion.write", "everywhere=discussion.write"]);
    limits.read_gated = true;
    let token = token(&server, TokenRole::FineGrained, limits).await;
    let me = server.get_with("/api/whoami-v2", &token).await.expect(200).json();
    let access = &me["auth"]["accessToken"];
    assert_eq!(access["role"], "fineGrained");
    assert_eq!(access["fineGrained"]["canReadGatedRepos"], true);
    assert_eq!(access["fineGrained"]["global"], json!(["discussion.write"]));
    let scope = &access["fineGrained"]["scoped"][0];
    assert_eq!((&scope["entity"]["type"], &scope["entity"]["name"]), (&json!("model"), &json!("julien/m")));
    assert_eq!(scope["permissions"], json!(["repo.content.read", "discussion.write"]));
}

#[tokio::test]
async fn likes_have_a_permission_of_their_own() {
    let server = Server::start().await;
    server.model("m").await;
    for (scope, liked) in [
        ("user:julien=user.social.likes.write", true),
        ("user:julien=repo.write", false),
        ("user:other=user.social.likes.write", false),
    ] {
        let token = token(&server, TokenRole::FineGrained, scoped(&[scope])).await;
        let answer = step(&server, ("POST", "/api/models/julien/m/like", ""), &token).await;
        assert_eq!(answer.status.is_success(), liked, "{scope}: {answer:?}");
    }
}
