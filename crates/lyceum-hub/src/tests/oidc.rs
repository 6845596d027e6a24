//! Signing in by way of a provider: who gets in as whom, and who does not.

use lyceum_core::{AccountName, Clock, Timestamp};
use lyceum_oidc::testing::{CLIENT_ID, CLIENT_SECRET, FakeProvider, Signature};
use serde_json::{Value, json};

use crate::testing::TestHub;
use crate::{
    Caller, ClientSecret, ErrorKind, GroupRole, HubOptions, NewOrganisation, OidcProvider, OidcReturn,
    OidcSession, Result, Role, TokenKind,
};

/// What a browser keeps.
const BROWSER: &str = "the secret of a browser";

struct World {
    hub: TestHub,
    provider: FakeProvider,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut OidcProvider)) -> Self {
        let provider = FakeProvider::start(Clock::from_fn(|| Timestamp(1_700_000_000_000))).await;
        let role = |group: &str, organisation: &str, role| GroupRole {
            group: group.to_owned(),
            organisation: AccountName::parse(organisation).unwrap(),
            role,
        };
        let mut settings = OidcProvider {
            name: "corp".to_owned(),
            label: "Corp".to_owned(),
            issuer: provider.issuer(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(ClientSecret(CLIENT_SECRET.to_owned())),
            scopes: vec!["profile".to_owned()],
            user_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            groups: vec![
                role("readers", "lab", Role::Read),
                role("leads", "Lab", Role::Admin),
                role("leads", "zoo", Role::Write),
                role("leads", "nowhere", Role::Write),
            ],
            create_users: true,
        };
        change(&mut settings);
        let hub = TestHub::with(HubOptions { oidc: vec![settings], ..HubOptions::default() }).await;
        for name in ["lab", "zoo"] {
            let organisation =
                NewOrganisation { name: name.to_owned(), full_name: None, private_by_default: false };
            hub.create_organisation(organisation).await.unwrap();
        }
        Self { hub, provider }
    }

    /// Begins, signs in at the provider, and returns with what the browser brings back.
    async fn go(&self, claims: &Value) -> OidcReturn {
        let location = self.hub.oidc_start("corp", BROWSER, "/models").await.unwrap();
        let returned = self.provider.approve(&location, claims, json!({ "sub": claims["sub"] }));
        OidcReturn { state: returned.state, code: Some(returned.code), ..OidcReturn::default() }
    }

    async fn finish(&self, returned: OidcReturn) -> Result<OidcSession> {
        self.hub.oidc_finish("corp", BROWSER, returned).await
    }

    async fn sign_in(&self, claims: Value) -> Result<Caller> {
        let session = self.finish(self.go(&claims).await).await?;
        assert_eq!(session.next, "/models");
        self.hub.authenticate(&session.secret).await
    }

    async fn refused(&self, returned: OidcReturn, expected: &str) {
        let error = self.finish(returned).await.expect_err(expected);
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
        assert!(error.to_string().contains(expected), "{error} does not say {expected:?}");
    }

    async fn roles(&self, caller: &Caller) -> Vec<(String, Role)> {
        let memberships = self.hub.whoami(caller).await.unwrap().memberships;
        memberships.into_iter().map(|found| (found.organisation.name.to_string(), found.role)).collect()
    }
}

fn name(name: &str) -> AccountName {
    AccountName::parse(name).unwrap()
}

fn user(caller: &Caller) -> &str {
    caller.identity().unwrap().name.as_str()
}

