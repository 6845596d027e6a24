//! The changes of a bucket as server-sent events.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lyceum_core::Timestamp;
use lyceum_hub::{Action, BucketResume};

use crate::Api;
use crate::error::ApiResult;
use crate::extract::{Auth, Query, RepoAddress};
use crate::wire::buckets::event_text;

/// Asks proxies not to hold events back.
const UNBUFFERED: (&str, &str) = ("x-accel-buffering", "no");

pub(super) async fn follow(
    State(api): State<Api>,
    Auth(caller): Auth,
    address: RepoAddress,
    Query(query): Query,
) -> ApiResult<Response> {
    let resume = match (query.filled("cursor"), query.filled("since")) {
        (Some(cursor), _) => BucketResume::Cursor(cursor.to_owned()),
        (None, Some(since)) => BucketResume::Since(Timestamp::parse(since)?),
        (None, None) => BucketResume::Now,
    };
    let bucket = address.resolve_me(&caller)?.open(&api.hub, &caller, Action::Read).await?;
    let follower = api.hub.follow_bucket(&caller, &bucket, resume).await?;
    let events = unfold(follower, async |mut follower| {
        let feed = follower.next().await?;
        Some((Ok::<_, std::convert::Infallible>(event_text(feed)), follower))
    });
    let headers =
        [(CONTENT_TYPE.as_str(), "text/event-stream"), (CACHE_CONTROL.as_str(), "no-store"), UNBUFFERED];
    Ok((headers, Body::from_stream(events)).into_response())
}
