//! What a request to the store is about, and what its token allows.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use lyceum_core::XetHash;
use lyceum_hub::{ErrorKind, XetGrant, XetScope};

use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{BaseUrl, PathParams};

/// Longest token that is looked at; the protocol allows 64,000 but ours are short.
const MAX_TOKEN_BYTES: usize = 4096;

/// The address of this store as the client sees it: `{base}/xet/{instance}`. Another instance is not found.
#[derive(Debug, Clone)]
pub(crate) struct StoreUrl(pub(crate) String);

impl StoreUrl {
    /// Returns the store's address below the hub's.
    pub(crate) fn new(base: &BaseUrl, api: &Api) -> Self {
        Self(format!("{base}/xet/{}", api.hub.instance_id()))
    }

    /// Returns the address of bytes of a xorb that anyone may read who has the grant.
    pub(super) fn data(&self, xorb: XetHash, grant: &str) -> String {
        format!("{}/data/{xorb}?grant={grant}", self.0)
    }
}

impl FromRequestParts<Api> for StoreUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let params = PathParams::from_request_parts(parts, api).await?;
        if params.get("instance")? != api.hub.instance_id() {
            return Err(ApiError::new(
                ErrorKind::NotFound,
                "there is no such store here; ask for a new token",
            ));
        }
        Ok(Self::new(&BaseUrl::of(api, parts), api))
    }
}

/// A token that may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader(pub(super) XetGrant);

impl FromRequestParts<Api> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        grant(parts, api, XetScope::Read).await.map(Self)
    }
}

/// A token that may write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer(pub(super) XetGrant);

impl FromRequestParts<Api> for Writer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        grant(parts, api, XetScope::Write).await.map(Self)
    }
}

async fn grant(parts: &mut Parts, api: &Api, scope: XetScope) -> ApiResult<XetGrant> {
    StoreUrl::from_request_parts(parts, api).await?;
    let header = parts.headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = header.filter(|header| header.len() <= MAX_TOKEN_BYTES).and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let Some(token) = token else {
        return Err(ApiError::new(ErrorKind::Unauthenticated, "a token for the Xet store is required"));
    };
    Ok(api.hub.xet_grant(token, scope).await?)
}

/// `{hash}` of a file, xorb or chunk, and `{prefix}` where the address has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hash(pub(super) XetHash);

impl FromRequestParts<Api> for Hash {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let params = PathParams::from_request_parts(parts, api).await?;
        // The specification says `default-merkledb` for chunks, `hf-xet` 1.8 sends `default`.
        if let Some(prefix) = params.find("prefix")
            && !["default", "default-merkledb"].contains(&prefix)
        {
            return Err(ApiError::invalid(format!("unknown prefix `{prefix}`: it must be `default`")));
        }
        parse_hash(params.get("hash")?).map(Self)
    }
}

/// Parses a hash.
pub(super) fn parse_hash(hash: &str) -> ApiResult<XetHash> {
    let shown: String = hash.chars().take(64).collect();
    hash.parse().map_err(|error| ApiError::invalid(format!("invalid hash `{shown}`: {error}")))
}
