//! Answering with bytes: which ranges a request wants, and bodies that stream exactly those.
//!
//! Used by everything that serves content: resolve, LFS downloads and the data route of the Xet store.

use std::future::Future;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{Stream, StreamExt as _, TryFutureExt as _, TryStreamExt as _, stream};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use lyceum_core::{ByteRange, RangeHeader};
use lyceum_hub::ErrorKind;

use crate::error::{ApiError, ApiResult};

/// What a request wants of a representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it, with status 200.
    Whole,
    /// One range, with status 206.
    One(ByteRange),
    /// Several ranges that do not overlap, with status 206 and a body of parts.
    Several(Vec<ByteRange>),
    /// Ranges that are all past the end, with status 416.
    Nothing,
}

/// Reads `Range` and `If-Range` against a representation of `size` bytes with this quoted entity tag.
///
/// A malformed header is an error rather than ignored: the client would take the whole file for its part.
pub(crate) fn select(headers: &HeaderMap, size: u64, etag: &str) -> ApiResult<Selection> {
    let Some(header) = headers.get(RANGE) else {
        return Ok(Selection::Whole);
    };
    // A date never matches: files have no modification time here. Weak tags do not either (RFC 9110 §13.1.5).
    if headers.get(IF_RANGE).is_some_and(|condition| condition.as_bytes() != etag.as_bytes()) {
        return Ok(Selection::Whole);
    }
    let header = header.to_str().map_err(|_| ApiError::invalid("invalid Range header"))?;
    let Some(header) = RangeHeader::parse(header)? else {
        return Ok(Selection::Whole);
    };
    Ok(select_ranges(header.resolve(size)))
}

/// Sorts out ranges that were fitted to a representation.
pub(crate) fn select_ranges(ranges: Vec<ByteRange>) -> Selection {
    let ranges = without_overlap(ranges);
    match ranges.as_slice() {
        [] => Selection::Nothing,
        [range] => Selection::One(*range),
        _ => Selection::Several(ranges),
    }
}

/// Joins ranges if any two overlap, so that no byte is sent twice; otherwise keeps the order asked for.
fn without_overlap(ranges: Vec<ByteRange>) -> Vec<ByteRange> {
    let joined = union(ranges.clone());
    let asked: u64 = ranges.iter().fold(0, |sum, range| sum.saturating_add(range.len()));
    let kept: u64 = joined.iter().map(|range| range.len()).sum();
    if asked == kept { ranges } else { joined }
}

/// Returns the bytes that are in any of the ranges as sorted ranges that neither overlap nor touch.
pub(crate) fn union(mut ranges: Vec<ByteRange>) -> Vec<ByteRange> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut joined: Vec<ByteRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Finishes a response by the bytes that were selected of a representation of `size` bytes; `None` if the size need
/// not be told. Headers that describe the representation are set by the caller.
///
/// `read` is asked for one range after the other, when the one before it was sent. With `head`, it is never asked.
pub(crate) async fn respond<Read, Reading, Content, Broken>(
    mut response: Response,
    selection: Selection,
    size: Option<u64>,
    head: bool,
    boundary: impl FnOnce() -> String,
    read: Read,
) -> ApiResult
where
    Read: Fn(ByteRange) -> Reading + Send + 'static,
    Reading: Future<Output = lyceum_hub::Result<Content>> + Send + 'static,
    Content: Stream<Item = Result<Bytes, Broken>> + Send + 'static,
    Broken: std::error::Error + Send + Sync + 'static,
{
    let (range, length) = match selection {
        Selection::Whole => {
            let size = size.ok_or_else(|| ApiError::invalid("a Range header is required"))?;
            (ByteRange::new(0, size), size)
        }
        Selection::One(range) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            response.headers_mut().insert(CONTENT_RANGE, value(content_range(range, size)));
            (range, range.len())
        }
        Selection::Several(ranges) => return Ok(parts(response, ranges, size, head, &boundary(), read)),
        Selection::Nothing => {
            return Ok(unsatisfied(size.unwrap_or(0)));
        }
    };
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    if !head && length > 0 {
        *response.body_mut() = body(read(range).await?);
    }
    Ok(response)
}

/// Answers 416, with the size so that the client can ask again.
fn unsatisfied(size: u64) -> Response {
    let message = format!("no byte of the asked range exists: the size is {size} bytes");
    let mut response = ApiError::new(ErrorKind::RangeNotSatisfiable, message).into_response();
    response.headers_mut().insert(CONTENT_RANGE, value(format!("bytes */{size}")));
    response
}

/// Hands a stream to the connection; a failure ends it early, which the client sees by the missing length.
fn body<Content, Broken>(content: Content) -> Body
where
    Content: Stream<Item = Result<Bytes, Broken>> + Send + 'static,
    Broken: std::error::Error + Send + Sync + 'static,
{
    Body::from_stream(content.inspect_err(|error| log_broken(error)))
}

fn log_broken(error: &dyn std::error::Error) {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(cause, "body ended early: {error}");
}

/// Answers with `multipart/byteranges` (RFC 9110 §14.6).
fn parts<Read, Reading, Content, Broken>(
    mut response: Response,
    ranges: Vec<ByteRange>,
    size: Option<u64>,
    head: bool,
    boundary: &str,
    read: Read,
) -> Response
where
    Read: Fn(ByteRange) -> Reading + Send + 'static,
    Reading: Future<Output = lyceum_hub::Result<Content>> + Send + 'static,
    Content: Stream<Item = Result<Bytes, Broken>> + Send + 'static,
    Broken: std::error::Error + Send + Sync + 'static,
{
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|media_type| media_type.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    let heads: Vec<(Bytes, ByteRange)> = ranges
        .into_iter()
        .enumerate()
        .map(|(index, range)| {
            let line_end = if index == 0 { "" } else { "\r\n" };
            let content_range = content_range(range, size);
            let head = format!(
                "{line_end}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {content_range}\r\n\r\n"
            );
            (Bytes::from(head), range)
        })
        .collect();
    let end = Bytes::from(format!("\r\n--{boundary}--\r\n"));
    let length: u64 = heads.iter().map(|(head, range)| head.len() as u64 + range.len()).sum();

    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, value(format!("multipart/byteranges; boundary={boundary}")));
    headers.insert(CONTENT_LENGTH, (length + end.len() as u64).into());
    if !head {
        let parts = stream::iter(heads).flat_map(move |(head, range)| {
            let content = read(range)
                .map_ok(|stream| stream.map_err(BoxError::from))
                .map_err(BoxError::from)
                .try_flatten_stream();
            // Boxed because the two halves of a part must not be pinned apart.
            stream::once(ready(Ok(head))).chain(content).boxed()
        });
        let parts = parts.chain(stream::once(ready(Ok(end))));
        *response.body_mut() = Body::from_stream(parts.inspect_err(|error| log_broken(error.as_ref())));
    }
    response
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn content_range(range: ByteRange, size: Option<u64>) -> String {
    let (first, last) = (range.start, range.end - 1);
    match size {
        Some(size) => format!("bytes {first}-{last}/{size}"),
        None => format!("bytes {first}-{last}/*"),
    }
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and a boundary of letters make a header value")
}

#[cfg(test)]
mod tests;