fn ada(groups: &[&str]) -> Value {
    json!({ "sub": "7", "preferred_username": "ada", "groups": groups })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_one_account_for_ever() {
    let world = World::new().await;
    let first = json!({
        "sub": "7", "preferred_username": "ada@corp.test", "name": "Ada L.", "email": "ada@corp.test",
        "email_verified": true, "groups": [],
    });
    let caller = world.sign_in(first).await.unwrap();
    let me = world.hub.whoami(&caller).await.unwrap().account;
    assert_eq!((me.name.as_str(), me.full_name.as_str()), ("ada", "Ada L."));
    assert_eq!((me.email.as_deref(), me.admin), (Some("ada@corp.test"), false));
    assert_eq!(caller.identity().unwrap().token_kind, TokenKind::Session);
    let renamed = json!({ "sub": "7", "preferred_username": "countess", "groups": [] });
    assert_eq!(user(&world.sign_in(renamed).await.unwrap()), "ada");
    assert_eq!(world.hub.oidc_providers(), [("corp", "Corp")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_address_proves_nothing() {
    let world = World::new().await;
    let (alice, _) = world.hub.user("alice").await;
    let first = world
        .sign_in(
            json!({ "sub": "1", "preferred_username": "a", "email": "x@corp.test", "email_verified": true }),
        )
        .await
        .unwrap();
    for (subject, name, email) in [("2", "b", "X@corp.test"), ("3", "c", "y@corp.test")] {
        let claims = json!({ "sub": subject, "preferred_username": name, "email": email, "email_verified": subject == "2" });
        let caller = world.sign_in(claims).await.unwrap();
        assert_eq!(world.hub.whoami(&caller).await.unwrap().account.email, None, "{email}");
        assert_eq!(user(&caller), name);
    }
    assert_ne!(first.identity().unwrap().user_id, alice.identity().unwrap().user_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_is_told_with_what_to_do() {
    let world = World::new().await;
    let (alice, _) = world.hub.user("Ada").await;
    let error = world.sign_in(ada(&[])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("lyceum user link NAME --provider corp --subject 7"), "{error}");
    world.hub.link_identity(&name("ada"), "corp", "7").await.unwrap();
    let caller = world.sign_in(ada(&["readers"])).await.unwrap();
    assert_eq!(caller.identity().unwrap().user_id, alice.identity().unwrap().user_id);
    assert_eq!(world.roles(&caller).await, [("lab".to_owned(), Role::Read)]);

    world.hub.user("bob").await;
    let taken = world.hub.link_identity(&name("bob"), "corp", "7").await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    world.hub.unlink_identity(&name("ada"), "corp").await.unwrap();
    assert!(world.roles(&caller).await.is_empty());
    assert_eq!(world.sign_in(ada(&[])).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let again = world.hub.unlink_identity(&name("ada"), "corp").await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
    for bad in ["", "a b", "login", "@x"] {
        let claims = json!({ "sub": "9", "preferred_username": bad });
        let error = world.sign_in(claims).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{bad}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_stay_out_where_the_operator_says_so() {
    let world = World::with(|provider| provider.create_users = false).await;
    let error = world.sign_in(ada(&[])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("--subject 7"), "{error}");
    world.hub.user("alice").await;
    world.hub.link_identity(&name("alice"), "corp", "7").await.unwrap();
    assert_eq!(user(&world.sign_in(ada(&[])).await.unwrap()), "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_give_and_take_roles_at_each_sign_in() {
    let world = World::new().await;
    let role = |organisation: &str, role| (organisation.to_owned(), role);
    for (groups, expected) in [
        (&["readers"][..], vec![role("lab", Role::Read)]),
        (&["readers", "leads"], vec![role("lab", Role::Admin), role("zoo", Role::Write)]),
        (&["others", "readers"], vec![role("lab", Role::Read)]),
        (&[], vec![]),
    ] {
        let caller = world.sign_in(ada(groups)).await.unwrap();
        assert_eq!(world.roles(&caller).await, expected, "{groups:?}");
    }
    world.hub.add_member(&name("lab"), &name("ada"), Role::Contributor).await.unwrap();
    for groups in [&["leads"][..], &[]] {
        let caller = world.sign_in(ada(groups)).await.unwrap();
        let lab = world.roles(&caller).await.into_iter().find(|(organisation, _)| organisation == "lab");
        assert_eq!(lab, Some(role("lab", Role::Contributor)), "given by hand: {groups:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_comes_back_once_in_time_to_the_same_browser() {
    let world = World::new().await;
    let good = world.go(&ada(&[])).await;
    let other = world.hub.oidc_finish("corp", "another browser", good.clone()).await.unwrap_err();
    assert!(other.to_string().contains("another browser"), "{other}");
    let none = world.hub.oidc_finish("none", BROWSER, good.clone()).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    let forged = OidcReturn { state: good.state.to_uppercase(), ..good.clone() };
    world.refused(forged, "not begun here").await;
    let mixed = OidcReturn { issuer: Some("https://other.test".to_owned()), ..good.clone() };
    world.refused(mixed, "another provider").await;
    world.finish(good.clone()).await.unwrap();
    world.refused(good, "finished before").await;

    let late = world.go(&ada(&[])).await;
    world.hub.advance_seconds(600);
    world.refused(late, "ten minutes").await;

    let mut denied = world.go(&ada(&[])).await;
    denied.error = Some("access_denied\u{1b}<b>".to_owned());
    world.refused(denied.clone(), "Corp did not let you in: access_denied<b>").await;
    world.refused(denied, "finished before").await;
    let mut nothing = world.go(&ada(&[])).await;
    nothing.code = None;
    world.refused(nothing, "could not be verified").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_nothing_opens_nothing() {
    let world = World::new().await;
    for claims in [json!({ "nonce": "other" }), json!({ "aud": "other" }), json!({ "exp": 1_600_000_000 })] {
        world.refused(world.go(&claims).await, "could not be verified").await;
    }
    for signature in [Signature::None, Signature::Shared, Signature::Forged] {
        world.provider.sign_as(signature);
        world.refused(world.go(&ada(&[])).await, "could not be verified").await;
    }
    world.provider.sign_as(Signature::Genuine);
    let late = world.go(&ada(&[])).await;
    world.provider.set_down(true);
    assert_eq!(world.finish(late).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!world.hub.any_users().await.unwrap());
}
