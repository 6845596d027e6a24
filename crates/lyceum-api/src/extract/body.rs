//! Whole bodies: JSON and forms, never larger than a named limit.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use lyceum_core::limits::MAX_JSON_BODY_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Params;
use crate::error::{ApiError, ApiResult};
use crate::upload::body_stream;

/// A JSON body, whatever its `Content-Type`: clients do not agree on it. As a response, JSON with status 200.
#[derive(Debug, Clone)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = read_body(request.into_body(), MAX_JSON_BODY_BYTES).await?;
        match serde_json::from_slice(&body) {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err(ApiError::invalid(format!("invalid JSON body: {error}"))),
        }
    }
}

/// A JSON body that may be missing, empty or `null`.
#[derive(Debug, Clone)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = read_body(request.into_body(), MAX_JSON_BODY_BYTES).await?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(T::default()));
        }
        match serde_json::from_slice::<Option<T>>(&body) {
            Ok(value) => Ok(Self(value.unwrap_or_default())),
            Err(error) => Err(ApiError::invalid(format!("invalid JSON body: {error}"))),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response(),
            Err(error) => ApiError::from(lyceum_hub::Error::internal(error)).into_response(),
        }
    }
}

/// A form body; a JSON object of strings and lists of strings is taken as well, because some clients send that.
#[derive(Debug, Clone)]
pub(crate) struct Form(pub(crate) Params);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let json = request.headers().get(CONTENT_TYPE).is_some_and(|value| {
            value.to_str().is_ok_and(|value| value.trim_start().starts_with("application/json"))
        });
        let body = read_body(request.into_body(), MAX_JSON_BODY_BYTES).await?;
        if json { Params::from_json(&body).map(Self) } else { Params::parse(&body).map(Self) }
    }
}

/// Reads a body of at most `limit` bytes.
async fn read_body(body: Body, limit: usize) -> ApiResult<Bytes> {
    let mut stream = body_stream(&HeaderMap::new(), body, limit as u64)?;
    let mut bytes = BytesMut::new();
    while let Some(data) = stream.next().await {
        bytes.extend_from_slice(&data?);
    }
    Ok(bytes.freeze())
}
