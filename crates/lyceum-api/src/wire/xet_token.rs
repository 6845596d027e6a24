//! Tokens for the Xet store.

use serde::Serialize;

/// Answer of the token routes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct XetTokenWire {
    /// Address of the store.
    pub(crate) cas_url: String,
    /// Last second of its life, since 1970.
    pub(crate) exp: i64,
    /// The token.
    pub(crate) access_token: String,
}
