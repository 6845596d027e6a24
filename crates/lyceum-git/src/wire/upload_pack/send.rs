//! The end of every fetch: the pack.

use std::collections::HashSet;

use tokio::io::{AsyncRead, AsyncWrite};

use super::Served;
use crate::wire::options::hidden;
use crate::wire::pack::{Enumerating, PackOptions, send_kept, write_pack};
use crate::wire::pack_cache::{PackCache, PackKey};
use crate::wire::peer::Peer;
use crate::wire::request::Request;
use crate::wire::select::{Question, add_tags, select};
use crate::wire::shallow::Borders;
use crate::wire::{Sideband, UploadPackOptions};
use crate::{PackSource, References, Result};

/// Sends what the client lacks.
pub(super) async fn send_pack<S, R, W>(
    source: &S,
    options: &UploadPackOptions,
    cache: &impl PackCache,
    request: Request,
    borders: Borders,
    peer: &mut Peer<R, W>,
) -> Result<Served>
where
    S: PackSource + References,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    peer.packing = true;
    let mut tags = Vec::new();
    if request.include_tag {
        let all = source.references(&["refs/tags/".to_owned()]).await?.into_iter();
        let shown = all.filter(|tag| !hidden(&options.hidden, &tag.name));
        tags.extend(shown.filter_map(|tag| Some((tag.target, tag.peeled?))));
    }
    let pack_options = PackOptions {
        offset_delta: request.offset_delta,
        quiet: request.no_progress || peer.sideband == Sideband::None,
    };
    let cloned = request.common.is_empty() && request.client_shallow.is_empty();
    let whole = cloned && request.filter.is_none() && borders.cut.is_empty();
    let key = whole.then(|| key(&request, &tags));
    if let Some(key) = &key
        && let Some(pack) = cache.open(key).await
    {
        let sent = send_kept(pack, peer).await?;
        return end(peer, Served { pack: Some(sent), cloned }).await;
    }
    let mut wants = request.wants;
    wants.extend(borders.parents);
    let question = Question {
        wants,
        haves: request.common,
        cut: borders.cut,
        edges: borders.unshallow,
        // A client that leaves objects out may lack those that others are based on.
        thin: request.thin_pack && request.filter.is_none(),
        filter: request.filter,
    };
    let quiet = pack_options.quiet;
    let mut selection = select(source, &question, &mut Enumerating::new(peer, quiet)).await?;
    drop(question);
    add_tags(source, &mut selection, &tags).await?;
    if !quiet {
        peer.progress(&format!("Enumerating objects: {}, done.\n", selection.objects.len())).await?;
    }
    let keep = match &key {
        Some(key) => cache.keep(key).await,
        None => None,
    };
    let sent = write_pack(source, selection, pack_options, peer, keep).await?;
    end(peer, Served { pack: Some(sent), cloned }).await
}

async fn end<R, W>(peer: &mut Peer<R, W>, served: Served) -> Result<Served>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if peer.sideband != Sideband::None {
        peer.flush().await?;
    }
    peer.send().await?;
    peer.packing = false;
    Ok(served)
}

/// Names everything that decides about the objects of a whole history, and about their form.
fn key(request: &Request, tags: &[(lyceum_core::Oid, lyceum_core::Oid)]) -> PackKey {
    let mut key = vec![1, u8::from(request.offset_delta)];
    let mut add = |mut oids: Vec<lyceum_core::Oid>| {
        oids.sort_unstable();
        oids.dedup();
        key.extend_from_slice(&(oids.len() as u64).to_be_bytes());
        key.extend(oids.iter().flat_map(lyceum_core::Oid::as_bytes));
    };
    let wanted: HashSet<_> = request.wants.iter().collect();
    add(request.wants.clone());
    add(tags.iter().map(|(tag, _)| *tag).filter(|tag| !wanted.contains(tag)).collect());
    key
}
