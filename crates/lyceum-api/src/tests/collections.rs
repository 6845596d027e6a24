//! Collections.

use http::Method;
use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{NewOrganisation, NewRepo, Role, Visibility};
use serde_json::{Value, json};

use super::server::{ExpectError as _, Server};
use crate::testing::Answer;

const COLLECTIONS: &str = "/api/collections";

async fn create(server: &Server, title: &str, private: bool) -> String {
    let body = json!({ "title": title, "namespace": "julien", "private": private });
    let made = server.post(COLLECTIONS, body).await.expect(200).json();
    format!("{COLLECTIONS}/{}", made["slug"].as_str().expect("a slug"))
}

async fn add(server: &Server, address: &str, kind: &str, id: &str) -> Answer {
    let item = json!({ "item": { "type": kind, "id": id }, "note": format!("see {id}") });
    server.post(&format!("{address}/items"), item).await
}

fn ids(collection: &Value) -> Vec<(&str, u64)> {
    let items = collection["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| (item["id"].as_str().expect("text"), item["position"].as_u64().expect("a place")))
        .collect()
}

async fn hidden_model(server: &Server) {
    let repo = NewRepo { visibility: Some(Visibility::Private), ..NewRepo::new(RepoKind::Model, "hidden") };
    server.hub.create_repo(&server.user.caller, repo).await.expect("a repo can be made");
}

#[tokio::test]
async fn a_title_is_unique_and_ids_outlive_titles() {
    let server = Server::start().await;
    let address = create(&server, "My cool stuff", false).await;
    assert!(address.starts_with("/api/collections/julien/my-cool-stuff-"), "{address}");
    let again = json!({ "title": "My cool stuff", "namespace": "julien", "private": true });
    let taken = server.post(COLLECTIONS, again).await.expect_error(409, "").json();
    assert_eq!(format!("{COLLECTIONS}/{}", taken["slug"].as_str().expect("a slug")), address);
    let change = json!({ "title": "Renamed", "description": "<b>raw</b>", "theme": "pink", "private": true, "position": 3 });
    let changed = server.json(Method::PATCH, &address, change).await.expect(200).json()["data"].clone();
    assert_eq!(
        [
            &changed["title"],
            &changed["description"],
            &changed["theme"],
            &changed["private"],
            &changed["position"]
        ],
        [&json!("Renamed"), &json!("<b>raw</b>"), &json!("pink"), &json!(true), &json!(3)]
    );
    let slug = changed["slug"].as_str().expect("a slug").to_owned();
    assert!(slug.starts_with("julien/renamed-"), "{slug}");
    assert_eq!(server.get(&address).await.expect(200).json()["slug"], slug.as_str());
    create(&server, "Another", false).await;
    let clash = json!({ "title": "Another" });
    server.json(Method::PATCH, &address, clash).await.expect_error(409, "");
    server.json(Method::DELETE, &address, json!(null)).await.expect(200);
    server.json(Method::DELETE, &address, json!(null)).await.expect_error(404, "");
}

#[tokio::test]
async fn bad_collections_are_refused_by_name() {
    let server = Server::start().await;
    let refused = async |body: Value, word: &str| {
        let error = server.post(COLLECTIONS, body).await.expect_error(400, "").json();
        assert!(error["error"].as_str().expect("text").contains(word), "{error}");
    };
    refused(json!({ "title": " " }), "title").await;
    refused(json!({ "title": "x".repeat(121) }), "title").await;
    refused(json!({ "title": "x", "description": "y".repeat(501) }), "description").await;
    refused(json!({ "title": "x", "resourceGroupId": "abc" }), "resource group").await;
    server.post(COLLECTIONS, json!({ "title": "x", "namespace": "other" })).await.expect_error(403, "");
    let address = create(&server, "One", false).await;
    for change in [json!({ "theme": "infra-red" }), json!({ "position": -1 })] {
        server.json(Method::PATCH, &address, change).await.expect_error(400, "");
    }
    let long = json!({ "item": { "type": "paper", "id": "2401.00001" }, "note": "x".repeat(501) });
    server.post(&format!("{address}/items"), long).await.expect_error(400, "");
    add(&server, &address, "song", "x").await.expect_error(400, "");
    add(&server, &address, "paper", "a b").await.expect_error(400, "");
    add(&server, &address, "model", "julien/missing").await.expect_error(404, "RepoNotFound");
    let own = address.trim_start_matches("/api/collections/");
    add(&server, &address, "collection", own).await.expect_error(400, "");
    let group = async |id: Value| {
        server.post(&format!("{address}/resource-group"), json!({ "resourceGroupId": id })).await
    };
    group(json!(null)).await.expect(200);
    group(json!("abc")).await.expect_error(400, "");
    for path in ["?sort=name", "?limit=x", "?cursor=x"] {
        server.get(&format!("{COLLECTIONS}{path}")).await.expect_error(400, "");
    }
}

#[tokio::test]
async fn items_keep_their_order_and_hide_what_is_hidden() {
    let server = Server::start().await;
    let (one, two) = (server.model("one").await.to_string(), server.model("two").await.to_string());
    hidden_model(&server).await;
    let nested = create(&server, "Nested", true).await;
    let nested = nested.trim_start_matches("/api/collections/").to_owned();
    let address = create(&server, "All", false).await;
    for (kind, id) in [
        ("model", one.as_str()),
        ("model", "julien/hidden"),
        ("collection", &nested),
        ("paper", "2401.00001"),
        ("model", &two),
    ] {
        add(&server, &address, kind, id).await.expect(200);
    }
    add(&server, &address, "model", "Julien/ONE").await.expect_error(409, "");
    let all = server.get(&address).await.json();
    let expected = [(&*one, 0), ("julien/hidden", 1), (&*nested, 2), ("2401.00001", 3), (&*two, 4)];
    assert_eq!(ids(&all), expected);
    assert_eq!(all["items"][0]["note"]["text"], format!("see {one}"));
    assert_eq!(all["items"][2]["slug"], nested.as_str());
    // What others may not read leaves no gap.
    let public = server.get_as_other(&address).await.json();
    assert_eq!(ids(&public), [(&*one, 0), ("2401.00001", 1), (&*two, 2)]);
    let listed = server.get_anonymously("/api/collections?owner=julien").await.expect(200).json();
    assert_eq!((ids(&listed[0]), listed.as_array().map(Vec::len)), (ids(&public), Some(1)));
    assert!(listed[0].get("position").is_none());

    let item =
        |index: usize| format!("{address}/items/{}", all["items"][index]["_id"].as_str().expect("an id"));
    let patch = async |index: usize, change: Value| server.json(Method::PATCH, &item(index), change).await;
    patch(0, json!({ "position": 3, "note": "" })).await.expect(200);
    patch(4, json!({ "position": 0, "note": "first" })).await.expect(200);
    let moved = server.get(&address).await.json();
    let order = [(&*two, 0), ("julien/hidden", 1), (&*nested, 2), ("2401.00001", 3), (&*one, 4)];
    assert_eq!(ids(&moved), order);
    assert_eq!((&moved["items"][0]["note"]["text"], moved["items"][4].get("note")), (&json!("first"), None));
    patch(1, json!({ "position": 99 })).await.expect(200);
    assert_eq!(ids(&server.get(&address).await.json())[4].0, "julien/hidden");
    server.json(Method::DELETE, &item(1), json!(null)).await.expect(200);
    server.json(Method::DELETE, &item(1), json!(null)).await.expect_error(404, "");
    patch(1, json!({ "note": "gone" })).await.expect_error(404, "");
    // A deleted repo takes its item along.
    server.json(Method::DELETE, "/api/repos/delete", json!({ "name": "two" })).await.expect(200);
    assert_eq!(ids(&server.get(&address).await.json()), [(&*nested, 0), ("2401.00001", 1), (&*one, 2)]);
}

#[tokio::test]
async fn hidden_collections_are_as_missing_ones() {
    let server = Server::start().await;
    let address = create(&server, "Secret", true).await;
    let missing = format!("{}0000", &address[..address.len() - 4]);
    let other = Some(server.other.token.as_str());
    for (method, path, body) in [
        (Method::GET, "", ""),
        (Method::PATCH, "", "{}"),
        (Method::DELETE, "", ""),
        (Method::POST, "/items", r#"{"item":{"type":"paper","id":"2401.00001"}}"#),
        (Method::POST, "/upvote", ""),
        (Method::DELETE, "/upvote", ""),
        (Method::DELETE, "/items/0123456789abcdef01234567", ""),
    ] {
        let answer = async |address: &str| {
            server.send(method.clone(), &format!("{address}{path}"), other, &[], body.to_owned()).await
        };
        let (hidden, missing) = (answer(&address).await.expect_error(404, ""), answer(&missing).await);
        assert_eq!((hidden.status, &hidden.body), (missing.status, &missing.body), "{method} {path}");
    }
    server.get_anonymously(&address).await.expect_error(404, "");
    assert_eq!(server.get_as_other("/api/collections?owner=julien").await.json(), json!([]));
    // Seen by all, changed by the owner alone.
    server.json(Method::PATCH, &address, json!({ "private": false })).await.expect(200);
    server.get_anonymously(&address).await.expect(200);
    let delete = |token| server.send(Method::DELETE, &address, token, &[], "");
    delete(other).await.expect_error(403, "");
    delete(None).await.expect_error(401, "");
}

#[tokio::test]
async fn organisations_share_collections() {
    let server = Server::start().await;
    let acme = NewOrganisation { name: "acme".to_owned(), full_name: None, private_by_default: false };
    server.hub.create_organisation(acme).await.expect("an organisation can be made");
    let name = |name: &str| AccountName::parse(name).expect("a valid name");
    let member = |user: &'static str, role| async move { (name("acme"), name(user), role) };
    for (org, user, role) in [member("julien", Role::Write).await, member("other", Role::Read).await] {
        server.hub.add_member(&org, &user, role).await.expect("a member can be added");
    }
    let body = json!({ "title": "Ours", "namespace": "acme", "private": true });
    let made = server.post(COLLECTIONS, body.clone()).await.expect(200).json();
    assert_eq!((&made["owner"]["name"], &made["owner"]["type"]), (&json!("acme"), &json!("org")));
    let address = format!("{COLLECTIONS}/{}", made["slug"].as_str().expect("a slug"));
    server.get_as_other(&address).await.expect(200);
    let other = Some(server.other.token.as_str());
    server.send(Method::DELETE, &address, other, &[], "").await.expect_error(403, "");
    server.send(Method::POST, COLLECTIONS, other, &[], body.to_string()).await.expect_error(403, "");
    server.get_anonymously(&address).await.expect_error(404, "");
}

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let server = Server::start().await;
    let model = server.model("one").await.to_string();
    hidden_model(&server).await;
    let mut addresses = Vec::new();
    for title in ["First", "Second", "Third"] {
        server.hub.advance_seconds(1);
        addresses.push(create(&server, title, false).await);
    }
    add(&server, &addresses[0], "model", &model).await.expect(200);
    add(&server, &addresses[1], "model", "julien/hidden").await.expect(200);
    let other = Some(server.other.token.as_str());
    let upvote =
        async |method| server.send(method, &format!("{}/upvote", addresses[2]), other, &[], "").await;
    for _ in 0..2 {
        let voted = upvote(Method::POST).await.expect(200).json();
        assert_eq!((&voted["upvotes"], &voted["isUpvotedByUser"]), (&json!(1), &json!(true)));
    }
    let titles = async |query: &str| {
        let list = server.get_as_other(&format!("{COLLECTIONS}{query}")).await.expect(200).json();
        let titles =
            list.as_array().expect("list").iter().map(|one| one["title"].as_str().expect("text").to_owned());
        titles.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(titles("?sort=upvotes&limit=1").await, "Third");
    assert_eq!(titles("?item=models/julien/one&item=papers/2401.00001").await, "First");
    assert_eq!(titles("?item=models/julien/hidden").await, "");
    assert_eq!(titles("?item=models/julien/missing").await, "");
    assert_eq!(titles("?owner=nobody").await, "");
    assert_eq!(titles("?owner=a--b").await, "");
    assert_eq!(titles("?q=IRS").await, "First");
    let (mut next, mut seen) = (Some(format!("{COLLECTIONS}?owner=julien&owner=other&limit=1")), Vec::new());
    while let Some(address) = next {
        let page = server.get(&address).await.expect(200);
        let list = page.json();
        seen.extend(
            list.as_array().expect("list").iter().map(|one| one["title"].as_str().expect("text").to_owned()),
        );
        next = page.header("link").split(['<', '>']).nth(1).map(str::to_owned);
    }
    seen.sort();
    assert_eq!(seen, ["First", "Second", "Third"]);
    assert_eq!(server.get("/api/users/julien/overview").await.json()["numUpvotes"], 1);
    assert_eq!(upvote(Method::DELETE).await.expect(200).json()["upvotes"], 0);
}
