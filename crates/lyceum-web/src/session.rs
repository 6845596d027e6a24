//! Who looks at a page: the session cookie, and tokens against forged forms.

use std::net::IpAddr;

use axum::extract::{FromRef, FromRequestParts};
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use lyceum_core::limits::SESSION_COOKIE as SESSION;
use lyceum_core::{ClientAddress, Entropy};
use lyceum_hub::{Caller, ErrorKind, TokenKind};
use sha2::{Digest as _, Sha256};

use crate::Web;
use crate::error::PageError;
use crate::format::hex;
use crate::theme::Theme;

/// Cookie that the sign-in form's token is compared with; it exists before there is a session.
const FORM: &str = "lyceum_form";
/// Cookie with what a browser keeps while it is at a provider of identities.
const PROVIDER: &str = "lyceum_oidc";
/// Cookie with the colours that this browser was told to use.
const THEME: &str = "lyceum_theme";
/// Colours are remembered for a year.
const THEME_SECONDS: u32 = 365 * 24 * 3600;
/// A browser session lasts this long unless the hub ends it earlier.
const SESSION_SECONDS: u32 = 30 * 24 * 3600;
/// A sign-in form that was opened longer ago is shown again.
const FORM_SECONDS: u32 = 3600;
/// As long as somebody may take to sign in at a provider.
const PROVIDER_SECONDS: u32 = 600;

/// The caller of a page.
pub(crate) struct Session {
    /// What the access check is asked about.
    pub(crate) caller: Caller,
    /// Secret of the session, if there is one.
    pub(crate) secret: Option<String>,
    /// Value of the cookie for forms without a session.
    form_cookie: Option<String>,
    /// What this browser keeps while it is at a provider of identities.
    pub(crate) provider_cookie: Option<String>,
    /// Its colours.
    pub(crate) theme: Theme,
    /// Where the request comes from.
    pub(crate) address: Option<IpAddr>,
}

impl Session {
    /// Reports whether nobody is signed in.
    pub(crate) fn anonymous(&self) -> bool {
        matches!(self.caller, Caller::Anonymous)
    }

    /// Returns the same visitor in a session that has just begun.
    pub(crate) fn renewed(self, secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..self }
    }

    /// Returns the token that forms of this session carry: bound to the session, useless to learn it from.
    pub(crate) fn form_token(&self) -> String {
        self.secret.as_deref().map(derive).unwrap_or_default()
    }

    /// Checks the token of a form sent by a signed-in user.
    pub(crate) fn check_form(&self, token: &str) -> Result<(), PageError> {
        let expected = self.form_token();
        if !expected.is_empty() && equal(token, &expected) {
            return Ok(());
        }
        Err(PageError::new(
            ErrorKind::Forbidden,
            "this form is out of date; go back, reload the page and try again",
        )
        .seen_by(self.anonymous()))
    }

    /// Reports whether the token of a sign-in form belongs to this browser.
    pub(crate) fn sign_in_form_valid(&self, token: &str) -> bool {
        self.form_cookie.as_deref().is_some_and(|cookie| equal(token, &derive(cookie)))
    }

    /// Returns a token for the sign-in form, and the cookie to set for it if the browser has none.
    pub(crate) fn sign_in_form(&self, web: &Web) -> (String, Option<HeaderValue>) {
        if let Some(cookie) = &self.form_cookie {
            return (derive(cookie), None);
        }
        let cookie = new_secret(&web.entropy);
        let header = set_cookie(web, FORM, &cookie, FORM_SECONDS, "Strict");
        (derive(&cookie), Some(header))
    }

    /// Returns what this browser keeps while it is at a provider of identities, and the cookie that keeps it. It is the
    /// same for all that it begins at that time, so that several windows do not undo each other's.
    pub(crate) fn provider_secret(&self, web: &Web) -> (String, HeaderValue) {
        let secret = self.provider_cookie.clone().unwrap_or_else(|| web.entropy.alphanumeric(43));
        // The browser comes back from elsewhere.
        let header = set_cookie(web, PROVIDER, &secret, PROVIDER_SECONDS, "Lax");
        (secret, header)
    }
}

/// Returns the header that starts a session.
pub(crate) fn session_cookie(web: &Web, secret: &str) -> HeaderValue {
    set_cookie(web, SESSION, secret, SESSION_SECONDS, "Lax")
}

/// Returns the header that ends a session.
pub(crate) fn no_session_cookie(web: &Web) -> HeaderValue {
    set_cookie(web, SESSION, "", 0, "Lax")
}

/// Returns the header that remembers colours.
pub(crate) fn theme_cookie(web: &Web, theme: Theme) -> HeaderValue {
    set_cookie(web, THEME, theme.word(), THEME_SECONDS, "Lax")
}

fn set_cookie(web: &Web, name: &str, value: &str, seconds: u32, same_site: &str) -> HeaderValue {
    let https = web.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).expect("secrets and names are visible ASCII")
}

fn new_secret(entropy: &Entropy) -> String {
    entropy.alphanumeric(32)
}

/// Returns a token from which its secret cannot be told.
fn derive(secret: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"lyceum form\0");
    hash.update(secret);
    hex(&hash.finalize())
}

/// Compares in a time that does not tell how much was right.
fn equal(left: &str, right: &str) -> bool {
    let difference = left.bytes().zip(right.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    left.len() == right.len() && difference == 0
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|value| lyceum_core::cookie(value, name))
        .map(str::to_owned)
}

impl<S: Send + Sync> FromRequestParts<S> for Session
where
    Web: FromRef<S>,
{
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let web = Web::from_ref(state);
        let form_cookie = cookie(&parts.headers, FORM);
        let provider_cookie = cookie(&parts.headers, PROVIDER);
        let address = parts.extensions.get::<ClientAddress>().and_then(|address| address.0);
        let theme = cookie(&parts.headers, THEME).and_then(|word| Theme::parse(&word)).unwrap_or_default();
        let mut session =
            Self { caller: Caller::Anonymous, secret: None, form_cookie, provider_cookie, theme, address };
        if let Some(secret) = cookie(&parts.headers, SESSION) {
            match web.hub.authenticate(&secret).await {
                // Only what signing in gave out counts here: a token in a cookie would escape its own limits.
                Ok(Caller::User(identity)) if identity.token_kind == TokenKind::Session => {
                    session.caller = Caller::User(identity);
                    session.secret = Some(secret);
                }
                Ok(_) => {}
                // An expired session is nobody, not an error.
                Err(error) if error.kind() == ErrorKind::InvalidCredentials => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(session)
    }
}
