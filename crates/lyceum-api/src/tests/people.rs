//! Likes, followers and overviews.

use http::Method;
use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{NewOrganisation, NewRepo, Role, Visibility};
use serde_json::{Value, json};

use super::server::{ExpectError as _, Server};

fn names<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().expect("list").iter().map(|entry| entry[key].as_str().expect("text")).collect()
}

async fn private_model(server: &Server, name: &str) {
    let repo = NewRepo { visibility: Some(Visibility::Private), ..NewRepo::new(RepoKind::Model, name) };
    server.hub.create_repo(&server.user.caller, repo).await.expect("a repo can be made");
}

#[tokio::test]
async fn likes_count_once_and_hide_private_repos() {
    let server = Server::start().await;
    server.model("open").await;
    private_model(&server, "hidden").await;
    let like = |method, path: &'static str| server.json(method, path, json!(null));
    for _ in 0..2 {
        like(Method::POST, "/api/models/julien/open/like").await.expect(200);
    }
    server.hub.advance_seconds(1);
    like(Method::POST, "/api/models/julien/hidden/like").await.expect(200);
    let info = server.get("/api/models/julien/open").await.json();
    assert_eq!(info["likes"], 1);
    let likers = server.get_anonymously("/api/models/julien/open/likers").await.expect(200).json();
    assert_eq!(names(&likers, "user"), ["julien"]);
    let mine = server.get("/api/users/julien/likes").await.expect(200).json();
    assert_eq!(mine[0]["repo"], json!({ "name": "julien/hidden", "type": "model" }));
    assert_eq!(mine.as_array().map(Vec::len), Some(2));
    let public = server.get_as_other("/api/users/julien/likes").await.expect(200).json();
    assert_eq!(public.as_array().map(Vec::len), Some(1));
    assert_eq!(public, server.get_anonymously("/api/users/julien/likes").await.json());
    // A page at a time, with the address of the next one.
    let first = server.get("/api/users/julien/likes?limit=1").await.expect(200);
    let next = first.header("link").split(['<', '>']).nth(1).expect("a next page").to_owned();
    assert_eq!(server.get(&next).await.json(), json!([mine[1]]));
    for _ in 0..2 {
        like(Method::DELETE, "/api/models/julien/open/like").await.expect(200);
    }
    assert_eq!(server.get("/api/models/julien/open").await.json()["likes"], 0);
}

#[tokio::test]
async fn likes_need_a_user_and_a_visible_repo() {
    let server = Server::start().await;
    server.model("open").await;
    private_model(&server, "hidden").await;
    let send = |path: &'static str, token| server.send(Method::POST, path, token, &[], "");
    let other = Some(server.other.token.as_str());
    send("/api/models/julien/open/like", None).await.expect_error(401, "");
    let hidden = send("/api/models/julien/hidden/like", other).await.expect_error(404, "RepoNotFound");
    let missing = send("/api/models/julien/missing/like", other).await.expect_error(404, "RepoNotFound");
    assert_eq!(hidden.body, missing.body);
    server.get_as_other("/api/models/julien/hidden/likers").await.expect_error(404, "RepoNotFound");
    server.json(Method::DELETE, "/api/models/bare/like", json!(null)).await.expect_error(404, "RepoNotFound");
    server.get("/api/users/nobody/likes").await.expect_error(404, "");
}

#[tokio::test]
async fn people_follow_people_and_organisations() {
    let server = Server::start().await;
    let acme = NewOrganisation { name: "acme".to_owned(), full_name: None, private_by_default: false };
    server.hub.create_organisation(acme).await.expect("an organisation can be made");
    let name = |name: &str| AccountName::parse(name).expect("a valid name");
    server.hub.add_member(&name("acme"), &name("other"), Role::Admin).await.expect("a member can be added");
    for path in ["/api/users/other/follow", "/api/users/Other/follow", "/api/organizations/acme/follow"] {
        server.post(path, json!(null)).await.expect(200);
    }
    server.post("/api/users/julien/follow", json!(null)).await.expect_error(400, "");
    server.post("/api/users/acme/follow", json!(null)).await.expect_error(404, "");
    server.send(Method::POST, "/api/users/other/follow", None, &[], "").await.expect_error(401, "");
    let list = |path: &'static str| async { server.get(path).await.expect(200).json() };
    let followers = list("/api/users/other/followers").await;
    assert_eq!(followers[0]["user"], "julien");
    assert_eq!(followers[0]["isFollowing"], false);
    assert_eq!(names(&list("/api/users/julien/following").await, "user"), ["other", "acme"]);
    assert_eq!(names(&list("/api/organizations/acme/followers").await, "user"), ["julien"]);
    let members = list("/api/organizations/acme/members").await;
    assert_eq!((names(&members, "user"), &members[0]["isFollowing"]), (vec!["other"], &json!(true)));
    let page = server.get("/api/users/julien/following?limit=1").await.expect(200);
    assert_eq!(names(&page.json(), "user"), ["other"]);
    let next = page.header("link").split(['<', '>']).nth(1).expect("a next page").to_owned();
    assert_eq!(names(&server.get(&next).await.json(), "name"), ["acme"]);
    server.get("/api/users/julien/following?cursor=x").await.expect_error(400, "");
    server.json(Method::DELETE, "/api/users/other/follow", json!(null)).await.expect(200);
    assert_eq!(list("/api/users/other/followers").await, json!([]));
}

