//! Large files in parts, as the script of the upload page sends them.

use axum::body::Body;
use http::Request;
use http::header::COOKIE;
use http_body_util::BodyExt as _;
use lyceum_core::{RepoId, RepoKind, RepoPath, Revision};
use lyceum_hub::Action;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;

use super::TestSite;
use super::community::{form_token, shows};

/// Bytes of a part but the last.
const PART_BYTES: usize = 16 << 20;

/// Sends a part and returns the status.
async fn put(site: &TestSite, path: &str, cookie: &str, token: &str, grant: &str, part: &[u8]) -> u16 {
    let request = Request::put(path)
        .header(COOKIE, cookie)
        .header("x-form-token", token)
        .header("x-upload-grant", grant)
        .header("content-length", part.len())
        .body(Body::from(part.to_vec()))
        .unwrap();
    let response = site.router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    response.into_body().collect().await.unwrap();
    status
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_where_it_was() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let (mine, token) = (form_token(&site, &owner).await, form_token(&site, &other).await);

    let page = site.get("/ada/thing/upload/main", &owner).await;
    assert!(page.header("content-security-policy").contains("script-src 'self'; connect-src 'self'"));
    let (_, script) = page.text.split_once("<script type=\"module\" src=\"").expect("the page has a script");
    let script = site.get(script.split('"').next().unwrap(), "").await;
    assert_eq!(
        (script.status.as_u16(), script.header("content-type")),
        (200, "text/javascript; charset=utf-8")
    );

    let content = vec![7_u8; PART_BYTES + 1000];
    let sha256 = crate::format::hex(&Sha256::digest(&content));
    let begin = async |session: &str, token: &str| {
        let form = format!("token={token}&sha256={sha256}&size={}", content.len());
        let page = site.post("/ada/thing/uploads", session, &form).await;
        (page.status.as_u16(), serde_json::from_str::<Value>(&page.text).unwrap_or_default())
    };
    assert_eq!(begin("", &mine).await.0, 403);
    assert_eq!(begin(&owner, "forged").await.0, 403);
    let (status, begun) = begin(&owner, &mine).await;
    assert_eq!((status, &begun["have"], &begun["parts"]), (200, &serde_json::json!([]), &2.into()));
    let grant = begun["grant"].as_str().unwrap();
    let one = "/ada/thing/uploads/1";
    assert_eq!(put(&site, one, &owner, "forged", grant, &content[..PART_BYTES]).await, 403);
    assert_eq!(put(&site, one, &owner, &mine, "forged", &content[..PART_BYTES]).await, 403);
    assert_eq!(put(&site, one, &owner, &mine, grant, b"short").await, 400);
    assert_eq!(put(&site, "/ada/thing/uploads/3", &owner, &mine, grant, b"more").await, 400);
    assert_eq!(put(&site, one, &owner, &mine, grant, &content[..PART_BYTES]).await, 200);
    let finish = async |grant: &str| {
        let form = format!("token={mine}&grant={grant}");
        site.post("/ada/thing/uploads/finish", &owner, &form).await
    };
    let early = finish(grant).await;
    assert_eq!(early.status, 400);
    shows(&early, &["Part 2 is missing"], &["<"]);

    // The browser was closed; another user's upload of the same is his own.
    let (_, begun) = begin(&owner, &mine).await;
    assert_eq!(begun["have"], serde_json::json!([1]));
    assert_eq!(begin(&other, &token).await.1["have"], serde_json::json!([]));
    let grant = begun["grant"].as_str().unwrap();
    let two = "/ada/thing/uploads/2";
    assert_eq!(put(&site, two, &owner, &mine, grant, &[1; 1000]).await, 200);
    assert_eq!(finish(grant).await.status, 400, "this is not what was announced");
    let (_, begun) = begin(&owner, &mine).await;
    assert_eq!(begun["have"], serde_json::json!([]), "so it begins anew");
    let grant = begun["grant"].as_str().unwrap();
    assert_eq!(put(&site, one, &owner, &mine, grant, &content[..PART_BYTES]).await, 200);
    assert_eq!(put(&site, two, &owner, &mine, grant, &content[PART_BYTES..]).await, 200);
    assert_eq!(finish(grant).await.status, 200);
    assert_eq!(begin(&owner, &mine).await.1["stored"], true);

    let path = "/ada/thing/upload/main";
    let large = format!("{sha256} {} my model.bin", content.len());
    for wrong in ["", "x 1 a", &format!("{sha256} 1 a.bin"), &format!("{sha256} {} ../a", content.len())] {
        let refused = site.upload(path, &owner, &[("token", &mine), ("large", wrong)], &[]).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    let fields = [("token", mine.as_str()), ("folder", "w"), ("large", &large)];
    let sent = site.upload(path, &owner, &fields, &[("notes.txt", b"n\n")]).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let repo = site
        .hub
        .open(&ada, RepoKind::Model, &RepoId::parse("ada/thing").unwrap(), Action::Read)
        .await
        .unwrap();
    let file =
        site.hub.file(&repo, &Revision::main(), &RepoPath::parse("w/my model.bin").unwrap()).await.unwrap();
    assert_eq!(file.entry.lfs.unwrap().sha256.to_string(), sha256);

    let private = lyceum_hub::RepoChange {
        visibility: Some(lyceum_hub::Visibility::Private),
        ..lyceum_hub::RepoChange::default()
    };
    site.change(&ada, &id, private).await;
    let form = format!("token={token}&sha256={sha256}&size={}", content.len());
    let hidden = site.post("/ada/thing/uploads", &other, &form).await;
    let missing = site.post("/ada/none/uploads", &other, &form).await;
    assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text));
}
