//! Tests of the pages for administrators.

use std::sync::Arc;

use lyceum_core::Entropy;
use lyceum_hub::testing::TestHub;
use lyceum_hub::{NewOrganisation, NewUser};

use super::{PASSWORD, Page, TestSite};
use crate::{Health, HealthFinding, LoadedSetting, Machine, Web, router};

const PAGES: [&str; 9] = [
    "/admin",
    "/admin/users",
    "/admin/organisations",
    "/admin/accounts/bob",
    "/admin/storage",
    "/admin/jobs",
    "/admin/events",
    "/admin/mirrors",
    "/admin/settings",
];

/// Returns a site with the administrator `root`, the user `bob` and the organisation `lab`.
async fn site() -> TestSite {
    let hub = TestHub::new().await;
    let finding = HealthFinding {
        name: "disk".to_owned(),
        health: Health::Doubtful,
        message: "<full>".to_owned(),
        remedy: Some("buy one".to_owned()),
    };
    let setting = LoadedSetting {
        name: "listen".to_owned(),
        value: "\"<here>\"".to_owned(),
        source: "file".to_owned(),
        description: "Where.".to_owned(),
    };
    let machine = Machine {
        settings: Arc::from([setting]),
        api: None,
        health: Some(Arc::new(move || {
            let finding = finding.clone();
            Box::pin(async move { vec![finding] })
        })),
    };
    let web = Web { hub: hub.hub().clone(), entropy: Entropy::system(), public_url: None, machine };
    let site = TestSite { hub, router: router(web) };
    for (name, admin) in [("root", true), ("bob", false)] {
        let password = Some(PASSWORD.to_owned());
        let full_name = Some(format!("<b>{name}</b>"));
        let user = NewUser { name: name.to_owned(), full_name, email: None, admin, password };
        site.hub.create_user(user).await.unwrap();
    }
    let lab = NewOrganisation { name: "lab".to_owned(), full_name: None, private_by_default: false };
    site.hub.create_organisation(lab).await.unwrap();
    site
}

