//! Reading on after a refusal.
//!
//! A server that closes a connection on which the client still sends makes the client's system throw away the answer
//! (RFC 9112 §9.6): the client then reports a broken pipe instead of what was wrong. So the rest of a refused body is
//! read and dropped, for a while, before the answer goes out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long the rest of a refused body is read.
const MAX_DISCARD: Duration = Duration::from_secs(10);

/// A request's body that comes back when whoever reads it stops before its end.
struct Watched {
    body: Option<BodyDataStream>,
    back: Option<oneshot::Sender<BodyDataStream>>,
    /// Whether the client is sending: it may wait to be asked for the body (RFC 9110 §10.1.1).
    sending: bool,
}

/// What is left of a watched body.
pub(super) struct Rest(oneshot::Receiver<BodyDataStream>);

/// Watches a body. `expected` tells that the client waits before it sends.
pub(super) fn watch(body: Body, expected: bool) -> (Body, Rest) {
    let (back, rest) = oneshot::channel();
    let body = Watched { body: Some(body.into_data_stream()), back: Some(back), sending: !expected };
    (Body::from_stream(body), Rest(rest))
}

impl Stream for Watched {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.sending = true;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let next = ready!(body.poll_next_unpin(context));
        if !matches!(next, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(next)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let (Some(body), Some(back), true) = (self.body.take(), self.back.take(), self.sending) {
            // Nobody waits for it after a success.
            let _ = back.send(body);
        }
    }
}

impl Rest {
    /// Reads what is left, if the body was given up.
    pub(super) async fn discard(mut self) {
        let Ok(mut body) = self.0.try_recv() else {
            return;
        };
        let drain = async { while let Some(Ok(_)) = body.next().await {} };
        // Who is still sending then loses the answer.
        let _ = timeout(MAX_DISCARD, drain).await;
    }
}
