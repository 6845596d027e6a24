//! What is believed of a provider, and what is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lyceum_core::{Clock, Timestamp};
use lyceum_fetch::{AllowList, Fetcher, Resolver};
use serde_json::{Value, json};

use crate::testing::{CLIENT_ID, CLIENT_SECRET, FakeProvider, Signature};
use crate::{Claims, Client, ClientSecret, ClientSettings, Error, Issuer, Login, check_issuer};

const KEYS: &str = "/keys";

struct World {
    provider: FakeProvider,
    client: Client,
    now: Arc<AtomicI64>,
}

impl World {
    async fn new() -> Self {
        let now = Arc::new(AtomicI64::new(1_700_000_000_000));
        let ticking = Arc::clone(&now);
        let clock = Clock::from_fn(move || Timestamp(ticking.load(Ordering::Relaxed)));
        let provider = FakeProvider::start(clock.clone()).await;
        let fetcher = Fetcher::new(AllowList::parse("127.0.0.1").unwrap(), Resolver::system());
        let issuer = Issuer::new(&provider.issuer(), fetcher, clock).unwrap();
        let settings = ClientSettings {
            id: CLIENT_ID.to_owned(),
            secret: Some(ClientSecret(CLIENT_SECRET.to_owned())),
            redirect_uri: "https://hub.test/login/oidc/x/callback".to_owned(),
            scopes: vec!["profile".to_owned()],
        };
        Self { provider, client: Client::new(issuer, settings).unwrap(), now }
    }

