//! Info, lists and trees.

use http::Method;
use serde_json::{Value, json};

use super::server::{ExpectError as _, Server};

fn paths(entries: &Value) -> Vec<&str> {
    entries.as_array().expect("list").iter().map(|entry| entry["path"].as_str().expect("text")).collect()
}

#[tokio::test]
async fn info_is_whole_or_by_property() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.commit(&id, &[("config.json", "{}")]).await.expect(200);
    let info = server.get("/api/models/julien/m").await.expect(200).json();
    assert_eq!((&info["id"], &info["modelId"]), (&json!("julien/m"), &json!("julien/m")));
    assert_eq!(info["siblings"], json!([{ "rfilename": ".gitattributes" }, { "rfilename": "config.json" }]));
    assert!(info["createdAt"].as_str().expect("text").ends_with('Z'));
    assert!(info.get("securityRepoStatus").is_none());
    let info = server.get("/api/models/julien/m/revision/main?blobs=true&securityStatus=true").await;
    let info = info.expect(200).json();
    assert_eq!(
        (&info["siblings"][1]["size"], &info["securityRepoStatus"]["scansDone"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(info["siblings"][1]["blobId"].as_str().map(str::len), Some(40));
    let info = server.get("/api/models/julien/m?expand=sha&expand=likes").await.expect(200).json();
    let mut keys: Vec<&str> = info.as_object().expect("object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["_id", "id", "likes", "modelId", "sha"]);
    let error = server.get("/api/models/julien/m?expand=citation").await.expect_error(400, "");
    assert!(error.json()["error"].as_str().expect("text").contains("safetensors"));
    server.get("/api/models/julien/m/revision/none").await.expect_error(404, "RevisionNotFound");
    server.get("/api/datasets/julien/m").await.expect_error(404, "RepoNotFound");
    server.send(Method::HEAD, "/api/models/julien/m", None, &[], "").await.expect(200);
}

#[tokio::test]
async fn trees_list_folders_and_all_below() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.commit(&id, &[("a/b/c.txt", "1"), ("a/d.txt", "22"), ("e.txt", "333")]).await.expect(200);
    let tree = server.get("/api/models/julien/m/tree/main").await.expect(200).json();
    assert_eq!(paths(&tree), [".gitattributes", "a", "e.txt"]);
    assert_eq!(
        (&tree[1]["type"], &tree[2]["type"], &tree[2]["size"]),
        (&json!("directory"), &json!("file"), &json!(3))
    );
    assert!(tree[2].get("lastCommit").is_none());
    for path in ["tree/main/a", "tree/main/a/"] {
        let tree = server.get(&format!("/api/models/julien/m/{path}")).await.expect(200).json();
        assert_eq!(paths(&tree), ["a/b", "a/d.txt"]);
    }
    for path in ["tree/main/a%2Fb", "tree/main/a/b?recursive=true", "tree/refs%2Fheads%2Fmain/a%2Fb"] {
        let tree = server.get(&format!("/api/models/julien/m/{path}")).await.expect(200).json();
        assert_eq!(paths(&tree), ["a/b/c.txt"]);
    }
    let tree =
        server.get("/api/models/julien/m/tree/main?recursive=true&expand=true").await.expect(200).json();
    assert_eq!(paths(&tree), [".gitattributes", "a", "a/b", "a/b/c.txt", "a/d.txt", "e.txt"]);
    assert_eq!(tree[1]["lastCommit"]["title"], "Change");
    server.get("/api/models/julien/m/tree/main/none").await.expect_error(404, "EntryNotFound");
    server.get("/api/models/julien/m/tree/none").await.expect_error(404, "RevisionNotFound");
    server.get("/api/models/julien/m/tree/a%20b").await.expect_error(404, "RevisionNotFound");
    server.get("/api/models/julien/m/tree/main/a%2F..%2Fb").await.expect_error(400, "");
    server.get("/api/models/julien/m/tree/main/%FF").await.expect_error(400, "");
    server.get("/api/models/julien/m/tree/main?recursive=maybe").await.expect_error(400, "");
}

#[tokio::test]
async fn pages_of_a_tree_follow_absolute_links() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.commit(&id, &[("a", "1"), ("b", "2"), ("c/d", "3"), ("e", "4")]).await.expect(200);
    let mut next = "/api/models/julien/m/tree/main?recursive=true&limit=2".to_owned();
    let mut seen = Vec::new();
    while !next.is_empty() {
        let page = server.get(&next).await.expect(200);
        seen.extend(paths(&page.json()).into_iter().map(str::to_owned));
        assert!(seen.len() <= 6, "{seen:?}");
        let link = page.header("link");
        next = link.split_once("http://hub.test").map_or("", |(_, rest)| rest).to_owned();
        next = next.split('>').next().unwrap_or_default().to_owned();
        assert!(next.is_empty() || next.contains("recursive=true&limit=2&cursor="), "{link}");
    }
    assert_eq!(seen, [".gitattributes", "a", "b", "c", "c/d", "e"]);
}

#[tokio::test]
async fn paths_info_leaves_out_what_is_missing() {
    let server = Server::start().await;
    let id = server.model("m").await;
    server.commit(&id, &[("a/b.txt", "1")]).await.expect(200);
    let path = "/api/models/julien/m/paths-info/main";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = "paths=a&paths=a%2Fb.txt&paths=none&expand=False";
    let found = server.send(Method::POST, path, None, &form, body).await.expect(200).json();
    assert_eq!(paths(&found), ["a", "a/b.txt"]);
    let found = server.post(path, json!({ "paths": ["a"], "expand": true })).await.expect(200).json();
    assert_eq!(found[0]["lastCommit"]["title"], "Change");
    let many = "paths=a&".repeat(1001);
    server.send(Method::POST, path, None, &form, many).await.expect_error(413, "");
    let none = "/api/models/julien/m/paths-info/none";
    server.send(Method::POST, none, None, &form, "paths=a").await.expect_error(404, "RevisionNotFound");
}

#[tokio::test]
async fn lists_show_what_the_caller_may_see() {
    let server = Server::start().await;
    for (name, private) in [("one", false), ("two", true), ("three", false)] {
        let body = json!({ "name": name, "organization": null, "private": private });
        server.post("/api/repos/create", body).await.expect(200);
    }
    server.hub.advance_seconds(60);
    server.hub.run_due_jobs().await.expect("jobs run");
    let ids = |list: &Value| -> Vec<String> {
        let mut ids: Vec<String> = list
            .as_array()
            .expect("list")
            .iter()
            .map(|repo| repo["id"].as_str().expect("text").to_owned())
            .collect();
        ids.sort_unstable();
        ids
    };
    let mine = server.get("/api/models?author=julien").await.expect(200).json();
    assert_eq!(ids(&mine), ["julien/one", "julien/three", "julien/two"]);
    let public = server.get_anonymously("/api/models?author=julien&sort=createdAt").await.expect(200).json();
    assert_eq!(ids(&public), ["julien/one", "julien/three"]);
    let found = server.get("/api/models?search=thr&full=true").await.expect(200).json();
    assert_eq!(ids(&found), ["julien/three"]);
    assert!(found[0]["siblings"].is_array());
    assert_eq!(ids(&server.get("/api/datasets").await.expect(200).json()), [""; 0]);
    let page = server.get("/api/models?author=julien&sort=createdAt&limit=2").await.expect(200);
    assert_eq!(page.json().as_array().map(Vec::len), Some(2));
    let link = page.header("link");
    assert!(
        link.starts_with("<http://hub.test/api/models?author=julien&sort=createdAt&limit=2&cursor="),
        "{link}"
    );
    let next = link.trim_start_matches("<http://hub.test").split('>').next().expect("address");
    assert_eq!(server.get(next).await.expect(200).json().as_array().map(Vec::len), Some(1));
    server.get("/api/models?sort=name").await.expect_error(400, "");
    server.get("/api/models?expand=none").await.expect_error(400, "");
    assert!(server.get("/api/models-tags-by-type").await.expect(200).json().is_object());
}

#[tokio::test]
async fn storage_lists_every_kind_of_the_caller() {
    let server = Server::start().await;
    for (name, kind) in [("m", "model"), ("d", "dataset"), ("s", "space"), ("k", "kernel")] {
        let body =
            json!({ "name": name, "organization": null, "type": kind, "sdk": "static", "private": true });
        server.post("/api/repos/create", body).await.expect(200);
    }
    let whole = server.get("/api/settings/repositories").await.expect(200).json();
    assert_eq!(whole.as_array().map(Vec::len), Some(4));
    assert_eq!((&whole[0]["id"], &whole[0]["visibility"]), (&json!("julien/m"), &json!("private")));
    let mut next = "/api/settings/repositories?limit=1".to_owned();
    let mut kinds = Vec::new();
    while !next.is_empty() && kinds.len() <= 4 {
        let page = server.get(&next).await.expect(200);
        kinds.extend(page.json().as_array().expect("list").iter().map(|repo| repo["type"].clone()));
        let link = page.header("link");
        next = link.trim_start_matches("<http://hub.test").split('>').next().unwrap_or_default().to_owned();
    }
    assert_eq!(kinds, ["model", "dataset", "space", "kernel"]);
    server.get_anonymously("/api/settings/repositories").await.expect_error(401, "");
    server.get("/api/organizations/none/settings/repositories").await.expect_error(403, "");
}

#[tokio::test]
async fn the_catalogue_of_tags_groups_and_counts_what_is_public() {
    let server = Server::start().await;
    for (name, license) in [("one", "mit"), ("two", "mit"), ("three", "apache-2.0")] {
        let id = server.model(name).await;
        let card = format!("---\nlicense: {license}\npipeline_tag: text-generation\ntags:\n- rust\n---\n");
        server.commit(&id, &[("README.md", &card)]).await.expect(200);
    }
    server.json(Method::PUT, "/api/models/julien/two/settings", json!({ "private": true })).await.expect(200);
    server.hub.advance_seconds(1);
    server.hub.run_due_jobs().await.expect("jobs run");
    let tags = server.get_anonymously("/api/models-tags-by-type").await.expect(200).json();
    let entry = |id: &str, label: &str, kind: &str, count: u64| json!({ "id": id, "label": label, "type": kind, "count": count });
    assert_eq!(
        tags["license"],
        json!([
            entry("license:apache-2.0", "apache-2.0", "license", 1),
            entry("license:mit", "mit", "license", 1)
        ])
    );
    assert_eq!(tags["pipeline_tag"], json!([entry("text-generation", "text-generation", "pipeline_tag", 2)]));
    assert_eq!(tags["other"], json!([entry("rust", "rust", "other", 2)]));

    // Counted once a minute.
    server.json(Method::PUT, "/api/models/julien/one/settings", json!({ "private": true })).await.expect(200);
    let again = server.get_anonymously("/api/models-tags-by-type").await.expect(200).json();
    assert_eq!(again, tags);
    server.hub.advance_seconds(60);
    let later = server.get_anonymously("/api/models-tags-by-type").await.expect(200).json();
    assert_eq!(later["license"].as_array().map(Vec::len), Some(1));
}
