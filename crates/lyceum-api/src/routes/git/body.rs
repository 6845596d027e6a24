//! Bodies as streams of bytes that are read and written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{Buf as _, Bytes};
use futures_util::{Stream, StreamExt as _, stream};
use lyceum_hub::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep};
use tracing::Instrument as _;

use crate::error::log;
use crate::upload::UploadError;

/// Bytes that wait between what writes an answer and the client.
const PIPE_BYTES: usize = 256 * 1024;
/// Bytes that are handed to the connection at once.
const PIECE_BYTES: usize = 64 * 1024;
/// How long a client may take nothing of its answer.
const MAX_STALL: Duration = Duration::from_secs(120);

/// Reads a request's body.
pub(crate) fn read<S>(body: S) -> impl AsyncRead + Unpin + Send
where
    S: Stream<Item = Result<Bytes, UploadError>> + Unpin + Send,
{
    BodyReader { body, data: Bytes::new() }
}

struct BodyReader<S> {
    body: S,
    data: Bytes,
}

impl<S: Stream<Item = Result<Bytes, UploadError>> + Unpin> AsyncRead for BodyReader<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.data.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(data)) => self.data = data,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let length = self.data.len().min(buffer.remaining());
        buffer.put_slice(&self.data[..length]);
        self.data.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// Answers with what `work` writes, while it writes it. If it fails, the connection breaks, so that no client takes
/// the part for the whole.
pub(crate) fn answer<F, W>(response: Response, work: F) -> Response
where
    F: FnOnce(Patient) -> W,
    W: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (output, input) = tokio::io::duplex(PIPE_BYTES);
    let work = work(Patient { output, stall: None });
    let work = tokio::spawn(work.in_current_span());
    let pieces = stream::try_unfold(Some((input, work)), next_piece);
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, Body::from_stream(pieces))
}

/// Answers as [`answer`] does, but only once there is something to answer with: until then `work` reads the request, and
/// may fail as any other does.
pub(crate) async fn answer_late<F, W>(response: Response, work: F) -> Result<Response, Error>
where
    F: FnOnce(Patient) -> W,
    W: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (output, mut input) = tokio::io::duplex(PIPE_BYTES);
    let work = tokio::spawn(work(Patient { output, stall: None }).in_current_span());
    let mut first = Vec::with_capacity(PIECE_BYTES);
    let read = input.read_buf(&mut first).await.map_err(Error::internal)?;
    let pipe = if read > 0 {
        Some((input, work))
    } else {
        work.await.map_err(Error::internal)??;
        None
    };
    let rest = stream::try_unfold(pipe, next_piece);
    let pieces = stream::once(async { Ok(Bytes::from(first)) }).chain(rest);
    let (parts, _) = response.into_parts();
    Ok(Response::from_parts(parts, Body::from_stream(pieces)))
}

type Pipe = (DuplexStream, JoinHandle<Result<(), Error>>);

async fn next_piece(pipe: Option<Pipe>) -> io::Result<Option<(Bytes, Option<Pipe>)>> {
    let Some((mut input, work)) = pipe else {
        return Ok(None);
    };
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    if input.read_buf(&mut piece).await? > 0 {
        return Ok(Some((piece.into(), Some((input, work)))));
    }
    match work.await {
        Ok(Ok(())) => Ok(None),
        Ok(Err(error)) => {
            log(&error);
            Err(io::Error::other("the answer ended early"))
        }
        Err(panic) => {
            tracing::error!("the answer to a git request panicked: {panic}");
            Err(io::Error::other("the answer ended early"))
        }
    }
}

/// Writes to a client, and gives up when it takes nothing for too long.
pub(crate) struct Patient {
    output: DuplexStream,
    stall: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn give_up<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stall = None;
            return polled;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(MAX_STALL)));
        ready!(stall.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.output).poll_write(context, data);
        self.give_up(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.output).poll_flush(context);
        self.give_up(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_shutdown(context)
    }
}
