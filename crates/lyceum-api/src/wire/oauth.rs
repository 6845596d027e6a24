//! OAuth answers; snake case, as RFC 6749, RFC 8628 and RFC 8693 have it.

use lyceum_hub::{PublisherToken, TokenPair};
use serde::Serialize;

/// Start of a device login.
#[derive(Debug, Serialize)]
pub(crate) struct DeviceWire {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
    pub(crate) verification_uri: String,
    pub(crate) verification_uri_complete: String,
    pub(crate) expires_in: i64,
    pub(crate) interval: i64,
}

/// A token that was given.
#[derive(Debug, Serialize)]
pub(crate) struct TokenWire {
    access_token: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    expires_in: i64,
}

impl From<TokenPair> for TokenWire {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            token_type: "bearer",
            issued_token_type: None,
            refresh_token: Some(pair.refresh_token),
            expires_in: pair.expires_in_seconds,
        }
    }
}

impl From<PublisherToken> for TokenWire {
    fn from(token: PublisherToken) -> Self {
        Self {
            access_token: token.access_token,
            token_type: "bearer",
            issued_token_type: Some("urn:ietf:params:oauth:token-type:access_token"),
            refresh_token: None,
            expires_in: token.expires_in_seconds,
        }
    }
}

/// Why none was.
#[derive(Debug, Serialize)]
pub(crate) struct OAuthErrorWire<'a> {
    pub(crate) error: &'static str,
    pub(crate) error_description: &'a str,
}
