//! The accept loop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::{Failure, Result};
use crate::settings::LimitSettings;

/// Wait after a failed accept, which mostly means that no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket with its limits.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    limits: LimitSettings,
}

impl Server {
    /// Binds the address; connections wait in its queue until [`run`](Self::run).
    pub(crate) async fn bind(listen: &str, limits: &LimitSettings) -> Result<Self> {
        let bound = async {
            let listener = TcpListener::bind(listen).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bound.await.map_err(|error: std::io::Error| {
            let taken = error.kind() == std::io::ErrorKind::AddrInUse;
            let failure = Failure::from(error).context(format!("listen on `{listen}`"));
            if taken {
                failure.hint("another program uses this port; choose another with --listen")
            } else {
                failure
            }
        })?;
        Ok(Self { listener, address, limits: limits.clone() })
    }

    /// Returns the real address, also when port 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves, then lets running requests finish for the configured time.
    pub(crate) async fn run(self, router: Router, stop: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(self.limits.connections as usize));
        let graceful = GracefulShutdown::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &permits) => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, peer, permit)) => self.connect(stream, peer, permit, router.clone(), &graceful),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Closing the socket first sends new clients elsewhere while the last requests finish.
        drop(self.listener);
        let limit = Duration::from_secs(u64::from(self.limits.shutdown_seconds));
        tracing::info!(
            open = graceful.count(),
            limit_seconds = limit.as_secs(),
            "stopping; requests may finish"
        );
        if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time and were cut off");
        }
    }

    fn connect(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
        router: Router,
        graceful: &GracefulShutdown,
    ) {
        // Small answers must not wait for the acknowledgement of the ones before.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut router = router.clone();
            async move { Ok::<_, Infallible>(call(&mut router, request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(u64::from(self.limits.header_seconds)))
            .max_headers(self.limits.header_count as usize)
            .max_buf_size(self.limits.header_bytes as usize)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Clients go away all the time; this is no fault of the server.
                tracing::debug!(%error, %peer, "connection ended early");
            }
            drop(permit);
        });
    }
}

async fn call(router: &mut Router, request: http::Request<Incoming>) -> axum::response::Response {
    use tower::Service as _;
    match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.expect("the semaphore is never closed");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

/// Resolves at the first SIGTERM or SIGINT; at the second one the process ends at once.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).map_err(|error| Failure::from(error).context("listen for signals"));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::warn!("second signal; stopping at once");
            #[expect(clippy::exit, reason = "the operator asked twice, so nothing is left to wait for")]
            std::process::exit(130);
        });
    })
}
