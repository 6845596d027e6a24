//! What people do in discussions and pull requests.

use lyceum_core::{RepoKind, RepoPath, Revision};
use lyceum_hub::{Action, Operation, RepoChange, Visibility};

use super::{Page, TestSite};

/// Returns the token of the forms of a session.
pub(super) async fn form_token(site: &TestSite, session: &str) -> String {
    let page = site.get("/", session).await;
    let (_, after) = page.text.rsplit_once("name=\"token\" value=\"").expect("the page has a form");
    after.split('"').next().unwrap().to_owned()
}

pub(super) fn shows(page: &Page, parts: &[&str], absent: &[&str]) {
    for part in parts {
        assert!(page.text.contains(part), "no {part:?} in {}", page.text);
    }
    for part in absent {
        assert!(!page.text.contains(part), "{part:?} in {}", page.text);
    }
}

#[tokio::test]
async fn people_talk_and_correct_what_they_said() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    site.hub.user("bob").await;
    site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let (token, mine) = (form_token(&site, &other).await, form_token(&site, &owner).await);

    shows(&site.get("/ada/thing/discussions", "").await, &[], &["New discussion"]);
    assert_eq!(site.get("/ada/thing/discussions/new", "").await.status, 401);
    shows(
        &site.get("/ada/thing/discussions/new", &other).await,
        &["Open discussion", "for=\"title\"", "for=\"text\""],
        &[],
    );
    let open = async |token: &str, rest: &str| {
        site.post("/ada/thing/discussions/new", &other, &format!("token={token}{rest}")).await
    };
    let forged = open("forged", "&do=open&title=T&text=typed+words").await;
    assert_eq!(forged.status, 403);
    shows(&forged, &["out of date", "typed words"], &[]);
    let empty = open(&token, "&do=open&title=+&text=%3Ci%3Ekept").await;
    assert_eq!(empty.status, 400);
    shows(&empty, &["role=\"alert\"", "one line of 1 to", "&#60;i&#62;kept"], &["<i>"]);
    let seen = open(&token, "&do=preview&title=%22T%22&text=**bold**%3Cscript%3E").await;
    shows(&seen, &["<strong>bold</strong>", "&#34;T&#34;", "**bold**&#60;script"], &["<script"]);
    let made = open(&token, "&do=open&title=Why%3F&text=a%0D%0Ab").await;
    assert_eq!((made.status.as_u16(), made.location()), (303, "/ada/thing/discussions/1"));

    let path = "/ada/thing/discussions/1";
    let send = async |session: &str, token: &str, rest: &str| {
        site.post(path, session, &format!("token={token}{rest}")).await
    };
    assert_eq!(send("", &token, "&do=comment&text=x").await.status, 403, "a stranger");
    assert_eq!(send(&other, &mine, "&do=comment&text=x").await.status, 403, "another's form");
    assert_eq!(send(&other, &token, "&do=shout&text=x").await.status, 400);
    shows(&send(&other, &token, "&do=preview&text=_soft_").await, &["<em>soft</em>", "_soft_"], &[]);
    assert_eq!(send(&other, &token, "&do=comment&text=+").await.status, 400, "an empty comment");
    let said = send(&other, &token, "&do=comment&text=first+%3Cscript%3E").await;
    assert_eq!(said.status, 303);
    let (_, event) = said.location().split_once("/1#").expect("it leads to the comment");
    shows(&site.get(path, "").await, &["Sign in</a> to comment", "first"], &["<script", "Save title"]);

    // Who opened it may close and rename it, and so may the owner; nobody else.
    site.hub.user("eve").await;
    let stranger = site.session("eve").await;
    let eve = form_token(&site, &stranger).await;
    shows(&site.get(path, &stranger).await, &["value=\"comment\""], &["value=\"close\"", "/comments/"]);
    assert_eq!(send(&stranger, &eve, "&do=close").await.status, 403);
    assert_eq!(send(&other, &token, "&do=rename&title=How%3F").await.status, 303);
    assert_eq!(send(&owner, &mine, "&do=close&text=done").await.status, 303);
    shows(&site.get(path, &owner).await, &["How?", "<p>done</p>", "Reopen"], &["value=\"close\""]);
    let again = send(&owner, &mine, "&do=close&text=still+here").await;
    assert_eq!(again.status, 409);
    shows(&again, &["closed already", "still here"], &[]);
    assert_eq!(send(&other, &token, "&do=reopen").await.status, 303);

    let comment = format!("{path}/comments/{event}");
    let change = async |session: &str, token: &str, rest: &str| {
        site.post(&comment, session, &format!("token={token}{rest}")).await
    };
    shows(&site.get(&comment, &other).await, &["Save comment", "Hide comment for good"], &[]);
    shows(&site.get(&comment, &stranger).await, &["how it reads now"], &["Save comment"]);
    assert_eq!(change(&stranger, &eve, "&do=save&text=mine").await.status, 403);
    assert_eq!(change(&other, "forged", "&do=save&text=mine").await.status, 403);
    assert_eq!(change(&other, &token, "&do=save&text=second").await.status, 303);
    shows(&site.get(&comment, "").await, &["<p>second</p>", "first"], &["<script"]);
    shows(&site.get(path, "").await, &["commented (edited)", "Former versions"], &[]);
    shows(&change(&owner, &mine, "&do=hide").await, &["Tick the box"], &[]);
    assert_eq!(change(&owner, &mine, "&do=hide&sure=on").await.status, 303);
    shows(&site.get(&comment, &other).await, &["It was hidden"], &["second", "first"]);
    assert_eq!(site.get(&format!("{path}/comments/none"), "").await.status, 404);
}

