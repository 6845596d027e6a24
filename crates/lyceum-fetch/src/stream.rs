//! Answers whose body is read as it comes, after a few redirects.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::fetcher::{Fetcher, MAX_HEAD_BYTES, request};
use crate::target::Target;

/// Most redirects that are followed one after another.
const MAX_REDIRECTS: usize = 5;

/// Bounds of an answer that is read as it comes; its length is up to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLimits {
    /// Longest time until there is a connection, in seconds.
    pub connect_seconds: u64,
    /// Longest time from then until the answer begins, in seconds.
    pub answer_seconds: u64,
    /// Longest silence within the answer, in seconds.
    pub idle_seconds: u64,
}

/// An answer whose body was not read yet, whatever its status; dropped, it closes its connection.
#[derive(Debug)]
pub struct Opened {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    body: Incoming,
    idle_seconds: u64,
    _connection: Driver,
}

/// Keeps a connection going until it is dropped.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Fetcher {
    /// Sends a request and returns the answer when it begins. Redirects are followed, each to an address that is checked
    /// as the first was; credentials do not go to another server.
    pub async fn open(
        &self,
        mut method: Method,
        target: &Target,
        mut headers: HeaderMap,
        mut body: Bytes,
        limits: OpenLimits,
    ) -> Result<Opened> {
        let mut target = target.clone();
        for _ in 0..=MAX_REDIRECTS {
            let opened =
                self.open_once(method.clone(), &target, headers.clone(), body.clone(), limits).await?;
            let Some(location) = redirect(&opened) else {
                return Ok(opened);
            };
            let next = target.join(location)?;
            if !next.same_origin(&target) {
                headers.remove(AUTHORIZATION);
            }
            let keeps_method =
                matches!(opened.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if !keeps_method && method != Method::HEAD {
                (method, body) = (Method::GET, Bytes::new());
            }
            target = next;
        }
        Err(Error::Redirects(target.host().to_owned()))
    }

    async fn open_once(
        &self,
        method: Method,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
        limits: OpenLimits,
    ) -> Result<Opened> {
        let request = request(method, target, headers, body)?;
        let stream = self.dial(target, limits.connect_seconds).await?;
        let answering = async {
            let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
                .max_buf_size(MAX_HEAD_BYTES)
                .handshake(TokioIo::new(stream))
                .await?;
            // What ends it badly, the body tells too.
            let driver = Driver(tokio::spawn(async move { drop(connection.await) }));
            let (head, body) = sender.send_request(request).await?.into_parts();
            let idle_seconds = limits.idle_seconds;
            Ok(Opened { status: head.status, headers: head.headers, body, idle_seconds, _connection: driver })
        };
        match timeout(Duration::from_secs(limits.answer_seconds), answering).await {
            Ok(opened) => opened,
            Err(_) => Err(Error::TooSlow(limits.answer_seconds)),
        }
    }
}

impl Opened {
    /// Returns the next bytes of the body; `None` at its end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Ok(frame) = timeout(Duration::from_secs(self.idle_seconds), self.body.frame()).await else {
                return Err(Error::TooSlow(self.idle_seconds));
            };
            match frame.transpose()?.map(hyper::body::Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) if !data.is_empty() => return Ok(Some(data)),
                Some(_) => {}
            }
        }
    }

    /// Reads the body to its end; `None` if it has more than `most` bytes.
    pub async fn read(mut self, most: usize) -> Result<Option<Bytes>> {
        let mut bytes = BytesMut::new();
        while let Some(data) = self.next().await? {
            if data.len() > most - bytes.len() {
                return Ok(None);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Some(bytes.freeze()))
    }

    /// Returns the body as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes>> + Send {
        futures_util::stream::try_unfold(self, |mut opened| async move {
            Ok(opened.next().await?.map(|data| (data, opened)))
        })
    }
}

/// Returns where an answer sends the client.
fn redirect(opened: &Opened) -> Option<&str> {
    let followed = matches!(
        opened.status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    opened.headers.get(LOCATION).filter(|_| followed)?.to_str().ok()
}

#[cfg(test)]
mod tests;
