//! Tests of the pages on which users change their own accounts.

use lyceum_hub::Caller;

use super::site::{cookie, token};
use super::{PASSWORD, TestSite};

#[tokio::test]
async fn settings_are_for_who_is_signed_in() {
    let site = TestSite::new().await;
    site.hub.user("ada").await;
    let session = site.session("ada").await;
    assert_eq!(site.get("/settings", &session).await.location(), "/settings/profile");
    for page in ["profile", "password", "tokens", "sessions"] {
        let path = format!("/settings/{page}");
        let stranger = site.get(&path, "").await;
        assert_eq!(
            (stranger.status.as_u16(), stranger.location()),
            (303, format!("/login?next=%2Fsettings%2F{page}").as_str())
        );
        let shown = site.get(&path, &session).await;
        assert_eq!((shown.status.as_u16(), shown.header("cache-control")), (200, "no-store"), "{path}");
        assert!(shown.text.contains(&format!("href=\"{path}\" aria-current=\"page\"")), "{path}");
    }
    for (path, form) in [
        ("profile", "full_name=x"),
        ("password", "old=x&new=y&again=y"),
        ("tokens", "name=x&role=read"),
        ("tokens/1/revoke", ""),
        ("sessions/1/end", ""),
        ("sessions/end-others", ""),
    ] {
        for (cookie, token) in [(session.as_str(), "forged"), ("", "")] {
            let sent =
                site.post(&format!("/settings/{path}"), cookie, &format!("token={token}&{form}")).await;
            assert_eq!(sent.status, 403, "{path}");
        }
    }
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_revoked() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.repo(&ada, lyceum_core::RepoKind::Model, "m").await;
    site.hub.user("bob").await;
    let session = site.session("ada").await;
    let form_token = token(&site.get("/settings/tokens", &session).await);
    let post = async |form: &str| {
        site.post("/settings/tokens", &session, &format!("token={form_token}&{form}")).await
    };
    for (form, words) in [
        ("name=&role=read", "needs a name"),
        ("name=x&role=all", "Choose what"),
        ("name=x&role=fineGrained&places=ada", "at least one permission"),
        ("name=x&role=fineGrained&permission=repo.write", "Say for which"),
        ("name=x&role=fineGrained&permission=repo.write&places=a/b/c", "is neither"),
        ("name=%3Cb%3Ex&role=fineGrained&permission=repo.write&places=ada/none", "There is no model"),
    ] {
        let refused = post(form).await;
        assert_eq!(refused.status, 400, "{form}");
        assert!(refused.text.contains(words) && !refused.text.contains("<b>"), "{form}: {}", refused.text);
    }
    let made = post(
        "name=%3Cb%3Elaptop&role=fineGrained&days=30&permission=repo.content.read&places=ada/m%0D%0Abob",
    )
    .await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (200, "no-store"), "{}", made.text);
    let (_, after) = made.text.split_once("<code class=\"secret\">").unwrap();
    let secret = after.split('<').next().unwrap().to_owned();
    assert!(matches!(site.hub.authenticate(&secret).await.unwrap(), Caller::User(_)));
    let listed = site.get("/settings/tokens", &session).await;
    assert!(!listed.text.contains(&secret));
    for part in [
        "&#60;b&#62;laptop",
        "fine-grained",
        "ada/m: repo.content.read; bob: repo.content.read",
        "2023-12-14",
    ] {
        assert!(listed.text.contains(part), "{part} in {}", listed.text);
    }
    let (_, after) = listed.text.split_once("action=\"/settings/tokens/").unwrap();
    let id = after.split('/').next().unwrap();
    let other = site.session("bob").await;
    let other_token = token(&site.get("/settings/tokens", &other).await);
    let path = format!("/settings/tokens/{id}/revoke");
    assert_eq!(site.post(&path, &other, &format!("token={other_token}")).await.status, 404, "not his");
    assert!(site.hub.authenticate(&secret).await.is_ok());
    assert_eq!(
        site.post(&path, &session, &format!("token={form_token}")).await.location(),
        "/settings/tokens"
    );
    assert!(site.hub.authenticate(&secret).await.is_err());
}

#[tokio::test]
async fn a_name_a_password_and_sessions_are_changed() {
    let site = TestSite::new().await;
    site.hub.user("ada").await;
    let (session, other) = (site.session("ada").await, site.session("ada").await);
    let sent = token(&site.get("/settings/profile", &session).await);
    let named =
        site.post("/settings/profile", &session, &format!("token={sent}&full_name=Ada+%3Cb%3E")).await;
    assert!(
        named.text.contains("value=\"Ada &#60;b&#62;\"") && named.text.contains("was changed"),
        "{}",
        named.text
    );
    let refused = site.post("/settings/profile", &session, &format!("token={sent}&full_name=a%0Ab")).await;
    assert_eq!(refused.status, 400);

    let old = PASSWORD.replace(' ', "+");
    for (form, words) in [
        (format!("old={old}&new=battery+staple&again=other"), "not the same"),
        ("old=wrong&new=battery+staple&again=battery+staple".to_owned(), "old password is wrong"),
        (format!("old={old}&new=short&again=short"), "at least 8 characters"),
    ] {
        let refused = site.post("/settings/password", &session, &format!("token={sent}&{form}")).await;
        assert_eq!(refused.status, 400, "{form}");
        assert!(
            refused.text.contains(words) && refused.headers.get("set-cookie").is_none(),
            "{}",
            refused.text
        );
    }
    let form = format!("token={sent}&old={old}&new=battery+staple&again=battery+staple");
    let changed = site.post("/settings/password", &session, &form).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let renewed = cookie(&changed);
    for ended in [&session, &other] {
        assert!(site.get("/", ended).await.text.contains("Sign in"));
    }
    assert!(site.get("/", &renewed).await.text.contains("Sign out"));

    let third = format!("lyceum_session={}", site.hub.sign_in("ada", "battery staple", None).await.unwrap());
    let page = site.get("/settings/sessions", &renewed).await;
    assert!(page.text.contains("this browser") && page.text.contains("End all others"), "{}", page.text);
    let form = format!("token={}", token(&page));
    assert_eq!(site.post("/settings/sessions/end-others", &renewed, &form).await.status, 303);
    assert!(site.get("/", &third).await.text.contains("Sign in"));
    assert!(site.get("/", &renewed).await.text.contains("Sign out"));
}
