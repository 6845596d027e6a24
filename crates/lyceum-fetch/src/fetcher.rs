//! One request, one answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::address::refusal;
use crate::allow::AllowList;
use crate::error::{Error, Result};
use crate::resolver::Resolver;
use crate::target::Target;

/// Most bytes of an answer's head.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// A connection, encrypted or not.
pub(crate) type BoxedConnection = Box<dyn Connection>;

/// What HTTP is spoken over.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection for S {}

/// Bounds of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Longest time until there is a connection, in seconds.
    pub connect_seconds: u64,
    /// Longest time for all of it, in seconds.
    pub total_seconds: u64,
    /// Most bytes of the answer's body that are read.
    pub answer_bytes: usize,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The first bytes of the body, up to the limit.
    pub body: Bytes,
    /// Whether the body is longer than that.
    pub truncated: bool,
}

/// Makes requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    allowed: AllowList,
    resolver: Resolver,
    /// Made at the first use of HTTPS: reading the machine's certificate authorities takes a while.
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Fetcher {
    /// Returns a fetcher that reaches public addresses and those of the list.
    pub fn new(allowed: AllowList, resolver: Resolver) -> Self {
        Self { inner: Arc::new(Inner { allowed, resolver, tls: OnceCell::new() }) }
    }

    /// Refuses an address that is a number and must not be reached. Names are looked at when they are used.
    pub fn check(&self, target: &Target) -> Result<()> {
        match target.literal() {
            Some(address) => self.check_addresses(target, &[SocketAddr::new(address, target.port)]),
            None => Ok(()),
        }
    }

    /// Sends a request and reads the answer. Redirects are answers like any other.
    pub async fn exchange(
        &self,
        method: Method,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
        limits: FetchLimits,
    ) -> Result<Answer> {
        let total = Duration::from_secs(limits.total_seconds);
        match timeout(total, self.exchange_unbounded(method, target, headers, body, limits)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::TooSlow(limits.total_seconds)),
        }
    }

    async fn exchange_unbounded(
        &self,
        method: Method,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
        limits: FetchLimits,
    ) -> Result<Answer> {
        let request = request(method, target, headers, body)?;
        let stream = self.dial(target, limits.connect_seconds).await?;
        speak(stream, request, limits.answer_bytes).await
    }

    /// Connects, and encrypts the connection if the address wants that.
    pub(crate) async fn dial(&self, target: &Target, connect_seconds: u64) -> Result<BoxedConnection> {
        let connecting = timeout(Duration::from_secs(connect_seconds), self.connect(target));
        let stream = match connecting.await {
            Ok(stream) => stream?,
            Err(_) => return Err(Error::TooSlow(connect_seconds)),
        };
        if !target.secure {
            return Ok(Box::new(stream));
        }
        let fail = |source| Error::Connect { host: target.host.clone(), source };
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| Error::Invalid("its host is no name that a certificate can have"))?;
        let connector = TlsConnector::from(self.tls().await?);
        let handshake = timeout(Duration::from_secs(connect_seconds), connector.connect(name, stream));
        match handshake.await {
            Ok(stream) => Ok(Box::new(stream.map_err(fail)?)),
            Err(_) => Err(Error::TooSlow(connect_seconds)),
        }
    }

    /// Resolves the name once, checks all that it leads to, and connects to one of just those addresses.
    async fn connect(&self, target: &Target) -> Result<TcpStream> {
        let host = || target.host.clone();
        let mut addresses = match target.literal() {
            Some(address) => vec![SocketAddr::new(address, target.port)],
            None => {
                let found = self.inner.resolver.resolve(&target.host, target.port).await;
                found.map_err(|source| Error::Resolve { host: host(), source })?
            }
        };
        self.check_addresses(target, &addresses)?;
        addresses.truncate(MAX_ADDRESSES);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(Error::Connect { host: host(), source: last })
    }

    /// One address that must not be reached is enough to refuse the name: it may be the one that is reached next time.
    fn check_addresses(&self, target: &Target, addresses: &[SocketAddr]) -> Result<()> {
        let allowed = &self.inner.allowed;
        if allowed.has_host(&target.host) {
            return Ok(());
        }
        for address in addresses.iter().map(SocketAddr::ip) {
            if let Some(reason) = refusal(address)
                && !allowed.has_address(address)
            {
                return Err(Error::Refused { host: target.host.clone(), address, reason });
            }
        }
        Ok(())
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>> {
        let made = self.inner.tls.get_or_try_init(|| async {
            let made = tokio::task::spawn_blocking(tls_config).await;
            made.unwrap_or(Err(Error::Tls("reading the machine's certificate authorities failed")))
        });
        made.await.cloned()
    }
}

/// Trusts whom the machine trusts, so that an operator's own authority works and a revoked one does not need a new
/// version of the hub.
fn tls_config() -> Result<Arc<ClientConfig>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "cannot read a certificate authority of this machine");
    }
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return Err(Error::Tls("this machine has no certificate authorities, which HTTPS needs"));
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::Tls("the TLS library has no protocol version in common with itself"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

pub(crate) fn request(
    method: Method,
    target: &Target,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Request<Full<Bytes>>> {
    let host =
        HeaderValue::from_str(target.authority()).map_err(|_| Error::Invalid("its host is not ASCII"))?;
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = method;
    *request.uri_mut() = target.path().parse().map_err(|_| Error::Invalid("its path is not ASCII"))?;
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(request)
}

/// Speaks HTTP/1.1 on a connection of its own, which ends with the answer.
async fn speak(stream: BoxedConnection, request: Request<Full<Bytes>>, most: usize) -> Result<Answer> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let (body, truncated) = read(body, most).await?;
        Ok(Answer { status: head.status, headers: head.headers, body, truncated })
    };
    // Both at once in this task, so that dropping it closes the connection. The exchange tells what went wrong.
    tokio::pin!(connection, exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        _ended = &mut connection => exchange.await,
    }
}

async fn read(mut body: Incoming, most: usize) -> Result<(Bytes, bool)> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = most - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((bytes.freeze(), true));
        }
    }
    Ok((bytes.freeze(), false))
}

#[cfg(test)]
mod tests;
