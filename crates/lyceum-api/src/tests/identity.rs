//! Who the caller is, and device login.

use http::Method;
use serde_json::json;

use super::server::{ExpectError as _, Server};

#[tokio::test]
async fn whoami_tells_names_and_the_token() {
    let server = Server::start().await;
    let me = server.get("/api/whoami-v2").await.expect(200).json();
    assert_eq!((&me["name"], &me["type"], &me["orgs"]), (&json!("julien"), &json!("user"), &json!([])));
    assert_eq!(me["auth"]["accessToken"], json!({ "displayName": "test", "role": "write" }));
    server.get_anonymously("/api/whoami-v2").await.expect_error(401, "");
}

#[tokio::test]
async fn wrong_credentials_are_told_in_the_words_the_clients_look_for() {
    let server = Server::start().await;
    for path in ["/api/whoami-v2", "/api/models/julien/none"] {
        for (name, value) in [
            ("authorization", "Bearer hf_wrong"),
            ("authorization", "Basic ???"),
            ("authorization", "Bearer"),
            ("authorization", "Basic anVsaWVuOndyb25n"),
        ] {
            let answer = server.send(Method::GET, path, None, &[(name, value)], "").await;
            let answer = answer.expect_error(401, "");
            assert_eq!(answer.header("x-error-message"), "Invalid credentials in Authorization header");
        }
    }
}

#[tokio::test]
async fn auth_check_differs_by_caller() {
    let server = Server::start().await;
    server.model("open").await;
    let secret = json!({ "name": "secret", "organization": null, "visibility": "private" });
    server.post("/api/repos/create", secret).await.expect(200);
    for (path, user, other, anonymous) in [
        ("/api/models/julien/open/auth-check", 200, 200, 200),
        ("/api/models/julien/open/auth-check/write", 200, 403, 401),
        ("/api/models/julien/secret/auth-check", 200, 404, 401),
        ("/api/models/julien/secret/auth-check/write", 200, 404, 401),
        ("/api/models/julien/none/auth-check", 404, 404, 401),
    ] {
        assert_eq!(server.get(path).await.status, user, "{path}");
        assert_eq!(server.get_as_other(path).await.status, other, "{path}");
        assert_eq!(server.get_anonymously(path).await.status, anonymous, "{path}");
    }
}

#[tokio::test]
async fn a_hidden_repo_is_answered_like_a_missing_one() {
    let server = Server::start().await;
    let secret = json!({ "name": "secret", "organization": null, "private": true });
    server.post("/api/repos/create", secret).await.expect(200);
    for path in ["", "/tree/main", "/refs", "/commits/main", "/revision/main", "/discussions", "/lfs-files"] {
        let hidden = server.get_as_other(&format!("/api/models/julien/secret{path}")).await;
        let missing = server.get_as_other(&format!("/api/models/julien/absent{path}")).await;
        let hidden = hidden.expect_error(404, "RepoNotFound");
        let text = |body: &[u8]| String::from_utf8_lossy(body).replace("secret", "absent");
        assert_eq!(text(&hidden.body), text(&missing.expect_error(404, "RepoNotFound").body));
    }
}

#[tokio::test]
async fn device_login_gives_a_token_once_it_is_approved() {
    let server = Server::start().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let post = |path: &'static str, body: String| server.send(Method::POST, path, None, &form, body);
    let start = post("/oauth/device", "client_id=cli".to_owned()).await.expect(200).json();
    let text = |key: &str| start[key].as_str().expect("text").to_owned();
    assert_eq!(text("verification_uri"), "http://hub.test/oauth/device");
    assert!(text("verification_uri_complete").ends_with(&format!("?user_code={}", text("user_code"))));
    let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
    let poll = format!("grant_type={grant}&device_code={}&client_id=cli", text("device_code"));
    let pending = post("/oauth/token", poll.clone()).await.expect(400);
    assert_eq!(pending.json()["error"], "authorization_pending");
    let session = server.hub.sign_in("julien", "correct horse", None).await.expect("right password");
    let browser = server.hub.authenticate(&session).await.expect("a session is a caller");
    server.hub.device_decide(&browser, &text("user_code"), true).await.expect("approved");
    server.hub.advance_seconds(60);
    let granted = post("/oauth/token", poll).await.expect(200);
    assert_eq!(granted.header("cache-control"), "no-store");
    let token = granted.json()["access_token"].as_str().expect("text").to_owned();
    let me = server.send(Method::GET, "/api/whoami-v2", Some(&token), &[], "").await.expect(200);
    assert_eq!(me.json()["name"], "julien");
    let refresh = granted.json()["refresh_token"].as_str().expect("text").to_owned();
    let refresh = format!("grant_type=refresh_token&refresh_token={refresh}&client_id=cli");
    post("/oauth/token", refresh.clone()).await.expect(200);
    assert_eq!(post("/oauth/token", refresh).await.expect(400).json()["error"], "invalid_grant");
    let other = post("/oauth/token", "grant_type=password".to_owned()).await.expect(400);
    assert_eq!(other.json()["error"], "unsupported_grant_type");
    post("/oauth/token", String::new()).await.expect(400);
    post("/oauth/device", String::new()).await.expect(400);
}
