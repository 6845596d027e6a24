//! What git is told over HTTP; what it makes of it is tested with the real one.

use lyceum_core::RepoKind;
use serde_json::json;

use super::*;
use crate::testing::{Answer, Site};

/// A hub with `ada/model`, which has a commit; the token of its owner, and that of somebody else.
async fn site() -> (Site, String, String, String) {
    let site = Site::new().await;
    let (caller, ada) = site.hub.user("ada").await;
    let (_, eve) = site.hub.user("eve").await;
    site.hub.repo(&caller, RepoKind::Model, "model").await;
    let file = json!({ "key": "file", "value": { "path": "config.json", "content": "{}" } });
    let commit = site.commit("ada/model", &ada, &[file]).await;
    (site, ada, eve, commit)
}

async fn references(site: &Site, path: &str, token: Option<&str>, protocol: &str) -> Answer {
    let address = format!("{path}/info/refs?service=git-upload-pack");
    site.get(&address, token, &[("git-protocol", protocol)]).await
}

fn text(answer: &Answer) -> String {
    answer.body.escape_ascii().to_string()
}

#[tokio::test]
async fn lists_references() {
    let (site, _, _, commit) = site().await;
    for path in ["/ada/model", "/ada/model.git"] {
        let answer = references(&site, path, None, "").await.expect(200);
        assert_eq!(answer.header("content-type"), "application/x-git-upload-pack-advertisement");
        assert_eq!(answer.header("cache-control"), "no-cache, max-age=0, must-revalidate");
        let text = text(&answer);
        assert!(text.starts_with("001e# service=git-upload-pack\\n0000"), "{text}");
        assert!(text.contains(&format!("{commit} HEAD\\x00")), "{text}");
        assert!(text.contains("symref=HEAD:refs/heads/main"), "{text}");
        let v2 = references(&site, path, None, "version=2").await.expect(200);
        assert!(v2.body.starts_with(b"000eversion 2\n"));
    }
    for service in ["", "?service=git-upload-archive"] {
        let answer = site.get(&format!("/ada/model/info/refs{service}"), None, &[]).await.expect(403);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn git_asks_for_a_password_where_one_may_help() {
    let (site, ada, eve, _) = site().await;
    let settings = [("content-type", "application/json")];
    let body = json!({ "private": true }).to_string();
    let address = "/api/models/ada/model/settings";
    site.send(Method::PUT, address, Some(&ada), &settings, body).await.expect(200);
    let hidden = references(&site, "/ada/model", None, "").await.expect(401);
    let missing = references(&site, "/ada/nothing", None, "").await.expect(401);
    for answer in [&hidden, &missing] {
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Lyceum\"");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.body, "Repository not found\n");
    }
    let stranger = references(&site, "/ada/model", Some(&eve), "").await.expect(404);
    assert_eq!(stranger.body, hidden.body);
    references(&site, "/ada/model", Some(&ada), "").await.expect(200);
}

#[tokio::test]
async fn answers_a_clone() {
    let (site, _, _, commit) = site().await;
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let request = format!(
        "{}{}0001{}{}0000",
        line("command=fetch"),
        line("object-format=sha1"),
        line(&format!("want {commit}")),
        line("done")
    );
    let address = "/ada/model.git/git-upload-pack";
    let media_type = ("content-type", "application/x-git-upload-pack-request");
    let v2 = ("git-protocol", "version=2");
    let answer = site.send(Method::POST, address, None, &[media_type, v2], request.clone()).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/x-git-upload-pack-result");
    let shown = text(&answer);
    assert!(shown.starts_with("000dpackfile\\n") && shown.contains("PACK\\x00\\x00\\x00\\x02"), "{shown}");
    assert!(shown.ends_with("0000"), "{shown}");
    // What a page in a browser could send without asking is refused, and what is not compressed as it says.
    let plain = ("content-type", "text/plain");
    site.send(Method::POST, address, None, &[plain, v2], request.clone()).await.expect(400);
    let brotli = [media_type, ("content-encoding", "br")];
    site.send(Method::POST, address, None, &brotli, request.clone()).await.expect(400);
    let gzip = [media_type, v2, ("content-encoding", "gzip")];
    let answer = site.send(Method::POST, address, None, &gzip, request).await.expect(200);
    assert!(!text(&answer).contains("PACK"));
}

#[tokio::test]
async fn a_refusal_is_told_in_gits_words() {
    let (site, _, _, _) = site().await;
    let media_type = [("content-type", "application/x-git-upload-pack-request")];
    let request = format!("0032want {}\n00000009done\n", "12".repeat(20));
    let answer = site.send(Method::POST, "/ada/model/git-upload-pack", None, &media_type, request).await;
    let expected = format!("ERR upload-pack: not our ref {}", "12".repeat(20));
    assert!(text(&answer.expect(200)).contains(&expected));
}

#[tokio::test]
async fn takes_pushes_from_who_may() {
    let (site, ada, eve, commit) = site().await;
    let address = "/ada/model.git/info/refs?service=git-receive-pack";
    let answer = site.get(address, None, &[]).await.expect(401);
    assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Lyceum\"");
    let answer = site.get(address, Some(&ada), &[]).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/x-git-receive-pack-advertisement");
    let shown = text(&answer);
    let told = format!("{commit} refs/heads/main\\x00report-status report-status-v2 delete-refs");
    assert!(shown.starts_with("001f# service=git-receive-pack\\n0000") && shown.contains(&told), "{shown}");

    // Whoever pushes much asks first whether he may, by a request for nothing.
    let address = "/ada/model/git-receive-pack";
    let media_type = ("content-type", "application/x-git-receive-pack-request");
    let send = |token: Option<&str>, headers: Vec<(&'static str, &'static str)>, body: String| {
        let token = token.map(str::to_owned);
        let site = &site;
        async move { site.send(Method::POST, address, token.as_deref(), &headers, body).await }
    };
    send(None, vec![media_type], "0000".to_owned()).await.expect(401);
    assert_eq!(send(Some(&ada), vec![media_type], "0000".to_owned()).await.expect(200).body, "");
    send(Some(&ada), vec![("content-type", "text/plain")], "0000".to_owned()).await.expect(400);

    // A deletion needs no pack.
    let line = |name: &str| {
        let text = format!("{commit} {} {name}\0 report-status", "0".repeat(40));
        format!("{:04x}{text}0000", text.len() + 4)
    };
    let answer = send(Some(&eve), vec![media_type], line("refs/heads/main")).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/x-git-receive-pack-result");
    assert!(text(&answer).contains("ng refs/heads/main permission denied"), "{}", text(&answer));
    let answer = send(Some(&ada), vec![media_type], line("refs/heads/main")).await.expect(200);
    assert!(text(&answer).contains("ng refs/heads/main deletion prohibited"), "{}", text(&answer));
    let answer = send(Some(&ada), vec![media_type], "0006x\n0000".to_owned()).await.expect(200);
    assert!(text(&answer).contains("ERR protocol error: expected old/new/ref"), "{}", text(&answer));
}
