//! Webhooks: the surface. What is sent, to whom and when is tested where it is decided.

use http::Method;
use lyceum_core::AccountName;
use lyceum_hub::{NewToken, TokenRole};
use serde_json::{Value, json};

use super::server::{ExpectError as _, Server};

const WEBHOOKS: &str = "/api/settings/webhooks";

fn settings() -> Value {
    json!({
        "url": "https://example.org/hook",
        "watched": [{ "type": "user", "name": "nobody-yet" }, { "type": "dataset", "name": "julien/d" }],
        "domains": ["repo", "discussion"],
        "secret": "hush",
    })
}

#[tokio::test]
async fn webhooks_are_made_changed_and_deleted() {
    let server = Server::start().await;
    let made = server.post(WEBHOOKS, settings()).await.expect(200).json()["webhook"].clone();
    assert_eq!(made["id"].as_str().map(str::len), Some(24));
    let address = format!("{WEBHOOKS}/{}", made["id"].as_str().expect("an id"));
    let expected = json!({
        "id": made["id"],
        "url": "https://example.org/hook",
        "watched": settings()["watched"],
        "domains": ["repo", "discussion"],
        "secret": "hush",
        "disabled": false,
    });
    assert_eq!(made, expected);
    assert_eq!(server.get(&address).await.expect(200).json(), json!({ "webhook": expected }));
    assert_eq!(server.get(WEBHOOKS).await.expect(200).json(), json!([expected]));
    // As the clients change one thing: an empty list leaves what is watched.
    let change = json!({ "watched": [], "url": "https://example.org/new", "domains": ["discussion"] });
    let changed = server.post(&address, change).await.expect(200).json()["webhook"].clone();
    assert_eq!(
        [&changed["url"], &changed["domains"], &changed["watched"], &changed["secret"]],
        [&json!("https://example.org/new"), &json!(["discussion"]), &expected["watched"], &json!("hush")]
    );
    for (action, disabled) in [("disable", true), ("enable", false)] {
        let answer = server.post(&format!("{address}/{action}"), json!(null)).await.expect(200).json();
        assert_eq!(answer["webhook"]["disabled"], disabled);
    }
    server.json(Method::DELETE, &address, json!(null)).await.expect(200);
    server.json(Method::DELETE, &address, json!(null)).await.expect_error(404, "");
    assert_eq!(server.get(WEBHOOKS).await.json(), json!([]));
}

#[tokio::test]
async fn secrets_are_for_those_who_may_change_them() {
    let server = Server::start().await;
    let made = server.post(WEBHOOKS, settings()).await.expect(200).json();
    let address = format!("{WEBHOOKS}/{}", made["webhook"]["id"].as_str().expect("an id"));
    let token = NewToken { name: "reader".to_owned(), role: TokenRole::Read, value: None };
    let token = server.hub.create_token(&AccountName::parse("julien").unwrap(), token).await.unwrap();
    for path in [WEBHOOKS, &address] {
        let answer = server.send(Method::GET, path, Some(&token), &[], "").await.expect(200);
        assert!(!String::from_utf8_lossy(&answer.body).contains("hush"), "{answer:?}");
    }
    server.send(Method::DELETE, &address, Some(&token), &[], "").await.expect_error(403, "");
    let (foreign, missing) =
        (server.get_as_other(&address).await, server.get_as_other(&format!("{WEBHOOKS}/{:024x}", 999)).await);
    assert_eq!((foreign.status, missing.status), (404.try_into().unwrap(), 404.try_into().unwrap()));
    server.get_anonymously(WEBHOOKS).await.expect_error(401, "");
}

#[tokio::test]
async fn bad_webhooks_are_refused() {
    let server = Server::start().await;
    let with = |key: &str, value: Value| {
        let mut settings = settings();
        settings[key] = value;
        settings
    };
    for (body, word) in [
        (json!({ "watched": [] }), "url"),
        (with("url", json!("http://169.254.169.254/")), "link-local"),
        (with("url", json!("gopher://example.org/")), "https"),
        (with("domains", json!(["weather"])), "domains"),
        (with("domains", json!([])), "domains"),
        (with("watched", json!([{ "type": "song", "name": "a/b" }])), "song"),
        (with("watched", json!([{ "type": "model", "name": "bare" }])), "bare"),
        (with("jobSourceId", json!("abc")), "jobs"),
    ] {
        let error = server.post(WEBHOOKS, body).await.expect_error(400, "").json();
        assert!(error["error"].as_str().expect("text").contains(word), "{error}");
    }
    for id in ["1", "zzzzzzzzzzzzzzzzzzzzzzzz", "-00000000000000000000001", "ffffffffffffffffffffffff"] {
        server.get(&format!("{WEBHOOKS}/{id}")).await.expect_error(404, "");
    }
}

#[tokio::test]
async fn deliveries_are_listed_and_sent_again() {
    let server = Server::start().await;
    let watching =
        json!({ "url": "http://localhost:1/hook", "watched": [{ "type": "user", "name": "julien" }] });
    let made = server.post(WEBHOOKS, watching).await.expect(200).json();
    let address = format!("{WEBHOOKS}/{}", made["webhook"]["id"].as_str().expect("an id"));
    for name in ["a", "b"] {
        server.model(name).await;
    }
    server.hub.run_due_jobs().await.expect("jobs run");
    let first = server.get(&format!("{address}/deliveries?limit=1")).await.expect(200);
    let newest = first.json()[0].clone();
    assert_eq!(
        (&newest["state"], &newest["attempts"], &newest["status"]),
        (&json!("failed"), &json!(1), &json!(null))
    );
    assert!(newest["answer"].as_str().expect("a reason").contains("loopback"), "{newest}");
    assert_eq!(newest["payload"]["repo"]["name"], "julien/b");
    let next = first.header("link").split(['<', '>']).nth(1).expect("a next page").to_owned();
    assert_eq!(server.get(&next).await.json()[0]["payload"]["repo"]["name"], "julien/a");
    let replayed =
        server.post(&format!("{address}/replay/{}", newest["id"]), json!(null)).await.expect(200).json();
    assert_eq!((&replayed["state"], &replayed["payload"]), (&json!("pending"), &newest["payload"]));
    let log = server.get(&format!("{address}/deliveries")).await.expect(200).json();
    assert_eq!(log.as_array().map(Vec::len), Some(3));
    server.post(&format!("{address}/replay/999999"), json!(null)).await.expect_error(404, "");
    server.post(&format!("{address}/replay/x"), json!(null)).await.expect_error(404, "");
    server.get_as_other(&format!("{address}/deliveries")).await.expect_error(404, "");
}
