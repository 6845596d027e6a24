//! Newline-delimited JSON, one line in memory at a time.

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use lyceum_hub::ErrorKind;

use crate::error::{ApiError, ApiResult};
use crate::upload::UploadError;

/// Splits a body into lines, however it is cut into pieces.
pub(crate) struct Lines<S> {
    body: S,
    /// What was received and not yet given out.
    pending: BytesMut,
    /// How much of `pending` is known to hold no line break.
    searched: usize,
    ended: bool,
    number: usize,
    limit: usize,
}

/// A line without its break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number, from 1.
    pub(crate) number: usize,
    /// Content; never blank.
    pub(crate) bytes: Bytes,
}

impl<S> Lines<S>
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin,
{
    /// Reads lines of at most `limit` bytes.
    pub(crate) fn new(body: S, limit: usize) -> Self {
        Self { body, pending: BytesMut::new(), searched: 0, ended: false, number: 0, limit }
    }

    /// Returns the next line that is not blank; `None` at the end.
    pub(crate) async fn next(&mut self) -> ApiResult<Option<Line>> {
        loop {
            let Some(bytes) = self.next_raw().await? else {
                return Ok(None);
            };
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Line { number: self.number, bytes }));
            }
        }
    }

    async fn next_raw(&mut self) -> ApiResult<Option<Bytes>> {
        loop {
            if let Some(at) = self.pending[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + at;
                self.check_length(end)?;
                let line = self.pending.split_to(end).freeze();
                self.pending.advance(1);
                self.searched = 0;
                self.number += 1;
                return Ok(Some(line));
            }
            self.searched = self.pending.len();
            self.check_length(self.searched)?;
            if self.ended {
                if self.pending.is_empty() {
                    return Ok(None);
                }
                self.searched = 0;
                self.number += 1;
                return Ok(Some(self.pending.split().freeze()));
            }
            match self.body.next().await {
                Some(Ok(piece)) => self.pending.extend_from_slice(&piece),
                Some(Err(error)) => {
                    self.ended = true;
                    return Err(error.into());
                }
                None => self.ended = true,
            }
        }
    }

    fn check_length(&self, length: usize) -> ApiResult<()> {
        if length <= self.limit {
            return Ok(());
        }
        let (line, limit) = (self.number + 1, self.limit);
        Err(ApiError::new(ErrorKind::TooLarge, format!("line {line} is longer than {limit} bytes")))
    }
}

#[cfg(test)]
mod tests;
