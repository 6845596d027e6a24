//! Tests of signing in at a provider of identities, through the pages.

use lyceum_core::{Clock, Timestamp};
use lyceum_hub::testing::TestHub;
use lyceum_hub::{ClientSecret, HubOptions, OidcProvider};
use lyceum_oidc::testing::{CLIENT_ID, CLIENT_SECRET, FakeProvider};
use serde_json::json;

use super::{Page, TestSite};

struct World {
    site: TestSite,
    provider: FakeProvider,
}

impl World {
    async fn new() -> Self {
        let provider = FakeProvider::start(Clock::from_fn(|| Timestamp(1_700_000_000_000))).await;
        let settings = OidcProvider {
            name: "corp".to_owned(),
            label: "Corp & Co".to_owned(),
            issuer: provider.issuer(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(ClientSecret(CLIENT_SECRET.to_owned())),
            scopes: Vec::new(),
            user_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            groups: Vec::new(),
            create_users: true,
        };
        let options = HubOptions {
            oidc: vec![settings],
            public_url: "https://hub.test".to_owned(),
            ..HubOptions::default()
        };
        let site = TestSite::over(TestHub::with(options).await, Some("https://hub.test"));
        Self { site, provider }
    }

    /// Goes to the provider and returns the path that the browser comes back to.
    fn come_back(&self, location: &str, name: &str) -> String {
        assert!(
            location.contains("redirect_uri=https%3A%2F%2Fhub.test%2Flogin%2Foidc%2Fcorp%2Fcallback&"),
            "{location}"
        );
        let claims = json!({ "preferred_username": name });
        let returned = self.provider.approve(location, &claims, json!({}));
        format!("/login/oidc/corp/callback?code={}&state={}", returned.code, returned.state)
    }
}

/// Returns a cookie that an answer sets, as a browser sends it back.
fn cookie(page: &Page, name: &str) -> String {
    let all = page.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let set = all.into_iter().find(|value| value.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
    assert!(set.contains("; HttpOnly; SameSite=Lax; ") && set.ends_with("; Secure"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_button_leads_there_and_back() {
    let world = World::new().await;
    let login = world.site.get("/login?next=/models", "").await;
    let button = r#"<a class="button" href="/login/oidc/corp?next=%2Fmodels">Sign in with Corp &#38; Co</a>"#;
    assert!(login.text.contains(button), "{}", login.text);
    let start = world.site.get("/login/oidc/corp?next=%2Fmodels", "").await;
    assert_eq!((start.status.as_u16(), start.header("cache-control")), (303, "no-store"));
    let browser = cookie(&start, "lyceum_oidc");
    // A second window begins, too, and the first is not undone.
    let second = world.site.get("/login/oidc/corp", &browser).await;
    assert_eq!(cookie(&second, "lyceum_oidc"), browser);
    assert_ne!(second.location(), start.location());
    for (begun, next) in [(start, "/models"), (second, "/")] {
        let back = world.come_back(begun.location(), "ada");
        let entered = world.site.get(&back, &browser).await;
        assert_eq!((entered.status.as_u16(), entered.location()), (303, next), "{}", entered.text);
        let session = cookie(&entered, "lyceum_session");
        assert!(world.site.get("/", &session).await.text.contains("<summary>ada</summary>"));
        assert_eq!(world.site.get("/login/oidc/corp?next=/x", &session).await.location(), "/x");
        let again = world.site.get(&back, &browser).await;
        assert_eq!(again.status, 403);
        assert!(again.text.contains("finished before") && again.headers.get("set-cookie").is_none());
    }
}

#[tokio::test]
async fn others_are_told_why_they_are_not_let_in() {
    let world = World::new().await;
    world.site.hub.user("ada").await;
    let start = world.site.get("/login/oidc/corp", "").await;
    let browser = cookie(&start, "lyceum_oidc");
    let back = world.come_back(start.location(), "ada");
    for (path, cookie, status, words) in [
        (back.as_str(), "", 403, "another browser"),
        (&back, "lyceum_oidc=other", 403, "another browser"),
        ("/login/oidc/corp/callback?code=x&state=y", &browser, 403, "not begun here"),
        ("/login/oidc/corp/callback", &browser, 403, "not begun here"),
        ("/login/oidc/none", &browser, 404, "nothing at this address"),
        (&back, &browser, 409, "belongs to another account here"),
    ] {
        let page = world.site.get(path, cookie).await;
        assert_eq!(page.status.as_u16(), status, "{path}");
        assert!(page.text.contains(words), "{path}: {}", page.text);
        assert!(!page.header("set-cookie").contains("lyceum_session"), "{path}");
    }
    world.provider.set_down(true);
    world.site.hub.advance_seconds(3600);
    let page = world.site.get("/login/oidc/corp", "").await;
    assert_eq!(page.status, 503);
    assert!(page.text.contains("does not answer as it should"), "{}", page.text);
}

#[tokio::test]
async fn a_sign_in_leads_nowhere_else() {
    let world = World::new().await;
    for elsewhere in ["https://evil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "evil"] {
        let start = world.site.get(&format!("/login/oidc/corp?next={elsewhere}"), "").await;
        let back = world.come_back(start.location(), "ada");
        let entered = world.site.get(&back, &cookie(&start, "lyceum_oidc")).await;
        assert_eq!(entered.location(), "/", "{elsewhere}");
    }
}
