//! Fetching a file by ordinary requests.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use lyceum_fetch::Opened;

use super::{Fill, Wanted};
use crate::mirror::trouble::{Answered, Trouble};

/// Bytes that are written at a time.
const WRITE_BYTES: usize = 512 * 1024;

/// Fetches the rest of a file by an ordinary request.
pub(super) async fn fetch_plain(fill: &Fill, wanted: &Wanted) -> Answered<()> {
    let (remote, from) = (&wanted.remote, fill.fetched());
    let mut answer =
        remote.file(wanted.repo.kind(), &wanted.remote_id, wanted.commit, &wanted.path, from).await?;
    let mut skip = check_start(&answer, wanted, from)?;
    loop {
        let data = next_block(&mut answer, WRITE_BYTES).await.map_err(|error| remote.failed(&error))?;
        if data.is_empty() {
            break;
        }
        let length: u64 = data.iter().map(|piece| piece.len() as u64).sum();
        fill.received_bytes.fetch_add(length, Ordering::Relaxed);
        fill.append(without_start(data, &mut skip)).await?;
    }
    if fill.fetched() < wanted.size {
        let message = format!(
            "upstream `{}` ended after {} of {} bytes",
            wanted.remote.name(),
            fill.fetched(),
            wanted.size
        );
        // An answer that says where it ends and ends there is not one that broke off.
        return Err(Trouble::lie(message));
    }
    Ok(())
}

/// Checks where an answer starts, and returns how many bytes of it are in the spool already.
fn check_start(answer: &Opened, wanted: &Wanted, from: u64) -> Answered<u64> {
    let text = |name| answer.headers.get(name).and_then(|value| value.to_str().ok());
    if answer.status == StatusCode::PARTIAL_CONTENT {
        let expected = format!("bytes {from}-{}/{}", wanted.size - 1, wanted.size);
        return match text(CONTENT_RANGE) {
            Some(range) if range == expected => Ok(0),
            range => {
                let message =
                    wanted.remote.says(&format!("`{}` instead of `{expected}`", range.unwrap_or("")));
                Err(Trouble::lie(message))
            }
        };
    }
    match text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length != wanted.size => {
            let message = format!("{length} bytes for a file that has {} by its pointer", wanted.size);
            Err(Trouble::lie(wanted.remote.says(&message)))
        }
        _ => Ok(from),
    }
}

/// Takes what has come, but not more than a block; empty at the end.
async fn next_block(answer: &mut Opened, most: usize) -> Result<Vec<Bytes>, lyceum_fetch::Error> {
    let mut data = Vec::new();
    let Some(first) = answer.next().await? else {
        return Ok(data);
    };
    let mut length = first.len();
    data.push(first);
    while length < most {
        // Whoever waits for bytes that are here should not wait for more.
        match answer.next().now_or_never() {
            Some(Ok(Some(more))) => {
                length += more.len();
                data.push(more);
            }
            // An error comes again.
            _ => break,
        }
    }
    Ok(data)
}

/// Leaves out the first `skip` bytes.
fn without_start(data: Vec<Bytes>, skip: &mut u64) -> Vec<Bytes> {
    let mut kept = Vec::with_capacity(data.len());
    for piece in data {
        let left_out = (*skip).min(piece.len() as u64);
        *skip -= left_out;
        // At most the length of the piece.
        let piece = piece.slice(left_out as usize..);
        if !piece.is_empty() {
            kept.push(piece);
        }
    }
    kept
}
