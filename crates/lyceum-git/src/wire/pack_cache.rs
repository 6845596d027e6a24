//! Packs that are kept for the next client that wants the same.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

/// What decides about the bytes of a pack for a client that has nothing: everything it wants, and what it takes.
///
/// Where two keys are equal in the same repository, so are the objects.
pub type PackKey = Vec<u8>;

/// A place where packs are kept.
pub trait PackCache: Send + Sync {
    /// A pack that was kept.
    type Kept: AsyncRead + Unpin + Send;
    /// A pack that is being kept.
    type Keep: KeepPack;

    /// Opens a pack; `None` if it was not kept.
    fn open(&self, key: &PackKey) -> impl Future<Output = Option<Self::Kept>> + Send;

    /// Starts to keep a pack; `None` if that is not possible now.
    fn keep(&self, key: &PackKey) -> impl Future<Output = Option<Self::Keep>> + Send;
}

/// A copy that is written along with a pack. What is dropped before [`finish`](Self::finish) is forgotten.
pub trait KeepPack: AsyncWrite + Unpin + Send {
    /// Makes the pack known, now that it is complete and was sent.
    fn finish(self) -> impl Future<Output = ()> + Send;
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPackCache;

impl PackCache for NoPackCache {
    type Kept = tokio::io::Empty;
    type Keep = Nowhere;

    async fn open(&self, _key: &PackKey) -> Option<Self::Kept> {
        None
    }

    async fn keep(&self, _key: &PackKey) -> Option<Self::Keep> {
        None
    }
}

/// A copy that is never made.
#[derive(Debug, Clone, Copy)]
pub enum Nowhere {}

impl AsyncWrite for Nowhere {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match *self {}
    }
}

impl KeepPack for Nowhere {
    async fn finish(self) {
        match self {}
    }
}
