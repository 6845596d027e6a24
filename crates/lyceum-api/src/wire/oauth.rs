//! OAuth answers; snake case, as RFC 6749 and RFC 8628 have it.

use lyceum_hub::TokenPair;
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
    refresh_token: String,
    expires_in: i64,
}

impl From<TokenPair> for TokenWire {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            token_type: "bearer",
            refresh_token: pair.refresh_token,
            expires_in: pair.expires_in_seconds,
        }
    }
}

/// Why none was.
#[derive(Debug, Serialize)]
pub(crate) struct OAuthErrorWire {
    pub(crate) error: &'static str,
    pub(crate) error_description: &'static str,
}
