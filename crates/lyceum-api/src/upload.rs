//! Bodies that clients send us bytes in: streamed, bounded, and given up when the client stops sending.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use lyceum_hub::ErrorKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::{ApiError, ApiResult};

/// How long a client may pause in the middle of a body: what nginx and most proxies allow.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// How long a request waits for memory before the client is asked to come again.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Bytes that one permit stands for.
const PERMIT_BYTES: usize = 1024;

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// It is larger than allowed.
    #[error("body is larger than {limit} bytes")]
    TooLarge {
        /// Most bytes allowed.
        limit: u64,
    },
    /// Nothing came for too long.
    #[error("body paused for more than {} seconds", MAX_PAUSE.as_secs())]
    Paused,
    /// The connection broke.
    #[error("body ended early")]
    Broken(#[source] axum::Error),
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let kind = match error {
            UploadError::TooLarge { .. } => ErrorKind::TooLarge,
            UploadError::Paused | UploadError::Broken(_) => ErrorKind::Invalid,
        };
        Self::new(kind, error.to_string())
    }
}

/// Streams a body of at most `limit` bytes. One that announces more is refused before the first byte is read.
pub(crate) fn body_stream(
    headers: &HeaderMap,
    body: Body,
    limit: u64,
) -> ApiResult<impl Stream<Item = Result<Bytes, UploadError>> + Send + Unpin + use<>> {
    if announced(headers).is_some_and(|length| length > limit) {
        return Err(UploadError::TooLarge { limit }.into());
    }
    Ok(bounded(body.into_data_stream(), limit))
}

fn bounded(
    body: BodyDataStream,
    limit: u64,
) -> impl Stream<Item = Result<Bytes, UploadError>> + Send + Unpin + use<> {
    // `None` after the first error: a body is not read on past it.
    let state = Some((body, limit));
    let data = stream::unfold(state, move |state| async move {
        let (mut body, left) = state?;
        match timeout(MAX_PAUSE, body.next()).await {
            Err(_) => Some((Err(UploadError::Paused), None)),
            Ok(None) => None,
            Ok(Some(Err(error))) => Some((Err(UploadError::Broken(error)), None)),
            Ok(Some(Ok(data))) => match left.checked_sub(data.len() as u64) {
                None => Some((Err(UploadError::TooLarge { limit }), None)),
                Some(left) => Some((Ok(data), Some((body, left)))),
            },
        }
    });
    // Readers may ask again after the end; an unfold must not be asked.
    Box::pin(data.fuse())
}

/// Returns the length that the client announced.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body to its end and drops it, so that a client that sends before it listens gets its answer.
pub(crate) async fn discard(body: Body, limit: u64) -> ApiResult<()> {
    let mut body = bounded(body.into_data_stream(), limit);
    while let Some(data) = body.next().await {
        data?;
    }
    Ok(())
}

/// Memory that whole bodies may take together; a large one waits until others are done.
#[derive(Debug, Clone)]
pub(crate) struct BodyMemory {
    permits: Arc<Semaphore>,
    largest: usize,
}

/// A body in memory, with its share of what all bodies may take.
#[derive(Debug)]
pub(crate) struct HeldBody {
    /// The body.
    pub(crate) bytes: Bytes,
    /// Given back when dropped.
    pub(crate) share: OwnedSemaphorePermit,
}

impl BodyMemory {
    /// Allows `total` bytes together and `largest` for one body.
    pub(crate) fn new(total: usize, largest: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(total.max(largest).div_ceil(PERMIT_BYTES))), largest }
    }

    /// Reads a whole body. One of unannounced length is counted as the largest.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> ApiResult<HeldBody> {
        let mut stream = body_stream(headers, body, self.largest as u64)?;
        let announced = announced(headers).and_then(|length| usize::try_from(length).ok());
        let size = announced.unwrap_or(self.largest);
        let permits = u32::try_from(size.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        let share = timeout(MAX_WAIT, Arc::clone(&self.permits).acquire_many_owned(permits)).await;
        let Ok(Ok(share)) = share else {
            return Err(ApiError::new(ErrorKind::Unavailable, "too many large requests at once; try again"));
        };
        let mut bytes = BytesMut::with_capacity(announced.unwrap_or(0));
        while let Some(data) = stream.next().await {
            bytes.extend_from_slice(&data?);
        }
        Ok(HeldBody { bytes: bytes.freeze(), share })
    }
}

#[cfg(test)]
mod tests;
