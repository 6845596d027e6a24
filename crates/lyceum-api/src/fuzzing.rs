//! The parser of commit bodies, for the fuzz target that throws bytes at it.

use bytes::Bytes;
use futures_util::stream;
use lyceum_core::limits::MAX_COMMIT_LINE_BYTES;

use crate::ndjson::Lines;
use crate::upload::UploadError;
use crate::wire::commit::parse_line;

/// Parses a commit body that arrives in pieces of `piece_bytes`; returns how many lines were valid.
pub async fn parse_commit(body: &[u8], piece_bytes: usize) -> usize {
    let pieces: Vec<Result<Bytes, UploadError>> =
        body.chunks(piece_bytes.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut lines = Lines::new(stream::iter(pieces), MAX_COMMIT_LINE_BYTES);
    let mut valid = 0;
    while let Ok(Some(line)) = lines.next().await {
        valid += usize::from(parse_line(line.number, &line.bytes).is_ok());
    }
    valid
}
