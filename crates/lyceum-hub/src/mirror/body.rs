//! The body of an answer as something that git's protocol is read from.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures_util::Stream;
use lyceum_fetch::Opened;
use tokio::io::{AsyncRead, ReadBuf};

/// Reads an answer.
pub(super) struct Body {
    frames: Pin<Box<dyn Stream<Item = Result<Bytes, lyceum_fetch::Error>> + Send>>,
    frame: Bytes,
}

impl Body {
    pub(super) fn of(answer: Opened) -> Self {
        Self { frames: Box::pin(answer.into_stream()), frame: Bytes::new() }
    }
}

impl AsyncRead for Body {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.frame.is_empty() {
            match ready!(self.frames.as_mut().poll_next(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(frame)) => self.frame = frame,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let length = self.frame.len().min(buffer.remaining());
        buffer.put_slice(&self.frame[..length]);
        self.frame.advance(length);
        Poll::Ready(Ok(()))
    }
}
