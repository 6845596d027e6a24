//! Registering files: shards are verified and recorded.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::header::{CONTENT_TYPE, HeaderMap};
use lyceum_hub::{Error, ErrorKind, Hub, ShardOutcome, XetGrant};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::Instrument as _;

use super::super::{Routes, Scope};
use super::access::Writer;
use crate::Api;
use crate::error::{ApiError, ApiResult, log};
use crate::extract::Json;
use crate::layers::Shared;
use crate::upload::HeldBody;
use crate::wire::cas::{ShardEvent, StoredShard, Text};

/// How often progress is looked at.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);
/// Looks after which the last line is sent again although nothing changed: clients give up after 300 seconds of
/// silence, proxies often after 30.
const HEARTBEAT_INTERVALS: u32 = 15;

pub(super) fn register(routes: &mut Routes) {
    routes.post(Scope::Root, "/xet/{instance}/v2/shards", second);
    routes.post(Scope::Root, "/xet/{instance}/v1/shards", first);
}

/// Answers when all is done.
async fn first(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    Writer(grant): Writer,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<StoredShard>> {
    let shard = shared.shards.read(&headers, body).await?;
    let outcome = outcome(start(&api.hub, grant, shard, Arc::default())).await?;
    Ok(Json(StoredShard { result: outcome.inserted.into(), shard_hash: Text(outcome.hash) }))
}

/// Answers at once and reports progress line by line; how it ends stands in the last line.
async fn second(
    State(api): State<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    Writer(grant): Writer,
    headers: HeaderMap,
    body: Body,
) -> ApiResult {
    let shard = shared.shards.read(&headers, body).await?;
    let progress = Arc::new(Progress::default());
    let work = start(&api.hub, grant, shard, Arc::clone(&progress));
    let lines = events(outcome(work), progress).map(|event| Ok::<_, Infallible>(line(&event)));
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// How many of the shard's files are checked.
#[derive(Debug, Default)]
struct Progress {
    verified: AtomicUsize,
    total: AtomicUsize,
}

impl Progress {
    fn event(&self) -> ShardEvent {
        let (verified, total) = (self.verified.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        if total > 0 && verified >= total {
            return ShardEvent::Committing { stage: "syncing" };
        }
        ShardEvent::Validating { verified, total }
    }
}

/// Starts the work on a task of its own: verifying keeps a thread busy, and heartbeats must go on meanwhile.
///
/// It runs to its end even if the client is gone; the same shard again is then answered quickly.
fn start(
    hub: &Hub,
    grant: XetGrant,
    shard: HeldBody,
    progress: Arc<Progress>,
) -> JoinHandle<lyceum_hub::Result<ShardOutcome>> {
    let hub = hub.clone();
    let work = async move {
        let HeldBody { bytes, share: _share } = shard;
        let report = move |verified, total| {
            progress.verified.store(verified, Ordering::Relaxed);
            progress.total.store(total, Ordering::Relaxed);
        };
        hub.put_shard(&grant, bytes, report).await
    };
    tokio::spawn(work.in_current_span())
}

/// Waits for the work. What a shard names and is missing is the client's mistake: a 404 would tell it that there is
/// no such route.
async fn outcome(work: JoinHandle<lyceum_hub::Result<ShardOutcome>>) -> ApiResult<ShardOutcome> {
    match work.await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Err(ApiError::invalid(error.message())),
        Ok(Err(error)) => Err(error.into()),
        Err(panicked) => Err(Error::internal(panicked).into()),
    }
}

/// Follows the work: its progress when that changed, else a heartbeat, and how it ended.
fn events<T>(
    work: impl Future<Output = ApiResult<T>> + Send + 'static,
    progress: Arc<Progress>,
) -> impl Stream<Item = ShardEvent> + Send + 'static {
    let mut ticks = interval_at(Instant::now() + PROGRESS_INTERVAL, PROGRESS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let first = progress.event();
    let state = Some((Box::pin(work), ticks, progress, first.clone()));
    let rest = stream::unfold(state, |state| async {
        let (mut work, mut ticks, progress, last) = state?;
        let mut quiet = 0;
        loop {
            tokio::select! {
                biased;
                ended = &mut work => return Some((ending(ended), None)),
                _ = ticks.tick() => {}
            }
            quiet += 1;
            let event = progress.event();
            if event != last || quiet >= HEARTBEAT_INTERVALS {
                return Some((event.clone(), Some((work, ticks, progress, event))));
            }
        }
    });
    stream::iter([first]).chain(rest)
}

fn ending<T>(ended: ApiResult<T>) -> ShardEvent {
    let Err(error) = ended else {
        return ShardEvent::Result;
    };
    let retryable = match &error {
        ApiError::Failed(error) => {
            matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::Internal)
        }
        ApiError::Taken { .. } | ApiError::TitleTaken { .. } | ApiError::Moved { .. } => false,
    };
    let message = error.parts().message.to_owned();
    if let ApiError::Failed(error) = &error {
        log(error);
    }
    ShardEvent::Error { message, retryable }
}

fn line(event: &ShardEvent) -> Bytes {
    let mut line = serde_json::to_vec(event).expect("an event of strings and numbers is JSON");
    line.push(b'\n');
    line.into()
}

#[cfg(test)]
mod tests;
