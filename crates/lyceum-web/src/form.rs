//! Forms and queries, bounded and answered with a page when malformed.

use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::StatusCode;
use http::request::Parts;
use lyceum_hub::ErrorKind;
use serde::de::DeserializeOwned;

use crate::error::PageError;

/// A decoded form. Its size is bounded by axum's default of 2 MB.
pub(crate) struct Form<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let form: Result<axum::Form<T>, FormRejection> = axum::Form::from_request(request, state).await;
        form.map(|form| Self(form.0)).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let message = "the form is over 2 MB; go back, and upload what is long as a file";
                PageError::new(ErrorKind::TooLarge, message)
            }
            _ => PageError::new(ErrorKind::Invalid, "the form is incomplete"),
        })
    }
}

/// A decoded query string.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let query: Result<axum::extract::Query<T>, _> =
            axum::extract::Query::from_request_parts(parts, state).await;
        query
            .map(|query| Self(query.0))
            .map_err(|_| PageError::new(ErrorKind::Invalid, "the query is malformed"))
    }
}