#[tokio::test]
async fn overviews_count_what_the_caller_may_see() {
    let server = Server::start().await;
    let acme = NewOrganisation { name: "acme".to_owned(), full_name: None, private_by_default: false };
    server.hub.create_organisation(acme).await.expect("an organisation can be made");
    let name = |name: &str| AccountName::parse(name).expect("a valid name");
    server.hub.add_member(&name("acme"), &name("julien"), Role::Admin).await.expect("a member can be added");
    server.model("open").await;
    private_model(&server, "hidden").await;
    for path in
        ["/api/models/julien/hidden/like", "/api/users/other/follow", "/api/organizations/acme/follow"]
    {
        server.post(path, json!(null)).await.expect(200);
    }
    let opened = json!({ "title": "A question", "description": "?", "pullRequest": false });
    for repo in ["open", "hidden"] {
        server.post(&format!("/api/models/julien/{repo}/discussions"), opened.clone()).await.expect(200);
    }
    let counts = |overview: &Value| {
        ["numModels", "numDatasets", "numLikes", "numDiscussions", "numFollowing", "numFollowers"]
            .map(|key| overview[key].as_u64().expect("a number"))
    };
    let mine = server.get("/api/users/julien/overview").await.expect(200).json();
    assert_eq!(counts(&mine), [2, 0, 1, 2, 2, 0]);
    assert_eq!(names(&mine["orgs"], "name"), ["acme"]);
    let theirs = server.get_as_other("/api/users/julien/overview").await.expect(200).json();
    assert_eq!(counts(&theirs), [1, 0, 0, 1, 2, 0]);
    assert_eq!((&theirs["isFollowing"], &theirs["type"]), (&json!(false), &json!("user")));
    let acme = server.get("/api/organizations/acme/overview").await.expect(200).json();
    assert_eq!(
        (&acme["numUsers"], &acme["numFollowers"], &acme["isFollowing"]),
        (&json!(1), &json!(1), &json!(true))
    );
    assert!(
        server.get_anonymously("/api/organizations/acme/overview").await.json().get("isFollowing").is_none()
    );
    for path in ["/api/users/acme/overview", "/api/organizations/julien/overview", "/api/users/a--b/overview"]
    {
        server.get(path).await.expect_error(404, "");
    }
}

#[tokio::test]
async fn the_search_box_finds_what_the_caller_may_see() {
    let server = Server::start().await;
    let acme = NewOrganisation { name: "Julia-Lab".to_owned(), full_name: None, private_by_default: false };
    server.hub.create_organisation(acme).await.expect("an organisation can be made");
    server.model("big-bert").await;
    private_model(&server, "small-bert").await;
    server.hub.repo(&server.user.caller, RepoKind::Dataset, "bert-data").await;
    server.post("/api/collections", json!({ "title": "All of Bert" })).await.expect(200);
    let found = server.get_as_other("/api/quicksearch?q=BERT").await.expect(200).json();
    assert_eq!(names(&found["models"], "id"), ["julien/big-bert"]);
    assert_eq!(names(&found["datasets"], "id"), ["julien/bert-data"]);
    assert_eq!(names(&found["collections"], "title"), ["All of Bert"]);
    assert_eq!((&found["users"], &found["q"]), (&json!([]), &json!("BERT")));
    let own = server.get("/api/quicksearch?q=small&type=model").await.expect(200).json();
    assert_eq!(names(&own["models"], "id"), ["julien/small-bert"]);
    let people = server.get_anonymously("/api/quicksearch?q=jul&type=user&type=org").await.expect(200).json();
    assert_eq!(
        (names(&people["users"], "user"), names(&people["orgs"], "name")),
        (vec!["julien"], vec!["Julia-Lab"])
    );
    assert_eq!(people["models"], json!([]));
    let first = server.get("/api/quicksearch?q=&type=model&limit=1").await.expect(200).json();
    assert_eq!(first["models"].as_array().map(Vec::len), Some(1));
    let long = format!("/api/quicksearch?q={}", "x".repeat(257));
    for path in ["/api/quicksearch?type=song", "/api/quicksearch?limit=x", &long] {
        server.get(path).await.expect_error(400, "");
    }
}
