//! The form before a gated repo.

use lyceum_core::{AccountName, RepoKind};
use lyceum_hub::{AccessAnswer, Action, Gated, RepoChange, RequestState, RequestTarget};

use super::TestSite;

const CARD: &str = "---\nextra_gated_heading: Read <b>this</b>\nextra_gated_button_content: I agree\n\
    extra_gated_fields:\n  token: text\n  Use:\n    type: select\n    options: [Research, Other]\n  Promise: checkbox\n---\n";

#[tokio::test]
async fn a_gate_is_passed_by_its_form() {
    let site = TestSite::new().await;
    let (ada, _) = site.hub.user("ada").await;
    let (bob, _) = site.hub.user("bob").await;
    let id = site.hub.repo(&ada, RepoKind::Model, "thing").await;
    site.commit(&ada, RepoKind::Model, &id, &[("README.md", CARD.as_bytes())]).await;
    site.change(&ada, &id, RepoChange { visibility: None, gated: Some(Gated::Manual) }).await;

    let stranger = site.get("/ada/thing", "").await.text;
    assert!(stranger.contains("Read &#60;b&#62;this") && stranger.contains("/login?next=%2Fada%2Fthing"));
    assert!(!stranger.contains("request-access"), "only who has signed in may ask");
    let owner = site.session("ada").await;
    assert!(!site.get("/ada/thing", &owner).await.text.contains("request-access"));

    let session = site.session("bob").await;
    let page = site.get("/ada/thing", &session).await.text;
    for words in ["I agree", "name=\"field.token\"", "<option value=\"Other\">", "type=\"checkbox\""] {
        assert!(page.contains(words), "no {words:?} in {page}");
    }
    let token = page.split("name=\"token\" value=\"").last().unwrap().split('"').next().unwrap();
    let send = async |cookie: &str, token: &str, promise: &str| {
        let form = format!("token={token}&field.token=x&field.Use=Other{promise}");
        site.post("/ada/thing/request-access", cookie, &form).await
    };
    assert_eq!(send("", token, "&field.Promise=on").await.status, 403, "another's form");
    assert_eq!(send(&session, "forged", "&field.Promise=on").await.status, 403);
    assert_eq!(send(&session, token, "").await.status, 400, "everything has to be filled in");
    let sent = send(&session, token, "&field.Promise=on").await;
    assert_eq!((sent.status.as_u16(), sent.location()), (303, "/ada/thing"));
    let waiting = site.get("/ada/thing", &session).await.text;
    assert!(waiting.contains("awaits the answer") && !waiting.contains("request-access"));

    let repo = site.hub.open(&ada, RepoKind::Model, &id, Action::AnswerRequests).await.unwrap();
    let target = RequestTarget::User(AccountName::parse("bob").unwrap());
    let no = AccessAnswer {
        state: RequestState::Rejected,
        reason: Some("not <now>".to_owned()),
        expires_at: None,
    };
    site.hub.answer_access(&ada, &repo, &target, no).await.unwrap();
    assert!(site.get("/ada/thing", &session).await.text.contains("authors: not &#60;now"));
    let yes = AccessAnswer { state: RequestState::Accepted, reason: None, expires_at: None };
    site.hub.answer_access(&ada, &repo, &target, yes).await.unwrap();
    assert!(!site.get("/ada/thing", &session).await.text.contains("class=\"gate\""));
    assert!(site.hub.open(&bob, RepoKind::Model, &id, Action::Read).await.is_ok());
}
