//! Tests of the pages of accounts, organisations and collections.

use lyceum_core::{AccountName, RepoId, RepoKind};
use lyceum_hub::{
    Action, Caller, CollectionItemKind, CollectionMade, NewCollectionOf, NewOrganisation, NewRepo, Role,
};

use super::{Page, TestSite};

fn name(text: &str) -> AccountName {
    AccountName::parse(text).unwrap()
}

fn token(page: &Page) -> String {
    let (_, after) = page.text.rsplit_once("name=\"token\" value=\"").expect("the page has a form");
    after.split('"').next().unwrap().to_owned()
}

/// Returns a site with the organisation `lab`, its administrator `ada` and its reader `bob`; and `ada` as a caller.
async fn site() -> (TestSite, Caller) {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    site.hub.user("eve").await;
    let full_name = Some("The <Lab>".to_owned());
    let lab = NewOrganisation { name: "lab".to_owned(), full_name, private_by_default: false };
    site.hub.create_organisation(lab).await.unwrap();
    site.hub.add_member(&name("lab"), &name("ada"), Role::Admin).await.unwrap();
    site.hub.add_member(&name("lab"), &name("bob"), Role::Read).await.unwrap();
    (site, ada)
}

#[tokio::test]
async fn accounts_show_what_they_have_and_do() {
    let (site, ada) = site().await;
    let (ada_cookie, bob) = (site.session("ada").await, site.session("bob").await);
    let id = site.hub.repo(&ada, RepoKind::Dataset, "d").await;
    let repo = site.hub.open(&ada, RepoKind::Dataset, &id, Action::Discover).await.unwrap();
    site.hub.set_like(&ada, &repo, true).await.unwrap();
    let follow = |token: &str| format!("token={token}&follow=true");
    let token = token(&site.get("/ada", &bob).await);
    assert_eq!(site.post("/ada", &bob, &follow("forged")).await.status, 403);
    assert_eq!(site.post("/ada", "", &follow("")).await.status, 403);
    assert_eq!(site.post("/nobody", &bob, &follow(&token)).await.status, 404);
    let followed = site.post("/ADA", &bob, &follow(&token)).await;
    assert_eq!((followed.status.as_u16(), followed.location()), (303, "/ada"));
    for (path, cookie, expected) in [
        ("/ada", "", "ada/d"),
        ("/ada", "", "Member of <a href=\"/lab\">lab</a>"),
        ("/ada?show=likes", "", "href=\"/datasets/ada/d\""),
        ("/ada?show=followers", "", "href=\"/bob\""),
        ("/ada?show=collections", "", "No collection that you may see"),
        ("/ada?show=%3Cx%3E", "", "ada/d"),
        ("/ada", bob.as_str(), "Unfollow ada"),
        ("/bob?show=following", "", "href=\"/ada\""),
        ("/bob", "", "Nothing that you may see"),
        ("/lab", "", "The &#60;Lab&#62;"),
        ("/lab?show=members", "", "href=\"/bob\""),
        ("/lab?show=members", bob.as_str(), "Leave lab"),
        ("/lab", ada_cookie.as_str(), "/organizations/lab/settings"),
    ] {
        let page = site.get(path, cookie).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains(expected), "{path} has no {expected:?}: {}", page.text);
    }
    assert!(!site.get("/ada", &ada_cookie).await.text.contains("Follow ada"), "nobody follows himself");
    assert!(
        !site.get("/lab", &bob).await.text.contains("settings\">"),
        "only administrators see the settings"
    );
    assert_eq!(site.get("/nobody", "").await.status, 404);
    assert_eq!(site.get("/ada?show=likes&after=x", "").await.status, 400);
}

#[tokio::test]
async fn administrators_manage_members() {
    let (site, _) = site().await;
    let (ada, bob) = (site.session("ada").await, site.session("bob").await);
    let settings = "/organizations/lab/settings";
    let page = site.get(settings, &ada).await;
    assert!(page.text.contains("Role of bob") && page.text.contains("Add member"), "{}", page.text);
    for (cookie, status) in [("", 401), (bob.as_str(), 403)] {
        assert_eq!(site.get(settings, cookie).await.status, status);
    }
    assert_eq!(site.get("/organizations/none/settings", &ada).await.status, 404);
    let members = "/organizations/lab/settings/members";
    let token = token(&page);
    let form = |rest: &str| format!("token={token}&{rest}");
    assert_eq!(site.post(members, &ada, "token=forged&user=eve&role=read").await.status, 403);
    assert_eq!(site.post(members, &ada, &form("user=eve&role=king")).await.status, 400);
    assert_eq!(site.post(members, &ada, &form("user=a%2Fb&role=read")).await.status, 400);
    assert_eq!(site.post(members, &ada, &form("user=nobody&role=read")).await.status, 404);
    let added = site.post(members, &ada, &form("user=eve&role=write")).await;
    assert_eq!((added.status.as_u16(), added.location()), (303, settings));
    assert!(site.get(settings, &ada).await.text.contains("Role of eve"));
    // The last administrator stays.
    assert_eq!(site.post(members, &ada, &form("user=ada&role=read")).await.status, 409);
    let remove = "/organizations/lab/settings/members/remove";
    assert_eq!(site.post(remove, &ada, &form("user=ada")).await.status, 409);
    assert_eq!(site.post(remove, &ada, "token=forged&user=eve").await.status, 403);
    assert_eq!(site.post(remove, &ada, &form("user=eve")).await.status, 303);
    let own = self::token(&site.get("/lab?show=members", &bob).await);
    assert_eq!(site.post(members, &bob, &format!("token={own}&user=eve&role=read")).await.status, 403);
    assert_eq!(site.post(remove, &bob, &format!("token={own}&user=ada")).await.status, 403);
    let left = site.post(remove, &bob, &format!("token={own}&user=bob")).await;
    assert_eq!((left.status.as_u16(), left.location()), (303, "/lab"));
    assert!(!site.get(settings, &ada).await.text.contains("Role of bob"));
}

