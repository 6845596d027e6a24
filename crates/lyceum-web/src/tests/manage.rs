//! Making repos, their settings, and webhooks.

use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{Action, Gated, NewOrganisation, RepoChange, Role};

use super::TestSite;
use super::community::{form_token, shows};

#[tokio::test]
async fn a_repo_is_made_by_a_form() {
    let site = TestSite::new().await;
    site.hub.user("ada").await;
    let lab = NewOrganisation { name: "lab".to_owned(), full_name: None, private_by_default: false };
    site.hub.create_organisation(lab).await.unwrap();
    let name = |name: &str| AccountName::parse(name).unwrap();
    site.hub.add_member(&name("lab"), &name("ada"), Role::Admin).await.unwrap();
    let owner = site.session("ada").await;
    let token = form_token(&site, &owner).await;
    assert_eq!(site.get("/new", "").await.location(), "/login?next=%2Fnew");
    shows(&site.get("/new?kind=dataset", &owner).await, &["<option>lab", "<option selected>dataset"], &[]);
    let make =
        async |token: &str, rest: &str| site.post("/new", &owner, &format!("token={token}{rest}")).await;
    assert_eq!(make("forged", "&kind=model&owner=ada&name=m").await.status, 403);
    let made = make(&token, "&kind=model&owner=lab&name=m&visibility=private&license=mit").await;
    assert_eq!((made.status.as_u16(), made.location()), (303, "/lab/m"));
    shows(&site.get("/lab/m", &owner).await, &["private", "mit"], &[]);
    assert_eq!(site.get("/lab/m", "").await.status, 404);
    let space = make(&token, "&kind=space&owner=ada&name=app&visibility=&sdk=static").await;
    assert_eq!(space.location(), "/spaces/ada/app");
    for (rest, status) in [
        ("&kind=model&owner=lab&name=m", 409),
        ("&kind=model&owner=ada&name=%22%3E%3Cscript%3E", 400),
        ("&kind=bucket&owner=ada&name=b", 400),
        ("&kind=model&owner=nobody&name=m", 403),
    ] {
        let refused = make(&token, rest).await;
        assert_eq!(refused.status.as_u16(), status, "{rest}: {}", refused.text);
        shows(&refused, &["role=\"alert\""], &["<script"]);
    }
}

#[tokio::test]
async fn settings_are_for_who_administers() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let (mine, token) = (form_token(&site, &owner).await, form_token(&site, &other).await);
    let path = "/ada/thing/settings";
    shows(&site.get("/ada/thing", &owner).await, &["href=\"/ada/thing/settings\""], &[]);
    shows(&site.get("/ada/thing", &other).await, &[], &["href=\"/ada/thing/settings\""]);
    assert_eq!(site.get(path, &other).await.status, 403);
    assert_eq!(site.get(path, "").await.status, 401);
    shows(&site.get(path, &owner).await, &["value=\"public\" checked", "Type ada/thing to delete it"], &[]);
    let send = async |rest: &str| site.post(path, &owner, &format!("token={mine}{rest}")).await;
    let strange = site.post(path, &other, &format!("token={token}&do=visibility&visibility=private")).await;
    assert_eq!(strange.status, 403);
    assert_eq!(site.post(path, &owner, "token=forged&do=delete&name=ada/thing").await.status, 403);
    assert_eq!(send("&do=visibility&visibility=private").await.status, 303);
    assert_eq!(site.get("/ada/thing", &other).await.status, 404);
    assert_eq!(send("&do=visibility&visibility=protected").await.status, 400);
    assert_eq!(send("&do=visibility&visibility=public").await.status, 303);
    assert_eq!(send("&do=gate&gate=manual").await.status, 303);
    shows(&site.get(path, &owner).await, &["value=\"manual\" checked", "Requests for access"], &[]);
    shows(&send("&do=move&to=%3Cscript%3E").await, &["role=\"alert\"", "&#60;script"], &["<script"]);
    assert_eq!(send("&do=move&to=bob/thing").await.status, 403);
    let moved = send("&do=move&to=ada/other").await;
    assert_eq!((moved.status.as_u16(), moved.location()), (303, "/ada/other"));
    let path = "/ada/other/settings";
    let wrong = site.post(path, &owner, &format!("token={mine}&do=delete&name=other")).await;
    shows(&wrong, &["nothing was deleted"], &[]);
    assert_eq!(site.post(path, &owner, &format!("token={mine}&do=delete&name=ada/other")).await.status, 303);
    assert_eq!(site.get("/ada/other", &owner).await.status, 404);
}

