//! A provider: its endpoints, its keys, and the check of what it signed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use lyceum_core::{Clock, Timestamp};
use lyceum_fetch::{Fetcher, Target};
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata};
use openidconnect::{
    ClaimsVerificationError, ClientId, IssuerUrl, JsonWebKeySet, Nonce, SignatureVerificationError,
};
use tokio::sync::Semaphore;

use crate::error::chain;
use crate::http::Http;
use crate::{Claims, Error, Result};

/// How long endpoints and keys are believed, in seconds.
const FRESH_SECONDS: i64 = 3600;
/// Shortest time between two requests for new keys, in seconds: who sends unknown ones must not make us ask all the time.
const ROTATION_SECONDS: i64 = 60;
/// After a failure nobody is asked for so long, in seconds.
const FAILURE_SECONDS: i64 = 5;
/// How far the provider's clock and ours may differ, in seconds.
const LEEWAY_SECONDS: i64 = 60;
/// Longest token that is looked at.
pub(crate) const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// Signatures that only the provider can make: what is checked with a shared secret is as good as none here.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A provider of identities; cheap to clone.
#[derive(Clone)]
pub struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    url: IssuerUrl,
    http: Http,
    clock: Clock,
    /// The turn to ask the provider: one at a time, and the others find the answer.
    turn: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Arc<Known>>,
    asked_at: Option<Timestamp>,
}

/// What a provider says of itself, its keys included.
pub(crate) struct Known {
    pub(crate) metadata: CoreProviderMetadata,
    at: Timestamp,
}

/// Checks that an address can be that of a provider: encrypted, but on this machine.
pub fn check_issuer(url: &str) -> Result<(), String> {
    let target = Target::parse(url).map_err(|error| error.to_string())?;
    if url.contains('?') {
        return Err("it must have no query".to_owned());
    }
    let host = target.host();
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if !target.secure() && !here {
        return Err("it must start with `https://`, unless it is on this machine".to_owned());
    }
    IssuerUrl::new(url.to_owned()).map(drop).map_err(|error| chain(&error))
}

