//! Leading a browser to a provider and back: the authorization code flow with PKCE.

use std::fmt;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreTokenResponse,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, CsrfToken, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
};
use serde_json::{Map, Value};

use crate::error::chain;
use crate::issuer::{Issuer, Known};
use crate::{Claims, Error, Result};

/// Longest code that is passed on.
const MAX_CODE_BYTES: usize = 4096;

/// What the provider shares with this hub; it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(pub String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// What this hub is to a provider.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The name that the provider gave it.
    pub id: String,
    /// What proves that it is this hub; without it the proof of possession of each login must do.
    pub secret: Option<ClientSecret>,
    /// Where browsers come back to.
    pub redirect_uri: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
}

/// The secrets of one login.
#[derive(Clone)]
pub struct Login {
    /// Comes back with the browser.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// Shown to the provider with the code, 43 to 128 letters: who finds the code has nothing.
    pub verifier: String,
}

/// This hub, as a provider knows it; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    issuer: Issuer,
    settings: ClientSettings,
    redirect: RedirectUrl,
}

impl Client {
    /// Returns a client of a provider, of which nothing is asked yet.
    pub fn new(issuer: Issuer, settings: ClientSettings) -> Result<Self, String> {
        let redirect = RedirectUrl::new(settings.redirect_uri.clone()).map_err(|error| chain(&error))?;
        Ok(Self { issuer, settings, redirect })
    }

    /// Returns the provider.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Returns the address at the provider where somebody signs in.
    pub async fn authorize(&self, login: &Login) -> Result<String> {
        let known = self.issuer.known().await?;
        let verifier = PkceCodeVerifier::new(login.verifier.clone());
        let (state, nonce) = (login.state.clone(), login.nonce.clone());
        let client = CoreClient::from_provider_metadata(
            known.metadata.clone(),
            ClientId::new(self.settings.id.clone()),
            None,
        )
        .set_redirect_uri(self.redirect.clone());
        let request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scopes(self.settings.scopes.iter().map(|scope| Scope::new(scope.clone())))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        Ok(request.url().0.to_string())
    }

    /// Exchanges the code with which somebody came back for what the provider says of him.
    ///
    /// The provider is asked once more if the token lacks one of the claims `wanted`: many put little into it.
    pub async fn redeem(&self, code: &str, login: &Login, wanted: &[&str]) -> Result<Claims> {
        if code.is_empty() || code.len() > MAX_CODE_BYTES {
            return Err(Error::Refused("the code is malformed".to_owned()));
        }
        let known = self.issuer.known().await?;
        let response = self.exchange(&known, code, login).await?;
        let token: &CoreIdToken = response
            .id_token()
            .ok_or_else(|| self.issuer.unavailable("it answered without an ID token".to_owned()))?;
        let nonce = Nonce::new(login.nonce.clone());
        let mut claims = self.issuer.verify_token(token, &self.settings.id, Some(&nonce)).await?;
        if claims.get("azp").is_some_and(|party| party.as_str() != Some(&self.settings.id)) {
            return Err(Error::Refused("the token was made for another party".to_owned()));
        }
        if wanted.iter().any(|name| claims.get(name).is_none()) {
            let more = self.user_info(&known, response.access_token().secret(), claims.subject()).await?;
            claims.complete(more);
        }
        Ok(claims)
    }

    async fn exchange(&self, known: &Known, code: &str, login: &Login) -> Result<CoreTokenResponse> {
        let secret = self.settings.secret.clone().map(|secret| openidconnect::ClientSecret::new(secret.0));
        let id = ClientId::new(self.settings.id.clone());
        let client = CoreClient::from_provider_metadata(known.metadata.clone(), id, secret)
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(auth_type(known));
        let request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| self.issuer.unavailable(chain(&error)))?
            .set_pkce_verifier(PkceCodeVerifier::new(login.verifier.clone()));
        request.request_async(self.issuer.http()).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(said) => {
                Error::Refused(format!("the provider refused the code: {said}"))
            }
            other => self.issuer.unavailable(chain(&other)),
        })
    }

    /// Asks what the provider says of whoever has this access token, who must be `subject`.
    async fn user_info(
        &self,
        known: &Known,
        access_token: &str,
        subject: &str,
    ) -> Result<Map<String, Value>> {
        let Some(endpoint) = known.metadata.userinfo_endpoint() else {
            return Ok(Map::new());
        };
        let fail = |reason: String| self.issuer.unavailable(format!("user info: {reason}"));
        let mut bearer = HeaderValue::from_str(&format!("Bearer {access_token}"))
            .map_err(|_| fail("the access token cannot be sent".to_owned()))?;
        bearer.set_sensitive(true);
        let request = Request::get(endpoint.as_str())
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| fail(error.to_string()))?;
        let response = self.issuer.http().exchange(request).await.map_err(|error| fail(chain(&error)))?;
        if !response.status().is_success() {
            return Err(fail(format!("it answered {}", response.status())));
        }
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if media_type.is_some_and(|media_type| media_type.starts_with("application/jwt")) {
            return Err(fail("it is signed, which is not understood here; have it sent as JSON".to_owned()));
        }
        let said: Map<String, Value> =
            serde_json::from_slice(response.body()).map_err(|error| fail(error.to_string()))?;
        if said.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(Error::Refused("the provider's user info is about somebody else".to_owned()));
        }
        Ok(said)
    }
}

/// Returns how the secret is sent: as the standard prefers it, unless the provider only takes the other way.
fn auth_type(known: &Known) -> AuthType {
    let methods = known.metadata.token_endpoint_auth_methods_supported();
    let takes = |method| methods.is_some_and(|methods| methods.contains(&method));
    if takes(CoreClientAuthMethod::ClientSecretPost) && !takes(CoreClientAuthMethod::ClientSecretBasic) {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}
