//! Tokens for programs that an issuer vouches for.

use std::collections::BTreeMap;

use lyceum_core::{AccountName, Clock, RepoId, RepoKind, Timestamp};
use lyceum_oidc::testing::{FakeProvider, Signature};
use serde_json::{Value, json};

use super::{commit, file};
use crate::testing::TestHub;
use crate::{
    Action, Caller, ErrorKind, HubOptions, NewOrganisation, NewPublisher, NewRepo, NewToken, Publishers,
    Result, Role, ScopeTarget, TokenLimits, TokenRole, TokenScope,
};

const HUB: &str = "https://hub.test";

struct World {
    hub: TestHub,
    issuer: FakeProvider,
    alice: Caller,
}

impl World {
    /// A hub on which alice administers `lab` and has the model `alice/m`.
    async fn new() -> Self {
        let issuer = FakeProvider::start(Clock::from_fn(|| Timestamp(1_700_000_000_000))).await;
        let options = HubOptions {
            public_url: HUB.to_owned(),
            publisher_issuers: vec![issuer.issuer()],
            ..HubOptions::default()
        };
        let hub = TestHub::with(options).await;
        let (alice, _) = hub.user("alice").await;
        hub.repo(&alice, RepoKind::Model, "m").await;
        let lab = NewOrganisation { name: "lab".to_owned(), full_name: None, private_by_default: true };
        hub.create_organisation(lab).await.unwrap();
        hub.add_member(&name("lab"), &name("alice"), Role::Admin).await.unwrap();
        for repo in ["a", "b"] {
            let new = NewRepo { namespace: Some(name("lab")), ..NewRepo::new(RepoKind::Dataset, repo) };
            hub.create_repo(&alice, new).await.unwrap();
        }
        Self { hub, issuer, alice }
    }

    async fn of_model(&self) -> Publishers {
        let id = RepoId::parse("alice/m").unwrap();
        let repo = self.hub.open(&self.alice, RepoKind::Model, &id, Action::Administer).await.unwrap();
        self.hub.publishers_of_repo(&self.alice, &repo).unwrap()
    }

    async fn trust(&self, place: &Publishers, claims: &[(&str, &str)]) -> Result<i64> {
        let claims: BTreeMap<_, _> =
            claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let new = NewPublisher { issuer: self.issuer.issuer(), claims };
        Ok(self.hub.add_publisher(place, new, None).await?.id)
    }

    async fn exchange(&self, claims: Value, resource: &str) -> Result<Caller> {
        let token = self.issuer.token(HUB, &claims);
        let given = self.hub.exchange_id_token(&token, resource).await?;
        assert_eq!(given.expires_in_seconds, 3600);
        self.hub.authenticate(&given.access_token).await
    }

    async fn refused(&self, claims: Value, resource: &str) {
        let error = self.exchange(claims, resource).await.expect_err(resource);
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
        assert_eq!(
            error.message(),
            "there is no such resource, or none that trusts this program",
            "{resource}"
        );
    }

    async fn may(&self, caller: &Caller, kind: RepoKind, id: &str, action: Action) -> bool {
        self.hub.open(caller, kind, &RepoId::parse(id).unwrap(), action).await.is_ok()
    }
}