fn token(page: &Page) -> String {
    let (_, after) = page.text.rsplit_once("name=\"token\" value=\"").expect("the page has a form");
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn to_everybody_else_nothing_is_there() {
    let site = site().await;
    let bob = site.session("bob").await;
    for cookie in ["", bob.as_str()] {
        let missing = site.get("/nobody", cookie).await;
        for path in PAGES {
            let page = site.get(path, cookie).await;
            assert_eq!((page.status, &page.text), (missing.status, &missing.text), "{path}");
        }
        for path in ["/admin/accounts/bob/admin", "/admin/jobs/1/retry", "/admin/mirrors/look"] {
            let page = site.post(path, cookie, "token=x&on=true&kind=model&id=a/b").await;
            assert_eq!((page.status, &page.text), (missing.status, &missing.text), "{path}");
        }
    }
    assert!(!site.get("/", &bob).await.text.contains("Administration"));
}

#[tokio::test]
async fn administrators_see_all() {
    let site = site().await;
    let root = site.session("root").await;
    assert!(site.get("/", &root).await.text.contains("href=\"/admin\""));
    for (path, expected) in [
        ("/admin", "&#60;full&#62;"),
        ("/admin", "buy one"),
        ("/admin/users", "&#60;b&#62;bob&#60;/b&#62;"),
        ("/admin/users?search=BO", "/admin/accounts/bob"),
        ("/admin/users?search=%3Cx%3E", "value=\"&#60;x&#62;\""),
        ("/admin/organisations", "/admin/accounts/lab"),
        ("/admin/accounts/bob", "Disable bob"),
        ("/admin/accounts/root", "This is you"),
        ("/admin/storage", "Saved by sharing chunks"),
        ("/admin/jobs", "Failed jobs"),
        ("/admin/jobs?show=all", "All jobs"),
        ("/admin/events", "create-account"),
        ("/admin/events?actor=bob&since=2020-01-01&until=2030-01-01", "Nothing fits"),
        ("/admin/events?action=%22%3E%3Cscript%3E", "value=\"&#34;&#62;&#60;script&#62;\""),
        ("/admin/mirrors", "No repository follows"),
        ("/admin/settings", "&#60;here&#62;"),
    ] {
        let page = site.get(path, &root).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert!(page.text.contains(expected), "{path} has no {expected:?}: {}", page.text);
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(!page.text.contains("<script") && !page.text.contains("<b>"), "{path}");
    }
    assert!(!site.get("/admin/users?search=BO", &root).await.text.contains("accounts/root"));
    for path in ["/admin/accounts/none", "/admin/accounts/b%2Fb"] {
        assert_eq!(site.get(path, &root).await.status, 404, "{path}");
    }
    for path in ["/admin/events?since=x", "/admin/jobs?after=x", "/admin/mirrors?after=x"] {
        assert_eq!(site.get(path, &root).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn accounts_are_changed_by_forms() {
    let site = site().await;
    let (root, bob) = (site.session("root").await, site.session("bob").await);
    let page = site.get("/admin/accounts/bob", &root).await;
    let token = token(&page);
    let form = |rest: &str| format!("token={token}&{rest}");
    for path in ["disabled", "admin"] {
        let path = format!("/admin/accounts/bob/{path}");
        assert_eq!(site.post(&path, &root, "token=forged&on=true").await.status, 403, "{path}");
        assert_eq!(site.post(&path, &root, &form("on=maybe")).await.status, 400, "{path}");
    }
    let quota = "/admin/accounts/bob/quota";
    assert_eq!(site.post(quota, &root, "token=forged&logical=1&stored=1").await.status, 403);
    assert_eq!(site.post(quota, &root, &form("logical=many&stored=")).await.status, 400);
    let set = site.post(quota, &root, &form("logical=2+kB&stored=")).await;
    assert_eq!((set.status.as_u16(), set.location()), (303, "/admin/accounts/bob"));
    let shown = site.get("/admin/accounts/bob", &root).await.text;
    assert!(
        shown.contains("name=\"logical\" maxlength=\"40\" autocomplete=\"off\" value=\"2000\""),
        "{shown}"
    );

    assert_eq!(site.post("/admin/accounts/bob/admin", &root, &form("on=true")).await.status, 303);
    assert_eq!(site.get("/admin", &bob).await.status, 200);
    assert_eq!(site.post("/admin/accounts/bob/admin", &root, &form("on=false")).await.status, 303);
    assert_eq!(site.post("/admin/accounts/bob/disabled", &root, &form("on=true")).await.status, 303);
    assert!(site.get("/", &bob).await.text.contains("Sign in"), "the session ends");
    assert!(site.get("/admin/accounts/bob", &root).await.text.contains("Enable bob"));
    assert_eq!(site.post("/admin/accounts/root/disabled", &root, &form("on=true")).await.status, 409);
    let log = site.get("/admin/events?target=bob", &root).await.text;
    for action in ["set-quota", "set-hub-admin", "set-disabled"] {
        assert!(log.contains(action), "{action}: {log}");
    }
}

#[tokio::test]
async fn a_failed_job_is_tried_again_by_a_button() {
    let site = site().await;
    let root = site.session("root").await;
    site.hub.add_failing_job("<job>").await;
    site.hub.run_due_jobs().await.unwrap();
    let page = site.get("/admin/jobs", &root).await;
    assert!(page.text.contains("&#60;job&#62;") && page.text.contains("Retry"), "{}", page.text);
    let (_, after) = page.text.split_once("action=\"/admin/jobs/").unwrap();
    let path = format!("/admin/jobs/{}/retry", after.split('/').next().unwrap());
    assert_eq!(site.post(&path, &root, "token=forged").await.status, 403);
    let form = format!("token={}", token(&page));
    let retried = site.post(&path, &root, &form).await;
    assert_eq!((retried.status.as_u16(), retried.location()), (303, "/admin/jobs"));
    assert!(site.get("/admin/events?actor=root", &root).await.text.contains("retry-job"));
    assert_eq!(site.post("/admin/jobs/x/retry", &root, &form).await.status, 404);
    assert_eq!(site.post("/admin/jobs/999/retry", &root, &form).await.status, 409);
    let look = format!("{form}&kind=model&id=bob/none");
    assert_eq!(site.post("/admin/mirrors/look", &root, &look).await.status, 404);
}