#[tokio::test]
async fn lists_are_filtered_and_go_on() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let (bob, _) = site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let repo = site.hub.open(&ada, RepoKind::Model, &id, Action::Propose).await.unwrap();
    for number in 1..=50 {
        site.hub.create_discussion(&ada, &repo, &format!("Point {number}"), "", false).await.unwrap();
    }
    site.hub.create_discussion(&bob, &repo, "100% <b>", "", true).await.unwrap();
    let list = async |query: &str| site.get(&format!("/ada/thing/discussions{query}"), "").await;
    shows(&list("").await, &["Point 2<", "?before=2\"", "51 found"], &["Point 1<", "<b>"]);
    shows(&list("?before=2").await, &["Point 1<", "rel=\"prev\""], &["Point 2<", "rel=\"next\""]);
    shows(&list("?author=BOB").await, &["100%"], &["Point"]);
    shows(&list("?search=point+7").await, &["Point 7<", "Point 47<", "5 found"], &["Point 8"]);
    shows(&list("?search=%25").await, &["100%"], &["Point"]);
    let none = list("?search=%22%3E%3Cscript%3E").await;
    shows(&none, &["No discussion is like this", "&#34;&#62;&#60;script"], &["<script"]);
}

#[tokio::test]
async fn pull_requests_are_merged_by_writers_and_tell_their_conflicts() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let (bob, _) = site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    let repo = site.hub.open(&bob, RepoKind::Model, &id, Action::Propose).await.unwrap();
    for (path, number) in [("a.txt", 1), ("b.txt", 2)] {
        let mut commit = site.hub.start_commit(&bob, &repo, &Revision::main(), true).await.unwrap();
        let (summary, path) = (format!("Change {path}"), RepoPath::parse(path).unwrap());
        commit.push(Operation::Header { summary, description: String::new(), parent: None }).await.unwrap();
        commit.push(Operation::File { path, content: "new\n".into() }).await.unwrap();
        assert_eq!(commit.finish().await.unwrap().pull_request, Some(number));
    }
    site.commit(&ada, RepoKind::Model, &id, &[("b.txt", b"other\n")]).await;
    let (owner, other) = (site.session("ada").await, site.session("bob").await);
    let (mine, token) = (form_token(&site, &owner).await, form_token(&site, &other).await);
    shows(&site.get("/ada/thing/discussions/1", &other).await, &[], &["value=\"merge\""]);
    let merge = async |number: u32, session: &str, token: &str| {
        let path = format!("/ada/thing/discussions/{number}");
        site.post(&path, session, &format!("token={token}&do=merge&text=thanks")).await
    };
    assert_eq!(merge(1, &other, &token).await.status, 403);
    assert_eq!(merge(1, &owner, &mine).await.status, 303);
    shows(&site.get("/ada/thing/discussions/1", "").await, &["set it to merged", "<p>thanks</p>"], &[]);
    let torn = site.get("/ada/thing/discussions/2", &owner).await;
    shows(&torn, &["cannot be merged yet", "<code>b.txt</code>"], &["value=\"merge\""]);
    let refused = merge(2, &owner, &mine).await;
    assert_eq!(refused.status, 409);
    shows(&refused, &["b.txt", "thanks"], &[]);

    let private = RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() };
    site.change(&ada, &id, private).await;
    for path in ["/discussions/new", "/discussions/2", "/discussions/2/comments/x"] {
        let hidden = site.get(&format!("/ada/thing{path}"), &other).await;
        let missing = site.get(&format!("/ada/none{path}"), &other).await;
        assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text), "{path}");
        let form = format!("token={token}&do=comment&title=t&text=kept");
        let hidden = site.post(&format!("/ada/thing{path}"), &other, &form).await;
        let missing = site.post(&format!("/ada/none{path}"), &other, &form).await;
        assert_eq!((hidden.status.as_u16(), &hidden.text), (404, &missing.text), "{path}");
        shows(&hidden, &["kept"], &[]);
    }
}