impl Issuer {
    /// Returns the provider of this address, of which nothing is asked yet.
    pub fn new(url: &str, fetcher: Fetcher, clock: Clock) -> Result<Self, String> {
        check_issuer(url)?;
        let http = Http { fetcher, plain: url.starts_with("http://") };
        let url = IssuerUrl::new(url.to_owned()).map_err(|error| chain(&error))?;
        let inner = Inner { url, http, clock, turn: Semaphore::new(1), state: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the address.
    pub fn url(&self) -> &str {
        self.inner.url.as_str()
    }

    /// Asks the provider for its endpoints and keys; returns how many keys it has.
    pub async fn probe(&self) -> Result<usize> {
        Ok(self.known().await?.metadata.jwks().keys().len())
    }

    /// Checks a token that somebody presents who got it for `audience`.
    pub async fn verify(&self, token: &str, audience: &str) -> Result<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Error::Refused(format!("the token is longer than {MAX_TOKEN_BYTES} bytes")));
        }
        let token = CoreIdToken::from_str(token)
            .map_err(|error| Error::Refused(format!("the token is malformed: {error}")))?;
        self.verify_token(&token, audience, None).await
    }

    /// Checks a token; `nonce` ties it to one login.
    pub(crate) async fn verify_token(
        &self,
        token: &CoreIdToken,
        audience: &str,
        nonce: Option<&Nonce>,
    ) -> Result<Claims> {
        let known = self.known().await?;
        let mut checked = self.check(token, &known, audience, nonce);
        if let Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) =
            checked
            && let Some(newer) = self.newer(&known).await?
        {
            checked = self.check(token, &newer, audience, nonce);
        }
        checked.map_err(|error| Error::Refused(chain(&error)))?;
        let claims = Claims::of_token(&token.to_string())?;
        let now = self.inner.clock.now().seconds();
        if claims
            .get("nbf")
            .is_some_and(|start| start.as_f64().is_none_or(|s| s > (now + LEEWAY_SECONDS) as f64))
        {
            return Err(Error::Refused("the token is not valid yet".to_owned()));
        }
        if claims.subject().is_empty() {
            return Err(Error::Refused("the token names no subject".to_owned()));
        }
        Ok(claims)
    }

    fn check(
        &self,
        token: &CoreIdToken,
        known: &Known,
        audience: &str,
        nonce: Option<&Nonce>,
    ) -> Result<(), ClaimsVerificationError> {
        let keys = JsonWebKeySet::new(known.metadata.jwks().keys().clone());
        let audience = ClientId::new(audience.to_owned());
        let now = self.inner.clock.now();
        let verifier = CoreIdTokenVerifier::new_public_client(audience, self.inner.url.clone(), keys)
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || date(now.plus_seconds(-LEEWAY_SECONDS)))
            .set_issue_time_verifier_fn(move |issued| {
                let future = issued > date(now.plus_seconds(LEEWAY_SECONDS));
                if future { Err("the token is from the future".to_owned()) } else { Ok(()) }
            });
        match nonce {
            Some(nonce) => token.claims(&verifier, nonce).map(drop),
            None => token.claims(&verifier, |_: Option<&Nonce>| Ok(())).map(drop),
        }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.inner.http
    }

    /// Returns what the provider says of itself, from memory if it was asked within the hour.
    pub(crate) async fn known(&self) -> Result<Arc<Known>> {
        if let Some(known) = self.fresh() {
            return Ok(known);
        }
        let _turn = self.inner.turn.acquire().await.map_err(|error| self.unavailable(error.to_string()))?;
        match self.fresh() {
            Some(known) => Ok(known),
            None if self.asked_within(FAILURE_SECONDS) => {
                Err(self.unavailable("it did not answer a moment ago".to_owned()))
            }
            None => self.ask().await,
        }
    }

    /// Asks for newer keys than those known; `None` if that was done a moment ago.
    async fn newer(&self, than: &Arc<Known>) -> Result<Option<Arc<Known>>> {
        let _turn = self.inner.turn.acquire().await.map_err(|error| self.unavailable(error.to_string()))?;
        match self.fresh() {
            Some(known) if !Arc::ptr_eq(&known, than) => Ok(Some(known)),
            _ if self.asked_within(ROTATION_SECONDS) => Ok(None),
            _ => self.ask().await.map(Some),
        }
    }

    async fn ask(&self) -> Result<Arc<Known>> {
        let now = self.inner.clock.now();
        self.state(|state| state.asked_at = Some(now));
        let asked = CoreProviderMetadata::discover_async(self.inner.url.clone(), &self.inner.http).await;
        let metadata = asked.map_err(|error| self.unavailable(chain(&error)))?;
        let known = Arc::new(Known { metadata, at: now });
        self.state(|state| state.known = Some(Arc::clone(&known)));
        tracing::debug!(issuer = self.url(), "asked a provider for its endpoints and keys");
        Ok(known)
    }

    fn fresh(&self) -> Option<Arc<Known>> {
        let oldest = self.inner.clock.now().plus_seconds(-FRESH_SECONDS);
        self.state(|state| state.known.clone().filter(|known| known.at > oldest))
    }

    fn asked_within(&self, seconds: i64) -> bool {
        let earliest = self.inner.clock.now().plus_seconds(-seconds);
        self.state(|state| state.asked_at.is_some_and(|at| at > earliest))
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.inner.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn unavailable(&self, reason: String) -> Error {
        Error::Unavailable { issuer: self.url().to_owned(), reason }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Issuer").field(&self.url()).finish()
    }
}

fn date(time: Timestamp) -> DateTime<Utc> {
    // Any time that a clock shows; what is beyond the calendar is the end of it, at which every token has ended.
    DateTime::from_timestamp_millis(time.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
