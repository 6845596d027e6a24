use lyceum_core::{AccountName, RepoId, RepoKind};
use serde_json::{Map, Value, json};

use super::file;
use crate::testing::TestHub;
use crate::{
    AccessAnswer, Action, Caller, ErrorKind, GateStanding, Gated, NewToken, RepoChange, RequestState,
    RequestTarget, Result, Role, TokenLimits, TokenRole, TokenScope, Visibility,
};

const MODEL: RepoKind = RepoKind::Model;

/// A gated model of alice's, and bob who wants it.
struct Gate {
    alice: Caller,
    bob: Caller,
    id: RepoId,
}

impl Gate {
    async fn new(hub: &TestHub, gated: Gated) -> Self {
        let (alice, _) = hub.user("alice").await;
        let (bob, _) = hub.user("bob").await;
        let id = hub.repo(&alice, MODEL, "m").await;
        let gate = Self { alice, bob, id };
        gate.change(hub, gated).await;
        gate
    }

    async fn change(&self, hub: &TestHub, gated: Gated) {
        let repo = hub.open(&self.alice, MODEL, &self.id, Action::Administer).await.unwrap();
        let change = RepoChange { visibility: None, gated: Some(gated) };
        hub.change_repo(&self.alice, &repo, change).await.unwrap();
    }

    async fn ask(&self, hub: &TestHub, fields: Value) -> Result<GateStanding> {
        let repo = hub.open(&self.bob, MODEL, &self.id, Action::Discover).await.unwrap();
        hub.ask_access(&self.bob, &repo, fields.as_object().unwrap().clone()).await
    }

    async fn answer(&self, hub: &TestHub, answer: AccessAnswer) -> Result<(), ErrorKind> {
        let repo = hub.open(&self.alice, MODEL, &self.id, Action::AnswerRequests).await.unwrap();
        let target = RequestTarget::User(name("bob"));
        let answered = hub.answer_access(&self.alice, &repo, &target, answer).await;
        answered.map(|_| ()).map_err(|error| error.kind())
    }

    async fn listed(&self, hub: &TestHub, state: RequestState) -> Vec<crate::AccessRequest> {
        let repo = hub.open(&self.alice, MODEL, &self.id, Action::SeeRequests).await.unwrap();
        hub.access_requests(&repo, state, None, 9).await.unwrap().requests
    }

    /// Why bob may not read, or nothing.
    async fn refused(&self, hub: &TestHub) -> Option<String> {
        let opened = hub.open(&self.bob, MODEL, &self.id, Action::Read).await;
        let error = opened.err()?;
        assert_eq!(error.kind(), ErrorKind::Gated);
        let start = "Access to model alice/m is restricted and you are not in the authorized list.";
        Some(error.message().strip_prefix(start).unwrap().trim().to_owned())
    }
}

