//! The server's side of `git fetch` and `git clone`.

mod send;
mod v0;
mod v2;

use tokio::io::{AsyncRead, AsyncWrite};

use super::pack::Sent;
use super::pack_cache::PackCache;
use super::peer::Peer;
use super::{UploadPackOptions, Version, advertise};
use crate::{Error, ErrorKind, PackSource, References, Result};

/// What git says when what it has to send is not there, or damaged.
const ABORTED: &str = "aborting due to possible repository corruption on the remote side.";

/// What one connection was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Served {
    /// The last pack that was sent.
    pub pack: Option<Sent>,
    /// Whether the client had nothing in common when it got the pack: it cloned.
    pub cloned: bool,
}

/// Serves fetches and clones from `source` over a connection, until the client has what it wants.
///
/// Whoever calls has checked that the client may read all of `source`. A request that is refused was told so when
/// this returns the error; its message is what git shows.
pub async fn upload_pack<S, R, W>(
    source: &S,
    options: &UploadPackOptions,
    cache: &impl PackCache,
    input: R,
    output: W,
) -> Result<Served>
where
    S: PackSource + References,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut peer = Peer::new(input, output);
    let served = serve(source, options, cache, &mut peer).await;
    if let Err(error) = &served {
        let told = match error.kind() {
            ErrorKind::Connection => return served,
            ErrorKind::Protocol | ErrorKind::TooLarge => error.to_string(),
            ErrorKind::NotFound | ErrorKind::Malformed | ErrorKind::Source => ABORTED.to_owned(),
        };
        // Whether the client still listens does not change what went wrong.
        drop(peer.refuse(told.trim_start_matches("git ")).await);
    }
    served
}

async fn serve<S, R, W>(
    source: &S,
    options: &UploadPackOptions,
    cache: &impl PackCache,
    peer: &mut Peer<R, W>,
) -> Result<Served>
where
    S: PackSource + References,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    if options.version == Version::V2 {
        if options.advertise || !options.stateless {
            advertise::commands(options, peer).await?;
        }
        return if options.advertise {
            Ok(Served::default())
        } else {
            v2::serve(source, options, cache, peer).await
        };
    }
    v0::serve(source, options, cache, peer).await
}

/// The error of a wish that cannot be fulfilled.
fn not_our_ref(oid: lyceum_core::Oid) -> Error {
    Error::protocol(format!("upload-pack: not our ref {oid}"))
}

#[cfg(test)]
mod tests;
