//! Who makes the request.

use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use lyceum_core::limits::SESSION_COOKIE;
use lyceum_core::{ClientAddress, cookie};
use lyceum_hub::{Caller, ErrorKind, TokenKind};

use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::rate::Meter;

/// Longest `Authorization` header that is looked at.
const MAX_AUTHORIZATION_BYTES: usize = 4096;

/// The words by which the clients tell a wrong token from a hidden repo.
pub(crate) const INVALID_CREDENTIALS: &str = "Invalid credentials in Authorization header";

/// The caller: of a bearer token, of a user name with a token or password (as git sends them), or nobody.
#[derive(Debug, Clone)]
pub(crate) struct Auth(pub(crate) Caller);

/// The caller of what pages show too: as [`Auth`], or of a browser's session. Only for what changes nothing, since other
/// sites can make a browser ask.
#[derive(Debug, Clone)]
pub(crate) struct Viewer(pub(crate) Caller);

/// Counts a request whose answer is the same for everybody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted;

impl FromRequestParts<Api> for Counted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        if let Some(meter) = parts.extensions.get::<Meter>() {
            meter.count(parts, &Caller::Anonymous)?;
        }
        Ok(Self)
    }
}

/// The two schemes, with what they carry.
#[derive(Debug, PartialEq, Eq)]
enum Credentials {
    Bearer(String),
    Basic { name: String, secret: String },
}

impl FromRequestParts<Api> for Auth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        counted(parts, caller(parts, api).await).map(Self)
    }
}

impl FromRequestParts<Api> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let caller = match parts.headers.contains_key(AUTHORIZATION) {
            true => caller(parts, api).await,
            false => session(parts, api).await,
        };
        counted(parts, caller).map(Self)
    }
}

fn counted(parts: &Parts, caller: ApiResult<Caller>) -> ApiResult<Caller> {
    if let Some(meter) = parts.extensions.get::<Meter>() {
        // A wrong token says nothing of who sent it.
        meter.count(parts, caller.as_ref().unwrap_or(&Caller::Anonymous))?;
    }
    caller
}

/// Returns whose session a browser has; nobody if it has none any more.
async fn session(parts: &Parts, api: &Api) -> ApiResult<Caller> {
    let headers = parts.headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let Some(secret) = headers.filter_map(|header| cookie(header, SESSION_COOKIE)).next() else {
        return Ok(Caller::Anonymous);
    };
    match api.hub.authenticate(secret).await {
        // Only what signing in gave out counts here: a token in a cookie would escape its own limits.
        Ok(Caller::User(identity)) if identity.token_kind == TokenKind::Session => Ok(Caller::User(identity)),
        Ok(_) => Ok(Caller::Anonymous),
        Err(error) if error.kind() == ErrorKind::InvalidCredentials => Ok(Caller::Anonymous),
        Err(error) => Err(error.into()),
    }
}

async fn caller(parts: &Parts, api: &Api) -> ApiResult<Caller> {
    let Some(header) = parts.headers.get(AUTHORIZATION) else {
        return Ok(Caller::Anonymous);
    };
    let credentials = header.to_str().ok().and_then(parse).ok_or_else(refused)?;
    let caller = match credentials {
        Credentials::Bearer(token) => api.hub.authenticate(&token).await,
        Credentials::Basic { name, secret } => {
            let from = parts.extensions.get::<ClientAddress>().and_then(|address| address.0);
            api.hub.authenticate_basic(&name, &secret, from).await
        }
    };
    caller.map_err(|error| match error.kind() {
        ErrorKind::InvalidCredentials => refused(),
        _ => error.into(),
    })
}

fn refused() -> ApiError {
    ApiError::new(ErrorKind::InvalidCredentials, INVALID_CREDENTIALS)
}

/// Parses an `Authorization` header; `None` if it is malformed or of another scheme.
fn parse(header: &str) -> Option<Credentials> {
    if header.len() > MAX_AUTHORIZATION_BYTES {
        return None;
    }
    let (scheme, value) = header.trim().split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!value.is_empty()).then(|| Credentials::Bearer(value.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (name, secret) = decoded.split_once(':')?;
    Some(Credentials::Basic { name: name.to_owned(), secret: secret.to_owned() })
}

#[cfg(test)]
mod tests;
