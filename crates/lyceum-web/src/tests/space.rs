//! Tests of static spaces.

use lyceum_core::RepoKind;
use lyceum_hub::{RepoChange, Visibility};

use super::TestSite;

#[tokio::test]
async fn a_static_space_runs_in_a_sandbox() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let id = site.hub.repo(&ada, RepoKind::Space, "s").await;
    let path = "/spaces/ada/s/app";
    assert!(site.get(path, "").await.text.contains("no <code>index.html</code>"));
    let files = [("index.html", &b"<script>1</script>"[..]), ("app.JS", b"1"), ("data.bin", b"1")];
    site.commit(&ada, RepoKind::Space, &id, &files).await;
    let page = site.get(path, "").await;
    assert!(page.text.contains("src=\"/spaces/ada/s/app/index.html\""), "{}", page.text);
    assert!(page.text.contains("sandbox=\"allow-scripts\""), "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("; frame-src 'self'") && policy.contains("default-src 'none'"), "{policy}");
    for (name, media_type) in [
        ("index.html", "text/html; charset=utf-8"),
        ("app.JS", "text/javascript; charset=utf-8"),
        ("data.bin", "application/octet-stream"),
    ] {
        let file = site.get(&format!("{path}/{name}"), "").await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, media_type), "{name}");
        let policy = file.header("content-security-policy");
        assert!(policy.starts_with("sandbox allow-scripts;") && !policy.contains("same-origin"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'self'") && policy.contains("form-action 'none'"),
            "{policy}"
        );
        assert_eq!(file.header("x-content-type-options"), "nosniff", "{name}");
    }
    assert_eq!(site.get(&format!("{path}/none.html"), "").await.status, 404);
    assert_eq!(site.get("/ada/s/app", "").await.status, 404, "only spaces have one");

    let repo = site.hub.open(&ada, RepoKind::Space, &id, lyceum_hub::Action::Administer).await.unwrap();
    let private = RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() };
    site.hub.change_repo(&ada, &repo, private).await.unwrap();
    for rest in ["", "/index.html"] {
        let hidden = site.get(&format!("{path}{rest}"), "").await;
        let missing = site.get(&format!("/spaces/ada/none/app{rest}"), "").await;
        assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text), "{rest}");
    }
    let owner = site.session("ada").await;
    assert_eq!(site.get(&format!("{path}/index.html"), &owner).await.status, 200);
}
