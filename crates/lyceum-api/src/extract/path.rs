//! Variable parts of the request's path, decoded and checked.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use lyceum_core::{RepoPath, Revision};
use lyceum_hub::ErrorKind;

use crate::error::{ApiError, ApiResult};

/// All variable parts by name, percent-decoded.
#[derive(Debug)]
pub(crate) struct PathParams(RawPathParams);

impl PathParams {
    /// Returns a part that the route has.
    pub(crate) fn get(&self, name: &str) -> ApiResult<&str> {
        self.find(name).ok_or_else(|| {
            lyceum_hub::Error::internal(format!("the route has no path parameter `{name}`")).into()
        })
    }

    /// Returns a part that only some addresses of the handler have.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match RawPathParams::from_request_parts(parts, state).await {
            Ok(params) => Ok(Self(params)),
            Err(_) => Err(ApiError::invalid("the address is not percent-encoded UTF-8")),
        }
    }
}

/// `{revision}`. One that breaks the rules of names cannot exist, so it is answered as one that does not.
#[derive(Debug, Clone)]
pub(crate) struct Rev(pub(crate) Revision);

impl<S: Send + Sync> FromRequestParts<S> for Rev {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = PathParams::from_request_parts(parts, state).await?;
        parse_revision(params.get("revision")?).map(Self)
    }
}

/// Parses a revision from a path.
pub(crate) fn parse_revision(revision: &str) -> ApiResult<Revision> {
    Revision::parse(revision).map_err(|error| ApiError::new(ErrorKind::RevisionNotFound, error.to_string()))
}

/// `{*path}` of a file.
#[derive(Debug, Clone)]
pub(crate) struct FilePath(pub(crate) RepoPath);

impl<S: Send + Sync> FromRequestParts<S> for FilePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = PathParams::from_request_parts(parts, state).await?;
        Ok(Self(RepoPath::parse(params.get("path")?)?))
    }
}

/// `{*path}` of a folder; absent or empty is the root.
#[derive(Debug, Clone)]
pub(crate) struct FolderPath(pub(crate) Option<RepoPath>);

impl<S: Send + Sync> FromRequestParts<S> for FolderPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = PathParams::from_request_parts(parts, state).await?;
        match params.find("path").map(|path| path.trim_matches('/')) {
            None | Some("") => Ok(Self(None)),
            Some(path) => Ok(Self(Some(RepoPath::parse(path)?))),
        }
    }
}