#[tokio::test]
async fn requests_are_answered() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let (bob, _) = site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    site.change(&ada, &id, RepoChange { gated: Some(Gated::Manual), ..RepoChange::default() }).await;
    let repo = site.hub.open(&bob, RepoKind::Model, &id, Action::Discover).await.unwrap();
    site.hub.ask_access(&bob, &repo, serde_json::Map::new()).await.unwrap();
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let mine = form_token(&site, &owner).await;
    let path = "/ada/thing/settings/access";
    assert_eq!(site.get(path, &other).await.status, 403);
    shows(&site.get(path, &owner).await, &["Accept bob", "Reject bob"], &["Revoke"]);
    let send = async |rest: &str| site.post(path, &owner, &format!("token={mine}{rest}")).await;
    let reads = async || site.hub.open(&bob, RepoKind::Model, &id, Action::Read).await.is_ok();
    assert_eq!(send("&do=reject&user=bob&status=pending&reason=not+%3Cnow%3E").await.status, 303);
    let rejected = site.get(&format!("{path}?status=rejected"), &owner).await;
    shows(&rejected, &["not &#60;now&#62;", "Accept bob"], &["<now"]);
    assert_eq!(send("&do=accept&user=bob&status=rejected").await.status, 303);
    assert!(reads().await);
    shows(&site.get(&format!("{path}?status=accepted"), &owner).await, &["Revoke access of bob"], &[]);
    assert_eq!(send("&do=revoke&user=bob&status=accepted").await.status, 303);
    assert!(!reads().await);
    for (rest, words) in [
        ("&do=accept&user=nobody", "role=\"alert\""),
        ("&do=grant&user=nobody", "value=\"nobody\""),
        ("&do=grant&user=%22%3E", "&#34;&#62;"),
        ("&do=none&user=bob", "role=\"alert\""),
    ] {
        let refused = send(rest).await;
        assert!(refused.status.is_client_error(), "{rest}");
        shows(&refused, &[words], &[]);
    }
    assert_eq!(site.post(path, &other, &format!("token={mine}&do=accept&user=bob")).await.status, 403);
    assert_eq!(send("&do=grant&user=bob").await.status, 303);
    assert!(reads().await);
}

#[tokio::test]
async fn webhooks_are_their_owners() {
    let site = TestSite::new().await;
    site.hub.user("ada").await;
    site.hub.user("bob").await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let (mine, token) = (form_token(&site, &owner).await, form_token(&site, &other).await);
    let path = "/settings/webhooks";
    assert_eq!(site.get(path, "").await.location(), "/login?next=%2Fsettings%2Fwebhooks");
    shows(&site.get(path, &owner).await, &["Create webhook", "None yet"], &[]);
    let make = async |rest: &str| site.post(path, &owner, &format!("token={mine}&do=create{rest}")).await;
    for (rest, words) in [
        ("&url=nonsense&watched=user+ada&repo_events=on", "nonsense"),
        ("&url=http%3A%2F%2F127.0.0.1%2F&watched=user+ada&repo_events=on", "role=\"alert\""),
        ("&url=https%3A%2F%2Fexample.org%2F&watched=%3Cscript%3E&repo_events=on", "&#60;script"),
        ("&url=https%3A%2F%2Fexample.org%2F&watched=user+ada", "role=\"alert\""),
    ] {
        let refused = make(rest).await;
        assert_eq!(refused.status, 400, "{rest}");
        shows(&refused, &[words], &["<script"]);
    }
    let made = make(
        "&url=https%3A%2F%2Fexample.org%2Fh&watched=user+ada%0D%0Amodel+ada%2Fm&repo_events=on&secret=hush",
    )
    .await;
    assert_eq!(made.status, 303, "{}", made.text);
    let hook = made.location().to_owned();
    let page = site.get(&hook, &owner).await;
    shows(&page, &["user ada\nmodel ada/m", "There is one", "Nothing was sent yet"], &["hush"]);
    assert_eq!(page.header("cache-control"), "no-store");
    let (hidden, missing) = (site.get(&hook, &other).await, site.get("/settings/webhooks/999", &other).await);
    assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text));
    let send = async |session: &str, token: &str, rest: &str| {
        site.post(&hook, session, &format!("token={token}{rest}")).await.status.as_u16()
    };
    assert_eq!(send(&other, &token, "&do=delete").await, 404);
    assert_eq!(send(&owner, "forged", "&do=delete").await, 403);
    assert_eq!(send(&owner, &mine, "&do=disable").await, 303);
    shows(&site.get(path, &owner).await, &["disabled"], &[]);
    let save = "&do=save&url=https%3A%2F%2Fexample.org%2Fi&watched=user+ada&repo_events=on";
    assert_eq!(send(&owner, &mine, save).await, 303);
    shows(&site.get(&hook, &owner).await, &["example.org/i", "There is one"], &["model ada"]);
    assert_eq!(send(&owner, &mine, &format!("{save}&unsigned=on")).await, 303);
    shows(&site.get(&hook, &owner).await, &["It is sent along"], &[]);
    assert_eq!(send(&owner, &mine, "&do=delete").await, 303);
    assert_eq!(site.get(&hook, &owner).await.status, 404);
}
