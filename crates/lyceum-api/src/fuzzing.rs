//! The parsers of commit bodies and of batches on buckets, for the fuzz target that throws bytes at them.

use bytes::Bytes;
use futures_util::stream;
use lyceum_core::limits::MAX_COMMIT_LINE_BYTES;

use crate::ndjson::{Line, Lines};
use crate::upload::UploadError;
use crate::wire::buckets::parse_operation;
use crate::wire::commit::parse_line;

/// Parses a commit body that arrives in pieces of `piece_bytes`; returns how many lines were valid.
pub async fn parse_commit(body: &[u8], piece_bytes: usize) -> usize {
    count(body, piece_bytes, |line| parse_line(line.number, &line.bytes).is_ok()).await
}

/// Parses a batch that arrives in pieces of `piece_bytes`; returns how many lines were valid.
pub async fn parse_batch(body: &[u8], piece_bytes: usize) -> usize {
    count(body, piece_bytes, |line| parse_operation(line.number, &line.bytes).is_ok()).await
}

async fn count(body: &[u8], piece_bytes: usize, valid: impl Fn(&Line) -> bool) -> usize {
    let pieces: Vec<Result<Bytes, UploadError>> =
        body.chunks(piece_bytes.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut lines = Lines::new(stream::iter(pieces), MAX_COMMIT_LINE_BYTES);
    let mut count = 0;
    while let Ok(Some(line)) = lines.next().await {
        count += usize::from(valid(&line));
    }
    count
}
