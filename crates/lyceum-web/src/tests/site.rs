//! Tests of signing in, of devices, and of what every page has.

use lyceum_hub::DevicePoll;

use super::{PASSWORD, Page, TestSite};

/// Returns the hidden token of the last form on a page.
pub(super) fn token(page: &Page) -> String {
    let (_, after) = page.text.rsplit_once("name=\"token\" value=\"").expect("the page has a form");
    after.split('"').next().unwrap().to_owned()
}

/// Returns the cookie that an answer sets, as a browser sends it back.
pub(super) fn cookie(page: &Page) -> String {
    page.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_page_has_the_headers() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.repo(&ada, lyceum_core::RepoKind::Model, "m").await;
    let session = site.session("ada").await;
    for (path, cache) in [
        ("/", "private, no-cache"),
        ("/models", "private, no-cache"),
        ("/ada", "private, no-cache"),
        ("/ada/m", "private, no-cache"),
        ("/device", "no-store"),
        ("/ada/none", "no-store"),
    ] {
        let page = site.get(path, &session).await;
        assert_eq!(page.header("cache-control"), cache, "{path}");
        assert_eq!(page.header("vary"), "Cookie", "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; img-src 'self' data:; media-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        for forbidden in ["<script", " style=", " onclick=", "javascript:"] {
            assert!(!page.text.contains(forbidden), "{path} has {forbidden}");
        }
    }
    assert_eq!(site.get("/static/other.css", "").await.status, 404);
}

#[tokio::test]
async fn signing_in_needs_the_form_and_the_password() {
    let site = TestSite::new().await;
    site.hub.user("ada").await;
    let form = site.get("/login?next=/models", "").await;
    let (form_cookie, token) = (cookie(&form), token(&form));
    let body =
        |token: &str, password: &str| format!("token={token}&name=ada&password={password}&next=/models");
    let right = PASSWORD.replace(' ', "+");
    for (cookie, body, status) in [
        (form_cookie.as_str(), body(&token, "wrong"), 401),
        (form_cookie.as_str(), body("forged", &right), 403),
        ("", body(&token, &right), 403),
        ("lyceum_form=other", body(&token, &right), 403),
        (form_cookie.as_str(), body(&token, &"x".repeat(2000)), 400),
        (form_cookie.as_str(), "token=x".to_owned(), 400),
    ] {
        let refused = site.post("/login", cookie, &body).await;
        assert_eq!(refused.status.as_u16(), status, "{body}");
        assert!(!refused.header("set-cookie").contains("lyceum_session"), "{body}");
    }
    let entered = site.post("/login", &form_cookie, &body(&token, &right)).await;
    assert_eq!((entered.status.as_u16(), entered.location()), (303, "/models"));
    let set = entered.header("set-cookie");
    assert!(set.contains("; HttpOnly; SameSite=Lax; ") && !set.contains("Secure"), "{set}");
    let session = cookie(&entered);
    assert!(site.get("/", &session).await.text.contains("Sign out"));
    assert_eq!(site.get("/login", &session).await.status, 303, "who is signed in need not sign in");
}

#[tokio::test]
async fn guessing_ends_with_a_page_that_says_when_to_come_back() {
    let site = TestSite::new().await;
    site.hub.user("ada").await;
    let session = site.session("ada").await;
    let form = site.get("/login", "").await;
    let (cookie, token) = (cookie(&form), token(&form));
    for name in ["ada", "nobody"] {
        let body = format!("token={token}&name={name}&password=wrong");
        for _ in 0..10 {
            assert_eq!(site.post("/login", &cookie, &body).await.status, 401);
        }
        let refused = site.post("/login", &cookie, &body).await;
        assert_eq!(refused.status, 429, "{name}");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() <= 600);
        assert!(refused.text.contains("There were too many wrong attempts"), "{}", refused.text);
    }
    assert!(site.get("/", &session).await.text.contains("Sign out"), "who is signed in stays so");
}

#[tokio::test]
async fn cookies_are_secure_behind_https() {
    let site = TestSite::at(Some("https://hub.example")).await;
    let form = site.get("/login", "").await;
    assert!(form.header("set-cookie").ends_with("; Secure"), "{}", form.header("set-cookie"));
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let site = TestSite::new().await;
    site.hub.user("ada").await;
    let session = site.session("ada").await;
    assert_eq!(site.post("/logout", &session, "token=forged").await.status, 403);
    let token = token(&site.get("/", &session).await);
    assert_eq!(site.post("/logout", &session, &format!("token={token}")).await.status, 303);
    assert!(site.get("/", &session).await.text.contains("Sign in"));
}

#[tokio::test]
async fn colours_are_remembered() {
    let site = TestSite::new().await;
    assert!(site.get("/", "").await.text.contains("<html lang=\"en\">"));
    let chosen = site.post("/settings/theme", "", "theme=dark").await;
    assert_eq!((chosen.status.as_u16(), chosen.location()), (303, "/"));
    let page = site.get("/models", &cookie(&chosen)).await;
    assert!(page.text.contains("<html lang=\"en\" data-theme=\"dark\">"), "{}", page.text);
    assert!(page.text.contains("value=\"dark\" aria-pressed=\"true\""), "{}", page.text);
    assert_eq!(site.post("/settings/theme", "", "theme=%22%3E").await.status, 404);
    let missing = site.get("/ada/none", &cookie(&chosen)).await;
    assert!(missing.status == 404 && missing.text.contains("data-theme=\"dark\""), "{}", missing.text);
    let forged = site.get("/models", "lyceum_theme=\"><script>").await;
    assert!(forged.text.contains("<html lang=\"en\">"), "{}", forged.text);
}

#[tokio::test]
async fn an_access_token_is_no_session() {
    let site = TestSite::new().await;
    let (_, secret) = site.hub.user("ada").await;
    let page = site.get("/", &format!("lyceum_session={secret}")).await;
    assert!(page.text.contains("Sign in"), "{}", page.text);
}

#[tokio::test]
async fn a_device_is_approved_or_refused() {
    let site = TestSite::new().await;
    site.hub.user("ada").await;
    let session = site.session("ada").await;
    for (decision, words) in [("approve", "Connected"), ("refuse", "Refused")] {
        let start = site.hub.device_start("tests").await.unwrap();
        let path = format!("/oauth/device?user_code={}", start.user_code);
        let stranger = site.get(&path, "").await;
        assert_eq!(stranger.status, 303);
        assert_eq!(
            stranger.location(),
            format!("/login?next=%2Fdevice%3Fuser%5Fcode%3D{}", start.user_code.replace('-', "%2D"))
        );
        let page = site.get(&path, &session).await;
        assert!(page.text.contains(&start.user_code));
        let token = token(&page);
        let typed = start.user_code.to_lowercase().replace('-', "+");
        let form = |token: &str, code: &str| format!("token={token}&user_code={code}&decision={decision}");
        assert_eq!(site.post("/device/approve", &session, &form("forged", &typed)).await.status, 403);
        assert_eq!(site.post("/device/approve", "", &form(&token, &typed)).await.status, 303);
        assert_eq!(site.post("/device/approve", &session, &form(&token, "NONE-NONE")).await.status, 404);
        let done = site.post("/device/approve", &session, &form(&token, &typed)).await;
        assert!(done.text.contains(words), "{}", done.text);
        let again = site.post("/device/approve", &session, &form(&token, &typed)).await;
        assert_eq!(again.status, 404, "a code works once");
        let polled = site.hub.device_poll(&start.device_code, "tests").await.unwrap();
        assert_eq!(matches!(polled, DevicePoll::Granted(_)), decision == "approve", "{polled:?}");
    }
}