fn name(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

fn to(state: RequestState) -> AccessAnswer {
    AccessAnswer { state, reason: None, expires_at: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_gate_opens_when_its_owner_says_so() {
    for hub in TestHub::each().await {
        let gate = Gate::new(&hub, Gated::Manual).await;
        assert_eq!(gate.refused(&hub).await.unwrap(), "");
        assert_eq!(gate.answer(&hub, to(RequestState::Accepted)).await, Err(ErrorKind::NotFound));
        assert_eq!(gate.ask(&hub, json!({})).await.unwrap(), GateStanding::Pending);
        assert_eq!(gate.ask(&hub, json!({})).await.unwrap(), GateStanding::Pending);
        assert_eq!(gate.refused(&hub).await.unwrap(), "Your request awaits the answer of its authors.");
        assert_eq!(gate.listed(&hub, RequestState::Pending).await[0].user, name("bob"));

        let reason =
            |reason: &str| AccessAnswer { reason: Some(reason.to_owned()), ..to(RequestState::Rejected) };
        assert_eq!(gate.answer(&hub, reason(&"x".repeat(201))).await, Err(ErrorKind::Invalid));
        assert_eq!(gate.answer(&hub, reason("not yet")).await, Ok(()));
        assert_eq!(gate.answer(&hub, reason("not yet")).await, Err(ErrorKind::NotFound));
        assert_eq!(gate.refused(&hub).await.unwrap(), "Your request was rejected by its authors: not yet");
        let rejected = GateStanding::Rejected(Some("not yet".to_owned()));
        assert_eq!(gate.ask(&hub, json!({})).await.unwrap(), rejected, "asking again changes nothing");

        assert_eq!(gate.answer(&hub, to(RequestState::Accepted)).await, Ok(()));
        assert_eq!(gate.refused(&hub).await, None);
        assert_eq!(gate.listed(&hub, RequestState::Accepted).await.len(), 1);
        assert_eq!(gate.answer(&hub, to(RequestState::Pending)).await, Ok(()));
        assert!(gate.refused(&hub).await.is_some(), "what was given can be taken back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_gate_opens_on_asking_but_not_against_its_owner() {
    for hub in TestHub::each().await {
        let gate = Gate::new(&hub, Gated::Auto).await;
        assert!(gate.refused(&hub).await.is_some());
        assert_eq!(gate.ask(&hub, json!({})).await.unwrap(), GateStanding::Accepted(None));
        assert_eq!(gate.refused(&hub).await, None);
        for state in [RequestState::Pending, RequestState::Rejected] {
            hub.advance_seconds(1);
            gate.answer(&hub, to(state)).await.unwrap();
            gate.ask(&hub, json!({})).await.unwrap();
            assert!(gate.refused(&hub).await.is_some(), "{state}: the owner's answer counts");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_let_in_when_the_gate_becomes_automatic() {
    let hub = TestHub::new().await;
    let gate = Gate::new(&hub, Gated::Manual).await;
    gate.ask(&hub, json!({})).await.unwrap();
    gate.change(&hub, Gated::Auto).await;
    assert!(gate.refused(&hub).await.is_some());
    assert_eq!(gate.ask(&hub, json!({})).await.unwrap(), GateStanding::Accepted(None));
    gate.change(&hub, Gated::No).await;
    assert_eq!(gate.ask(&hub, json!({})).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(gate.refused(&hub).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_ends_at_its_date() {
    for hub in TestHub::each().await {
        let gate = Gate::new(&hub, Gated::Auto).await;
        let repo = hub.open(&gate.alice, MODEL, &gate.id, Action::AnswerRequests).await.unwrap();
        let now = hub.clock().now();
        let grant = async |end| {
            let granted = hub.grant_access(&gate.alice, &repo, &name("bob"), end).await;
            granted.map(|_| ()).map_err(|error| error.kind())
        };
        assert_eq!(grant(Some(now)).await, Err(ErrorKind::Invalid), "a date in the past");
        assert_eq!(grant(Some(now.plus_seconds(60))).await, Ok(()));
        assert_eq!(grant(None).await, Err(ErrorKind::Invalid), "there is access already");
        assert_eq!(gate.refused(&hub).await, None);
        hub.advance_seconds(60);
        assert!(gate.refused(&hub).await.unwrap().starts_with("The access that you were given has ended"));
        assert_eq!(
            gate.ask(&hub, json!({})).await.unwrap(),
            GateStanding::Pending,
            "the owner had set the end"
        );
        let later = AccessAnswer { expires_at: Some(now.plus_seconds(120)), ..to(RequestState::Accepted) };
        assert_eq!(gate.answer(&hub, later).await, Ok(()));
        assert_eq!(gate.refused(&hub).await, None);
        assert_eq!(gate.answer(&hub, to(RequestState::Accepted)).await, Ok(()), "without an end");
        hub.advance_seconds(1000);
        assert_eq!(gate.refused(&hub).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_card_says_what_is_asked() {
    let hub = TestHub::new().await;
    let gate = Gate::new(&hub, Gated::Manual).await;
    let repo = hub.open(&gate.alice, MODEL, &gate.id, Action::Write).await.unwrap();
    let card = "---\nextra_gated_fields:\n  Company: text\n  I agree: checkbox\n---\n";
    super::commit(&hub, &gate.alice, &repo, "main", vec![file("README.md", card)]).await.unwrap();
    assert_eq!(gate.ask(&hub, json!({ "Company": "Acme" })).await.unwrap_err().kind(), ErrorKind::Invalid);
    gate.ask(&hub, json!({ "Company": "Acme", "I agree": "true" })).await.unwrap();
    let request = gate.listed(&hub, RequestState::Pending).await.remove(0);
    assert_eq!(Value::Object(request.fields), json!({ "Company": "Acme", "I agree": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_address_is_shared_by_asking_only() {
    let hub = TestHub::new().await;
    let gate = Gate::new(&hub, Gated::Manual).await;
    for user in ["carol", "dave"] {
        let user = crate::NewUser {
            name: user.to_owned(),
            full_name: None,
            email: Some(format!("{user}@example.com")),
            admin: false,
            password: None,
        };
        hub.create_user(user).await.unwrap();
    }
    let token = NewToken { name: "t".to_owned(), role: TokenRole::Write, value: None };
    let carol = hub.create_token(&name("carol"), token).await.unwrap();
    let carol = hub.authenticate(&carol).await.unwrap();
    let repo = hub.open(&carol, MODEL, &gate.id, Action::Discover).await.unwrap();
    hub.ask_access(&carol, &repo, Map::new()).await.unwrap();
    let repo = hub.open(&gate.alice, MODEL, &gate.id, Action::AnswerRequests).await.unwrap();
    assert_eq!(hub.grant_access(&gate.alice, &repo, &name("dave"), None).await.unwrap().email, None);
    let granted = hub.grant_access(&gate.alice, &repo, &name("carol"), None).await.unwrap();
    assert_eq!(granted.email.as_deref(), Some("carol@example.com"));
    let page = hub.access_requests(&repo, RequestState::Accepted, None, 1).await.unwrap();
    let rest = hub.access_requests(&repo, RequestState::Accepted, page.next.as_deref(), 9).await.unwrap();
    assert_eq!((page.requests.len(), rest.requests.len(), rest.next), (1, 1, None));
    let by_id = RequestTarget::Id(page.requests[0].id.clone());
    hub.answer_access(&gate.alice, &repo, &by_id, to(RequestState::Rejected)).await.unwrap();
    for wrong in ["", "zz", "0", &"f".repeat(24), "000000000000000000000009"] {
        let wrong = RequestTarget::Id(wrong.to_owned());
        let answer = hub.answer_access(&gate.alice, &repo, &wrong, to(RequestState::Accepted)).await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limited_tokens_do_not_carry_access_unless_they_say_so() {
    let hub = TestHub::new().await;
    let gate = Gate::new(&hub, Gated::Auto).await;
    gate.ask(&hub, json!({})).await.unwrap();
    for (scope, read_gated, reads) in [
        ("user:bob=repo.write", false, false),
        ("user:bob=repo.write", true, true),
        ("model:alice/m=repo.content.read", false, true),
        ("user:alice=discussion.write", false, false),
    ] {
        let limits =
            TokenLimits { scopes: vec![TokenScope::parse(scope).unwrap()], read_gated, expires_at: None };
        let token = NewToken { name: "t".to_owned(), role: TokenRole::FineGrained, value: None };
        let token = hub.create_limited_token(&name("bob"), token, limits).await.unwrap();
        let caller = hub.authenticate(&token).await.unwrap();
        let opened = hub.open(&caller, MODEL, &gate.id, Action::Read).await;
        assert_eq!(opened.is_ok(), reads, "{scope} {read_gated}: {opened:?}");
        let repo = hub.open(&caller, MODEL, &gate.id, Action::Discover).await.unwrap();
        let asked = hub.ask_access(&caller, &repo, Map::new()).await;
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::Forbidden, "to ask is the user's own act");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_gated_opens_what_is_public_only() {
    let hub = TestHub::new().await;
    let gate = Gate::new(&hub, Gated::Auto).await;
    gate.ask(&hub, json!({})).await.unwrap();
    let lab = crate::NewOrganisation { name: "lab".to_owned(), full_name: None, private_by_default: false };
    hub.create_organisation(lab).await.unwrap();
    for (user, role) in [("alice", Role::Admin), ("bob", Role::Read)] {
        hub.add_member(&name("lab"), &name(user), role).await.unwrap();
    }
    let moved = RepoId::parse("lab/m").unwrap();
    let repo = hub.open(&gate.alice, MODEL, &gate.id, Action::Administer).await.unwrap();
    hub.move_repo(&gate.alice, &repo, &moved).await.unwrap();
    let scopes = vec![TokenScope::parse("org:lab=discussion.write").unwrap()];
    let limits = TokenLimits { scopes, read_gated: true, expires_at: None };
    let token = NewToken { name: "t".to_owned(), role: TokenRole::FineGrained, value: None };
    let token = hub.create_limited_token(&name("bob"), token, limits).await.unwrap();
    let caller = hub.authenticate(&token).await.unwrap();
    for (visibility, refused) in
        [(Visibility::Public, None), (Visibility::Private, Some(ErrorKind::Forbidden))]
    {
        let change = RepoChange { visibility: Some(visibility), gated: None };
        hub.change_repo(&gate.alice, &repo, change).await.unwrap();
        let opened = hub.open(&caller, MODEL, &moved, Action::Read).await;
        assert_eq!(opened.err().map(|error| error.kind()), refused, "{visibility}");
    }
}
