//! Webhooks of the caller, and the log of what was sent to them.

use axum::extract::State;
use axum::response::IntoResponse as _;
use http::Uri;
use lyceum_core::limits::MAX_PAGE_ENTRIES;
use lyceum_hub::ErrorKind;
use serde_json::{Value, json};

use super::{Routes, Scope};
use crate::Api;
use crate::error::{ApiError, ApiResult};
use crate::extract::{Auth, BaseUrl, Json, PathParams, Query};
use crate::link;
use crate::wire::webhooks::{DeliveryWire, WebhookSettingsWire, WebhookWire, WebhookWrapperWire};

/// Deliveries per page when the client does not say.
const DEFAULT_PAGE_ENTRIES: usize = 100;

pub(super) fn register(routes: &mut Routes) {
    routes.get(Scope::Root, "/api/settings/webhooks", list);
    routes.post(Scope::Root, "/api/settings/webhooks", create);
    routes.get(Scope::Root, "/api/settings/webhooks/{webhook}", details);
    routes.post(Scope::Root, "/api/settings/webhooks/{webhook}", change);
    routes.delete(Scope::Root, "/api/settings/webhooks/{webhook}", delete);
    routes.post(Scope::Root, "/api/settings/webhooks/{webhook}/enable", enable);
    routes.post(Scope::Root, "/api/settings/webhooks/{webhook}/disable", disable);
    routes.get(Scope::Root, "/api/settings/webhooks/{webhook}/deliveries", deliveries);
    routes.post(Scope::Root, "/api/settings/webhooks/{webhook}/replay/{delivery}", replay);
}

async fn list(State(api): State<Api>, Auth(caller): Auth) -> ApiResult<Json<Vec<WebhookWire>>> {
    let webhooks = api.hub.webhooks(&caller).await?;
    Ok(Json(webhooks.into_iter().map(WebhookWire::from).collect()))
}

async fn create(
    State(api): State<Api>,
    Auth(caller): Auth,
    Json(wire): Json<WebhookSettingsWire>,
) -> ApiResult<Json<WebhookWrapperWire>> {
    caller.signed_in()?;
    Ok(Json(api.hub.create_webhook(&caller, wire.parse()?).await?.into()))
}

async fn details(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<Json<WebhookWrapperWire>> {
    caller.signed_in()?;
    Ok(Json(api.hub.webhook(&caller, webhook(&params)?).await?.into()))
}

async fn change(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
    Json(wire): Json<WebhookSettingsWire>,
) -> ApiResult<Json<WebhookWrapperWire>> {
    caller.signed_in()?;
    let mut change = wire.parse()?;
    // The clients send an empty list for "as it is".
    change.watched = change.watched.filter(|watched| !watched.is_empty());
    Ok(Json(api.hub.change_webhook(&caller, webhook(&params)?, change).await?.into()))
}

async fn delete(State(api): State<Api>, Auth(caller): Auth, params: PathParams) -> ApiResult<Json<Value>> {
    caller.signed_in()?;
    api.hub.delete_webhook(&caller, webhook(&params)?).await?;
    Ok(Json(json!({ "success": true })))
}

async fn enable(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<Json<WebhookWrapperWire>> {
    caller.signed_in()?;
    Ok(Json(api.hub.set_webhook_disabled(&caller, webhook(&params)?, false).await?.into()))
}

async fn disable(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<Json<WebhookWrapperWire>> {
    caller.signed_in()?;
    Ok(Json(api.hub.set_webhook_disabled(&caller, webhook(&params)?, true).await?.into()))
}

async fn deliveries(
    State(api): State<Api>,
    Auth(caller): Auth,
    base: BaseUrl,
    uri: Uri,
    params: PathParams,
    Query(query): Query,
) -> ApiResult {
    caller.signed_in()?;
    let limit = query.number("limit", MAX_PAGE_ENTRIES)?.unwrap_or(DEFAULT_PAGE_ENTRIES);
    let page = api.hub.deliveries(&caller, webhook(&params)?, query.filled("cursor"), limit).await?;
    let body = Json(page.deliveries.into_iter().map(DeliveryWire::from).collect::<Vec<_>>());
    Ok(match page.next {
        Some(next) => (link::next_page(&base, &uri, &query, "cursor", &next), body).into_response(),
        None => body.into_response(),
    })
}

async fn replay(
    State(api): State<Api>,
    Auth(caller): Auth,
    params: PathParams,
) -> ApiResult<Json<DeliveryWire>> {
    caller.signed_in()?;
    let delivery = params.get("delivery")?.parse().map_err(|_| missing("delivery"))?;
    Ok(Json(api.hub.replay_delivery(&caller, webhook(&params)?, delivery).await?.into()))
}

/// Reads a webhook's id: 24 hexadecimal digits. Anything else names none.
fn webhook(params: &PathParams) -> ApiResult<i64> {
    let id = params.get("webhook")?;
    let digits = id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    i64::from_str_radix(id, 16).ok().filter(|_| digits).ok_or_else(|| missing("webhook"))
}

fn missing(what: &str) -> ApiError {
    ApiError::new(ErrorKind::NotFound, format!("there is no such {what}"))
}
