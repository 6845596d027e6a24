//! Members of an organisation and its resource groups, managed by its administrators.

use http::Method;
use lyceum_core::AccountName;
use lyceum_hub::{NewOrganisation, Role};
use serde_json::json;

use super::server::Server;

/// A served hub whose user administers `lab`.
async fn lab() -> Server {
    let server = Server::start().await;
    let org = NewOrganisation { name: "lab".to_owned(), full_name: None, private_by_default: true };
    server.hub.create_organisation(org).await.unwrap();
    let name = |name| AccountName::parse(name).unwrap();
    server.hub.add_member(&name("lab"), &name("julien"), Role::Admin).await.unwrap();
    server
}

#[tokio::test]
async fn administrators_manage_members() {
    let server = lab().await;
    let members = "/api/organizations/lab/members";
    server.post(members, json!({ "user": "other", "role": "boss" })).await.expect(400);
    server.post(members, json!({ "user": "nobody", "role": "read" })).await.expect(404);
    server.post(members, json!({ "user": "other", "role": "read" })).await.expect(200);
    let secret = json!({ "name": "secret", "organization": "lab" });
    server.post("/api/repos/create", secret).await.expect(200);
    let repo = "/api/models/lab/secret";
    server.get_as_other(repo).await.expect(200);
    server.get_as_other(&format!("{repo}/auth-check/write")).await.expect(403);

    let role = "/api/organizations/lab/members/other/role";
    server.json(Method::PUT, role, json!({ "role": "write" })).await.expect(200);
    server.get_as_other(&format!("{repo}/auth-check/write")).await.expect(200);
    let token = Some(server.other.token.as_str());
    let body = json!({ "role": "admin" }).to_string();
    server.send(Method::PUT, role, token, &[], body).await.expect(403);

    // The last administrator stays one; with another he may go.
    let own = "/api/organizations/lab/members/julien";
    server.json(Method::DELETE, own, json!({})).await.expect(409);
    let demoted = json!({ "role": "read" });
    server.json(Method::PUT, &format!("{own}/role"), demoted).await.expect(409);
    server.json(Method::PUT, role, json!({ "role": "admin" })).await.expect(200);
    server.json(Method::DELETE, own, json!({})).await.expect(200);
    server.get(repo).await.expect(404);
    server.post(members, json!({ "user": "julien", "role": "read" })).await.expect(403);
}

#[tokio::test]
async fn in_a_resource_group_only_its_members_count() {
    let server = lab().await;
    let members = "/api/organizations/lab/members";
    server.post(members, json!({ "user": "other", "role": "write" })).await.expect(200);
    let groups = "/api/organizations/lab/resource-groups";
    server.post(groups, json!({ "name": " " })).await.expect(400);
    let group = server.post(groups, json!({ "name": "Vision" })).await.expect(200).json();
    server.post(groups, json!({ "name": "vision" })).await.expect(409);
    let id = group["id"].as_str().unwrap().to_owned();

    let inside = json!({ "name": "inside", "organization": "lab", "resourceGroupId": id });
    server.post("/api/repos/create", inside).await.expect(200);
    let lost = json!({ "name": "lost", "organization": "lab", "resourceGroupId": "999" });
    server.post("/api/repos/create", lost).await.expect(404);
    let own = json!({ "name": "own", "resourceGroupId": id });
    server.post("/api/repos/create", own).await.expect(403);
    let repo = "/api/models/lab/inside";
    server.get_as_other(repo).await.expect(404);
    let listed = server.get_as_other("/api/models?author=lab").await.expect(200).json();
    assert_eq!(listed, json!([]), "a list shows no more than the repo's page");
    assert_eq!(server.get_as_other(groups).await.expect(200).json(), json!([]));
    server.get_as_other(&format!("{groups}/{id}")).await.expect(404);

    let users = format!("{groups}/{id}/users");
    server.post(&users, json!({ "users": [{ "user": "other", "role": "contributor" }] })).await.expect(200);
    let info = server.get_as_other(&format!("{repo}?expand=resourceGroup")).await.expect(200).json();
    assert_eq!(info["resourceGroup"], json!({ "id": id, "name": "Vision", "numUsers": 1 }));
    server.get_as_other(&format!("{repo}/auth-check/write")).await.expect(403);
    let whole = server.get(&format!("{groups}/{id}")).await.expect(200).json();
    assert_eq!(whole["users"], json!([{ "user": "other", "role": "contributor" }]));
    assert_eq!(whole["repos"], json!([{ "type": "model", "name": "lab/inside" }]));
    server.json(Method::DELETE, &format!("{groups}/{id}"), json!({})).await.expect(409);

    server.json(Method::DELETE, &format!("{users}/other"), json!({})).await.expect(200);
    server.json(Method::DELETE, &format!("{users}/other"), json!({})).await.expect(404);
    server.get_as_other(repo).await.expect(404);
    let out = json!({ "resourceGroupId": null });
    server.post(&format!("{repo}/resource-group"), out).await.expect(200);
    server.get_as_other(&format!("{repo}/auth-check/write")).await.expect(200);
    server.json(Method::DELETE, &format!("{groups}/{id}"), json!({})).await.expect(200);
}

#[tokio::test]
async fn strangers_see_no_groups() {
    let server = lab().await;
    let groups = "/api/organizations/lab/resource-groups";
    let made = server.post(groups, json!({ "name": "Vision" })).await.expect(200).json();
    let public =
        json!({ "name": "p", "organization": "lab", "visibility": "public", "resourceGroupId": made["id"] });
    server.post("/api/repos/create", public).await.expect(200);
    server.get_as_other(groups).await.expect(403);
    server.get_anonymously(groups).await.expect(401);
    let info = server.get_as_other("/api/models/lab/p?expand=resourceGroup").await.expect(200).json();
    assert!(info.get("resourceGroup").is_none(), "{info}");
    assert!(server.get_anonymously("/api/models/lab/p/resource-group").await.expect(200).json().is_null());
}