fn name(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

fn job(repository: &str) -> Value {
    json!({ "sub": format!("repo:{repository}:ref:refs/heads/main"), "repository": repository, "ref": "refs/heads/main" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_writes_to_its_repo_only() {
    let world = World::new().await;
    let place = world.of_model().await;
    let claims = [("repository", "octo/m"), ("ref", "refs/heads/main")];
    let id = world.trust(&place, &claims).await.unwrap();
    let program = world.exchange(job("octo/m"), "alice/m").await.unwrap();
    let repo = RepoId::parse("alice/m").unwrap();
    let repo = world.hub.open(&program, RepoKind::Model, &repo, Action::Write).await.unwrap();
    commit(&world.hub, &program, &repo, "main", vec![file("a.txt", "x")]).await.unwrap();
    assert!(!world.may(&program, RepoKind::Model, "alice/m", Action::Administer).await);
    assert!(!world.may(&program, RepoKind::Dataset, "lab/a", Action::Discover).await);
    assert!(world.hub.create_repo(&program, NewRepo::new(RepoKind::Model, "more")).await.is_err());
    let opened = world.hub.open(&world.alice, RepoKind::Model, repo.id(), Action::Administer).await.unwrap();
    assert!(world.hub.publishers_of_repo(&program, &opened).is_err(), "it trusts nobody else");

    for (claims, resource) in [
        (job("octo/other"), "alice/m"),
        (json!({ "repository": "octo/m", "ref": "refs/heads/topic" }), "alice/m"),
        (json!({ "repository": "octo/m" }), "alice/m"),
        (job("octo/m"), "alice/none"),
        (job("octo/m"), "datasets/alice/m"),
        (job("octo/m"), "datasets/lab/a"),
        (job("octo/m"), "alice"),
        (job("octo/m"), "lab"),
        (job("octo/m"), "models/alice/m/x"),
        (job("octo/m"), "a b"),
    ] {
        world.refused(claims, resource).await;
    }
    let listed = world.hub.list_publishers(&place).await.unwrap();
    assert_eq!((listed.len(), listed[0].user.as_str(), listed[0].used_at.is_some()), (1, "alice", true));
    world.hub.remove_publisher(&place, id).await.unwrap();
    assert!(world.hub.remove_publisher(&place, id).await.is_err());
    world.refused(job("octo/m"), "alice/m").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_with_the_hour_the_publisher_and_the_rights() {
    let world = World::new().await;
    let place = world.of_model().await;
    let id = world.trust(&place, &[("sub", "repo:octo/m:*")]).await.unwrap();
    let token = world.issuer.token(HUB, &job("octo/m"));
    let secrets = [(); 2].map(|()| world.hub.exchange_id_token(&token, "alice/m"));
    let [first, second] = secrets;
    let (first, second) = (first.await.unwrap().access_token, second.await.unwrap().access_token);
    world.hub.authenticate(&first).await.unwrap();
    world.hub.remove_publisher(&place, id).await.unwrap();
    assert!(world.hub.authenticate(&first).await.is_err() && world.hub.authenticate(&second).await.is_err());

    world.trust(&place, &[("sub", "repo:octo/m:*")]).await.unwrap();
    let third = world.hub.exchange_id_token(&token, "alice/m").await.unwrap().access_token;
    world.hub.advance_seconds(3600);
    assert!(world.hub.authenticate(&third).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_trusts_for_all_of_its_repos() {
    let world = World::new().await;
    let lab = world.hub.publishers_of_organisation(&world.alice, &name("lab")).await.unwrap();
    world.trust(&lab, &[("repository", "octo/all")]).await.unwrap();
    let one = world.exchange(job("octo/all"), "datasets/lab/a").await.unwrap();
    assert!(world.may(&one, RepoKind::Dataset, "lab/a", Action::Write).await);
    assert!(!world.may(&one, RepoKind::Dataset, "lab/b", Action::Read).await, "it asked for the other one");
    let all = world.exchange(job("octo/all"), "lab").await.unwrap();
    assert!(world.may(&all, RepoKind::Dataset, "lab/b", Action::Write).await);
    assert!(!world.may(&all, RepoKind::Model, "alice/m", Action::Write).await);
    world.refused(job("octo/all"), "alice/m").await;

    let (bob, _) = world.hub.user("bob").await;
    assert!(world.hub.publishers_of_organisation(&bob, &name("lab")).await.is_err());
    // The operator names a service account; its rights are what counts.
    let ci = crate::NewServiceAccount { name: "ci".to_owned(), full_name: None, email: None };
    world.hub.create_service_account(ci).await.unwrap();
    let place = world.hub.publishers_of(&ScopeTarget::parse("dataset:lab/b").unwrap()).await.unwrap();
    let claims = BTreeMap::from([("repository".to_owned(), "octo/b".to_owned())]);
    let new = NewPublisher { issuer: world.issuer.issuer(), claims };
    assert!(world.hub.add_publisher(&place, new.clone(), None).await.is_err(), "whose?");
    world.hub.add_publisher(&place, new, Some(&name("ci"))).await.unwrap();
    world.refused(job("octo/b"), "datasets/lab/b").await;
    world.hub.add_member(&name("lab"), &name("ci"), Role::Write).await.unwrap();
    let program = world.exchange(job("octo/b"), "datasets/lab/b").await.unwrap();
    assert!(world.may(&program, RepoKind::Dataset, "lab/b", Action::Write).await);
    world.hub.drop_member(&name("lab"), &name("ci")).await.unwrap();
    assert!(!world.may(&program, RepoKind::Dataset, "lab/b", Action::Write).await);
    for bad in ["everywhere", "user:alice", "model:lab/none", "org:none"] {
        assert!(world.hub.publishers_of(&ScopeTarget::parse(bad).unwrap()).await.is_err(), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_genuine_tokens_for_this_hub_count() {
    let world = World::new().await;
    let place = world.of_model().await;
    world.trust(&place, &[("repository", "octo/m")]).await.unwrap();
    let now = world.hub.clock().now().seconds();
    let mut wrong = job("octo/m");
    wrong["exp"] = (now - 120).into();
    let elsewhere = json!({ "iss": "https://evil.test", "repository": "octo/m" });
    let verified = "the token could not be verified: it must be genuine, in time, and for this hub's address";
    for (token, expected) in [
        (world.issuer.token("https://other.test", &job("octo/m")), verified),
        (world.issuer.token(HUB, &wrong), verified),
        (world.issuer.token(HUB, &elsewhere), "the token's issuer is not trusted by this hub"),
        ("x".to_owned(), "the token's issuer is not trusted by this hub"),
    ] {
        let error = world.hub.exchange_id_token(&token, "alice/m").await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Forbidden, expected));
    }
    for signature in [Signature::None, Signature::Shared, Signature::Forged] {
        world.issuer.sign_as(signature);
        let token = world.issuer.token(HUB, &job("octo/m"));
        let error = world.hub.exchange_id_token(&token, "alice/m").await.unwrap_err();
        assert_eq!(error.message(), verified, "{signature:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_trust_and_only_known_issuers() {
    let world = World::new().await;
    let place = world.of_model().await;
    let new = NewPublisher {
        issuer: "https://other.test".to_owned(),
        claims: BTreeMap::from([("sub".to_owned(), "x".to_owned())]),
    };
    let error = world.hub.add_publisher(&place, new, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains(&world.issuer.issuer()), "{error}");
    assert_eq!(world.trust(&place, &[("ref", "main")]).await.unwrap_err().kind(), ErrorKind::Invalid);
    for number in 0..50 {
        world.trust(&place, &[("sub", &format!("s{number}"))]).await.unwrap();
    }
    assert_eq!(world.trust(&place, &[("sub", "more")]).await.unwrap_err().kind(), ErrorKind::TooLarge);

    // A token with limits would leave something behind that has none.
    let limits = TokenLimits {
        scopes: vec![TokenScope::parse("model:alice/m=repo.write").unwrap()],
        ..TokenLimits::default()
    };
    let token = NewToken { name: "t".to_owned(), role: TokenRole::FineGrained, value: None };
    let secret = world.hub.create_limited_token(&name("alice"), token, limits).await.unwrap();
    let scoped = world.hub.authenticate(&secret).await.unwrap();
    let id = RepoId::parse("alice/m").unwrap();
    let repo = world.hub.open(&scoped, RepoKind::Model, &id, Action::Administer).await.unwrap();
    assert_eq!(world.hub.publishers_of_repo(&scoped, &repo).unwrap_err().kind(), ErrorKind::Forbidden);
}
