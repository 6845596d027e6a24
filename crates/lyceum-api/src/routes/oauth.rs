//! Device login (RFC 8628) and renewal of its tokens, as `hf auth login` uses them, and tokens for trusted publishers
//! (RFC 8693). The page on which a user approves a device's code is not here.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, PRAGMA};
use lyceum_hub::{DevicePoll, ErrorKind};

use super::{Routes, Scope};
use crate::Api;
use crate::error::ApiResult;
use crate::extract::{BaseUrl, Counted, Form, Json, Params};
use crate::link;
use crate::wire::oauth::{DeviceWire, OAuthErrorWire, TokenWire};

const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REFRESH_TOKEN_GRANT: &str = "refresh_token";
const TOKEN_EXCHANGE_GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Root, "/oauth/device", start);
    routes.post(Scope::Root, "/oauth/token", token);
}

async fn start(
    State(api): State<Api>,
    _: Counted,
    base: BaseUrl,
    Form(form): Form,
) -> ApiResult<Json<DeviceWire>> {
    let login = api.hub.device_start(form.required("client_id")?).await?;
    let page = format!("{base}/oauth/device");
    Ok(Json(DeviceWire {
        verification_uri_complete: format!("{page}?user_code={}", link::segment(&login.user_code)),
        verification_uri: page,
        device_code: login.device_code,
        user_code: login.user_code,
        expires_in: login.expires_in_seconds,
        interval: login.interval_seconds,
    }))
}

async fn token(State(api): State<Api>, _: Counted, Form(form): Form) -> ApiResult {
    let client = form.filled("client_id").unwrap_or_default();
    match form.required("grant_type")? {
        DEVICE_CODE_GRANT => poll(&api, &form, client).await,
        REFRESH_TOKEN_GRANT => {
            Ok(match api.hub.refresh_token(form.required("refresh_token")?, client).await? {
                Some(pair) => uncached(Json(TokenWire::from(pair))),
                None => refuse("invalid_grant", "the refresh token is unknown, used or expired"),
            })
        }
        TOKEN_EXCHANGE_GRANT => exchange(&api, &form).await,
        _ => Ok(refuse(
            "unsupported_grant_type",
            "only device codes, refresh tokens and ID tokens are exchanged here",
        )),
    }
}

async fn exchange(api: &Api, form: &Params) -> ApiResult {
    if form.required("subject_token_type")? != ID_TOKEN {
        return Ok(refuse("invalid_request", "only ID tokens are exchanged for others"));
    }
    let (token, resource) = (form.required("subject_token")?, form.required("resource")?);
    match api.hub.exchange_id_token(token, resource).await {
        Ok(token) => Ok(uncached(Json(TokenWire::from(token)))),
        Err(error) if error.kind() == ErrorKind::Forbidden => Ok(refuse("invalid_grant", error.message())),
        Err(error) => Err(error.into()),
    }
}

async fn poll(api: &Api, form: &Params, client: &str) -> ApiResult {
    Ok(match api.hub.device_poll(form.required("device_code")?, client).await? {
        DevicePoll::Granted(pair) => uncached(Json(TokenWire::from(pair))),
        DevicePoll::Pending => refuse("authorization_pending", "the user has not decided yet"),
        DevicePoll::SlowDown => refuse("slow_down", "polled faster than the interval"),
        DevicePoll::Expired => refuse("expired_token", "the device code is unknown, used or expired"),
        DevicePoll::Denied => refuse("access_denied", "the user refused"),
    })
}

fn refuse(error: &'static str, error_description: &str) -> Response {
    (StatusCode::BAD_REQUEST, uncached(Json(OAuthErrorWire { error, error_description }))).into_response()
}

/// Keeps answers with secrets out of caches (RFC 6749 §5.1).
fn uncached(response: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], response).into_response()
}