    fn wait(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// Signs in with claims, and what is said only when asked for.
    async fn sign_in(&self, claims: Value, info: Value) -> Result<Claims, Error> {
        let location = self.client.authorize(&login()).await?;
        let returned = self.provider.approve(&location, &claims, info);
        assert_eq!(returned.state, login().state);
        self.client.redeem(&returned.code, &login(), &["groups"]).await
    }

    async fn refused(&self, claims: Value, expected: &str) {
        let error = self.sign_in(claims.clone(), json!({ "sub": "1" })).await.expect_err(expected);
        assert!(matches!(error, Error::Refused(_)), "{claims}: {error}");
        assert!(error.to_string().contains(expected), "{claims}: {error} does not say {expected:?}");
    }
}

fn login() -> Login {
    Login { state: "state".to_owned(), nonce: "nonce".to_owned(), verifier: "v".repeat(43) }
}

#[tokio::test]
async fn a_login_tells_who_somebody_is() {
    let world = World::new().await;
    let location = world.client.authorize(&login()).await.unwrap();
    for part in ["scope=openid+profile", "code_challenge_method=S256", "state=state", "nonce=nonce"] {
        assert!(location.contains(part), "{location}");
    }
    assert!(!location.contains(&login().verifier), "{location}");
    let token =
        json!({ "sub": "7", "groups": ["a", "b"], "realm": { "roles": ["c"] }, "email_verified": "true" });
    let claims = world.sign_in(token, json!({})).await.unwrap();
    assert_eq!((claims.subject(), claims.list("groups")), ("7", vec!["a", "b"]));
    assert_eq!((claims.list("realm.roles"), claims.list("realm.none")), (vec!["c"], vec![]));
    assert!(claims.holds("email_verified"));
    assert_eq!(world.provider.asked("/me"), 0, "the token says it all");
    let info = json!({ "sub": "7", "groups": "a", "name": "not asked for, taken all the same" });
    let claims = world.sign_in(json!({ "sub": "7", "name": "Ada" }), info).await.unwrap();
    assert_eq!((claims.list("groups"), claims.text("name")), (vec!["a"], Some("Ada")));
    assert_eq!(world.provider.asked(KEYS), 1, "keys are kept");
}

#[tokio::test]
async fn what_was_signed_for_others_is_refused() {
    let world = World::new().await;
    let now = world.now.load(Ordering::Relaxed) / 1000;
    world.refused(json!({ "nonce": "other" }), "nonce").await;
    world.refused(json!({ "nonce": null }), "nonce").await;
    world.refused(json!({ "aud": "other" }), "audience").await;
    world.refused(json!({ "aud": [CLIENT_ID, "other"] }), "audience").await;
    world.refused(json!({ "azp": "other" }), "another party").await;
    world.refused(json!({ "iss": "https://other.test" }), "issuer").await;
    world.refused(json!({ "exp": now - 61 }), "expired").await;
    world.refused(json!({ "iat": now + 61 }), "future").await;
    world.refused(json!({ "nbf": now + 61 }), "not valid yet").await;
    world.refused(json!({ "nbf": "soon" }), "not valid yet").await;
    world.refused(json!({ "sub": "" }), "subject").await;
    world.refused(json!({ "sub": "2" }), "somebody else").await;
    let near = json!({ "exp": now - 30, "iat": now + 30, "azp": CLIENT_ID, "groups": [] });
    world.sign_in(near, json!({})).await.unwrap();
}

#[tokio::test]
async fn what_the_provider_did_not_sign_is_refused() {
    let world = World::new().await;
    for (signature, expected) in [
        (Signature::None, "No signature"),
        (Signature::Shared, "HS256"),
        (Signature::Unknown, "No matching key"),
        (Signature::Forged, "Crypto error"),
    ] {
        world.provider.sign_as(signature);
        world.refused(json!({}), expected).await;
    }
}

#[tokio::test]
async fn a_code_is_worth_nothing_without_its_login() {
    let world = World::new().await;
    let location = world.client.authorize(&login()).await.unwrap();
    let returned = world.provider.approve(&location, &json!({ "groups": [] }), json!({}));
    let other = Login { verifier: "w".repeat(43), ..login() };
    for (code, login) in [(returned.code.as_str(), &other), ("another", &login()), ("", &login())] {
        let error = world.client.redeem(code, login, &[]).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
    }
    world.client.redeem(&returned.code, &login(), &[]).await.unwrap();
}

#[tokio::test]
async fn new_keys_are_found_once_a_minute() {
    let world = World::new().await;
    let token = json!({ "groups": [] });
    world.sign_in(token.clone(), json!({})).await.unwrap();
    world.provider.rotate();
    world.refused(token.clone(), "No matching key").await;
    assert_eq!(world.provider.asked(KEYS), 1, "asked a moment ago");
    world.wait(61);
    world.sign_in(token.clone(), json!({})).await.unwrap();
    world.provider.sign_as(Signature::Unknown);
    for _ in 0..3 {
        world.refused(token.clone(), "No matching key").await;
    }
    assert_eq!(world.provider.asked(KEYS), 2);
    world.provider.sign_as(Signature::Genuine);
    world.wait(3601);
    world.sign_in(token, json!({})).await.unwrap();
    assert_eq!(world.provider.asked(KEYS), 3, "what is known gets old");
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_in_peace() {
    let world = World::new().await;
    world.provider.set_down(true);
    for _ in 0..3 {
        let error = world.client.authorize(&login()).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    }
    assert_eq!(world.provider.asked("/.well-known/openid-configuration"), 1);
    world.provider.set_down(false);
    world.wait(6);
    assert_eq!(world.client.issuer().probe().await.unwrap(), 1);
}

#[tokio::test]
async fn tokens_of_jobs_are_checked_without_a_login() {
    let world = World::new().await;
    let issuer = world.client.issuer();
    let token = world.provider.token("https://hub.test", &json!({ "repository": "ada/m" }));
    let claims = issuer.verify(&token, "https://hub.test").await.unwrap();
    assert_eq!(claims.text("repository"), Some("ada/m"));
    for (token, audience) in
        [(token.as_str(), "https://other.test"), ("a.b.c", "https://hub.test"), ("", "https://hub.test")]
    {
        assert!(matches!(issuer.verify(token, audience).await, Err(Error::Refused(_))), "{token}");
    }
    assert_eq!(crate::issuer_of(&token).as_deref(), Some(issuer.url()));
    assert_eq!(crate::issuer_of("a.b.c"), None);
    let long = "x".repeat(65 * 1024);
    assert!(issuer.verify(&long, "x").await.unwrap_err().to_string().contains("longer than"));
}

#[test]
fn providers_are_encrypted_or_here() {
    for good in
        ["https://id.example.org/realms/x", "http://127.0.0.1:9000", "http://localhost", "http://[::1]:1/"]
    {
        assert_eq!(check_issuer(good), Ok(()), "{good}");
    }
    for bad in ["http://id.example.org", "http://10.0.0.1", "ftp://x", "https://a@b", "https://a/?b", "x"] {
        assert!(check_issuer(bad).is_err(), "{bad}");
    }
}
