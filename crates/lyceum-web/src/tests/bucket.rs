//! Tests of the pages of a bucket.

use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{Action, RepoChange, Visibility};

use super::TestSite;

#[tokio::test]
async fn a_bucket_shows_its_folders_to_its_readers() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    let own = AccountName::parse("ada").unwrap();
    let id = site.hub.create_bucket(&ada, &own, "b", None).await.unwrap();
    let bucket = site.hub.open(&ada, RepoKind::Bucket, &id, Action::Administer).await.unwrap();
    let paths = ["a b/<x>/1", "a b/2", "top.bin"];
    let content = site.hub.bucket_with(&ada, &bucket, &paths, b"content").await;
    assert_eq!(content, paths.len());

    let check = async |path: &str, cookie: &str, expected: &[&str]| {
        let page = site.get(path, cookie).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        for words in expected {
            assert!(page.text.contains(words), "{path} does not show {words:?}: {}", page.text);
        }
        assert!(!page.text.contains("<x>"), "{path}: {}", page.text);
    };
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let root =
        ["3 files", "href=\"/buckets/ada/b/tree/a%20b\"", "/buckets/ada/b/resolve/top.bin?download=true"];
    check("/buckets/ada/b", "", &root).await;
    check("/buckets/ada/b", &owner, &["/buckets/ada/b/download/top.bin\""]).await;
    check("/buckets/ada/b/tree/a%20b", "", &["tree/a%20b/%3Cx%3E", "&#60;x&#62;", ">2<"]).await;
    check("/ada", "", &["ada/b"]).await;
    check("/buckets", "", &["ada/b"]).await;
    assert_eq!(site.get("/buckets/ada/b/tree/none", "").await.status, 404);
    let file = site.get("/buckets/ada/b/download/a%20b/2", &owner).await;
    assert_eq!((file.status.as_u16(), file.text.as_str()), (200, "content"));
    assert_eq!(file.header("content-type"), "application/octet-stream");

    let private = RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() };
    site.hub.change_repo(&ada, &bucket, private).await.unwrap();
    for rest in ["", "/tree/a%20b", "/download/a%20b/2"] {
        assert_eq!(site.get(&format!("/buckets/ada/b{rest}"), &owner).await.status, 200, "{rest}");
        for cookie in ["", other.as_str()] {
            let hidden = site.get(&format!("/buckets/ada/b{rest}"), cookie).await;
            let missing = site.get(&format!("/buckets/ada/none{rest}"), cookie).await;
            assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text), "{rest}");
        }
    }
    assert!(!site.get("/buckets", &other).await.text.contains("ada/b"));
}
