//! Standard input and output as the engine wants them. Reads and writes block: a command serves one client.

use std::io::{Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A reader that blocks.
pub(super) struct Input(pub(super) Box<dyn Read + Send>);

/// A writer that blocks.
pub(super) struct Output(pub(super) Box<dyn Write + Send>);

impl Input {
    /// Standard input.
    pub(super) fn standard() -> Self {
        Self(Box::new(std::io::stdin()))
    }
}

impl Output {
    /// Standard output.
    pub(super) fn standard() -> Self {
        Self(Box::new(std::io::stdout()))
    }
}

impl AsyncRead for Input {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = self.0.read(buffer.initialize_unfilled())?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        // The engine collects what it writes; nothing may stay behind in a buffer of lines.
        Poll::Ready(self.0.write_all(data).and_then(|()| self.0.flush()).map(|()| data.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.0.flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.poll_flush(context)
    }
}