#[tokio::test]
async fn resource_groups_are_kept() {
    let (site, ada) = site().await;
    let (session, bob) = (site.session("ada").await, site.session("bob").await);
    let mut repo = NewRepo::new(RepoKind::Model, "m");
    repo.namespace = Some(name("lab"));
    let id: RepoId = site.hub.create_repo(&ada, repo).await.unwrap();
    let token = token(&site.get("/organizations/lab/settings", &session).await);
    let form = |rest: &str| format!("token={token}&{rest}");
    let groups = "/organizations/lab/settings/groups";
    assert_eq!(site.post(groups, &session, "token=forged&name=x&description=").await.status, 403);
    assert_eq!(site.post(groups, &session, &form("name=&description=")).await.status, 400);
    let made = site.post(groups, &session, &form("name=%3Cg%3E&description=for+us")).await;
    let group = made.location().to_owned();
    assert!(group.starts_with(groups), "{} {group}", made.status);
    assert!(site.get(&group, &session).await.text.contains("&#60;g&#62;"));
    for (cookie, status) in [("", 401), (bob.as_str(), 403)] {
        assert_eq!(site.get(&group, cookie).await.status, status);
    }
    assert_eq!(site.get("/organizations/lab/settings/groups/999", &session).await.status, 404);
    assert_eq!(site.get("/organizations/lab/settings/groups/x", &session).await.status, 404);
    let post = async |rest: &str, body: &str| {
        let refused = site.post(&format!("{group}/{rest}"), &session, &format!("token=forged&{body}")).await;
        assert_eq!(refused.status, 403, "{rest}");
        site.post(&format!("{group}/{rest}"), &session, &form(body)).await.status.as_u16()
    };
    assert_eq!(post("members", "user=bob&role=write").await, 303);
    assert_eq!(post("members", "user=eve&role=write").await, 400, "she is no member");
    assert_eq!(post("repos", "kind=model&name=m").await, 303);
    assert_eq!(post("repos", "kind=model&name=none").await, 404);
    assert_eq!(post("repos", "kind=thing&name=m").await, 400);
    let page = site.get(&group, &session).await.text;
    assert!(page.contains(&format!("href=\"/{id}\"")) && page.contains("Role of bob"), "{page}");
    assert_eq!(post("delete", "").await, 409, "it has a repo");
    assert_eq!(post("repos/remove", "kind=model&name=m").await, 303);
    assert_eq!(post("members/remove", "user=bob").await, 303);
    assert_eq!(post("delete", "").await, 303);
    assert_eq!(site.get(&group, &session).await.status, 404);
}

#[tokio::test]
async fn collections_are_shown_to_who_may_see_them() {
    let (site, ada) = site().await;
    let (session, bob) = (site.session("ada").await, site.session("bob").await);
    let id = site.hub.repo(&ada, RepoKind::Model, "m").await;
    let make = async |title: &str, private: bool| {
        let new = NewCollectionOf {
            namespace: name("ada"),
            title: title.to_owned(),
            description: Some("<i>why</i>".to_owned()),
            private,
        };
        let CollectionMade::New(made) = site.hub.create_collection(&ada, new).await.unwrap() else {
            panic!("it is new");
        };
        made.slug
    };
    let (open, secret) = (make("Open <b>", false).await, make("Secret", true).await);
    let kind = CollectionItemKind::Repo(RepoKind::Model);
    let note = Some("\"<script>\"".to_owned());
    site.hub.add_collection_item(&ada, &open, kind, &id.to_string(), note).await.unwrap();
    let list = site.get("/collections", &bob).await.text;
    assert!(list.contains("Open &#60;b&#62;") && !list.contains("Secret"), "{list}");
    assert!(site.get("/collections?sort=upvotes&search=secr", &session).await.text.contains("Secret"));
    let path = format!("/collections/{open}");
    let page = site.get(&path, &bob).await;
    for expected in ["&#60;i&#62;why", "href=\"/ada/m\"", "&#60;script&#62;", "Upvote"] {
        assert!(page.text.contains(expected), "{expected:?}: {}", page.text);
    }
    let vote = format!("{path}/upvote");
    assert_eq!(site.post(&vote, &bob, "token=forged&upvote=true").await.status, 403);
    let form = format!("token={}&upvote=true", token(&page));
    assert_eq!(site.post(&vote, &bob, &form).await.status, 303);
    assert!(site.get(&path, &bob).await.text.contains("aria-pressed=\"true\">Upvote <span>1"));
    let hidden = site.get(&format!("/collections/{secret}"), &bob).await;
    let missing = site.get("/collections/ada/none", &bob).await;
    assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text));
    assert_eq!(site.get(&format!("/collections/{secret}"), &session).await.status, 200);
}
