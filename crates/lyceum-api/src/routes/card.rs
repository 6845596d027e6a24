//! Checking a card before it is uploaded.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use lyceum_core::limits::MAX_CARD_BYTES;
use lyceum_hub::ErrorKind;

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Counted, Json};
use crate::wire::card::{CardWire, ProblemsWire, plain, refused};

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Root, "/api/validate-yaml", validate);
}

/// Anybody may ask: the card comes with the request. Invalid is 400, with the problems as JSON or as plain text.
async fn validate(
    State(api): State<Api>,
    _: Counted,
    headers: HeaderMap,
    Json(wire): Json<CardWire>,
) -> ApiResult {
    if wire.content.len() > MAX_CARD_BYTES {
        let message = format!("the card is larger than {MAX_CARD_BYTES} bytes");
        return Err(ApiError::new(ErrorKind::TooLarge, message));
    }
    let problems = api.hub.validate_card(wire.kind()?, &wire.content);
    let status = if refused(&problems) { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let text = headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/plain"));
    Ok(if text {
        (status, plain(&problems)).into_response()
    } else {
        (status, Json(ProblemsWire::from(problems))).into_response()
    })
}
