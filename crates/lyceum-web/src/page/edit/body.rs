//! Bodies of files that browsers send: streamed, bounded, and given up when nothing comes any more.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use lyceum_hub::{Error, ErrorKind};
use tokio::time::timeout;

/// How long a browser may pause in the middle of a body.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Returns the length that was announced, which must be at most `most`: browsers always tell.
pub(super) fn announced(headers: &HeaderMap, most: u64) -> Result<u64, Error> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: u64 =
        length.ok_or_else(|| Error::new(ErrorKind::Invalid, "the length of the upload is missing"))?;
    if length > most {
        return Err(too_large(most));
    }
    Ok(length)
}

/// Streams a body of at most `most` bytes.
pub(super) fn stream(
    body: Body,
    most: u64,
) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + 'static {
    // `None` after the first error: a body is not read on past it.
    let frames = stream::unfold(Some((body.into_data_stream(), most)), move |state| async move {
        let (mut body, left) = state?;
        let frame = match timeout(MAX_PAUSE, body.next()).await {
            Err(_) => Err(Error::new(ErrorKind::Invalid, "the upload paused for too long")),
            Ok(None) => return None,
            Ok(Some(Err(error))) => {
                Err(Error::new(ErrorKind::Invalid, "the upload broke off").caused_by(error))
            }
            Ok(Some(Ok(data))) => match left.checked_sub(data.len() as u64) {
                Some(left) => return Some((Ok(data), Some((body, left)))),
                None => Err(too_large(most)),
            },
        };
        Some((frame, None))
    });
    Box::pin(frames.fuse())
}

fn too_large(most: u64) -> Error {
    let message = format!(
        "the upload is over {}; send fewer files at once, or use the command line",
        crate::format::size(most)
    );
    Error::new(ErrorKind::TooLarge, message)
}
