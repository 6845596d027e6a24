//! Versions 0 and 1: references first, then wishes, then what the client has (gitprotocol-pack).

use std::collections::{HashMap, HashSet};

use lyceum_core::Oid;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Served, not_our_ref};
use crate::limits::MAX_SHALLOW_COMMITS;
use crate::wire::advertise::{self, Shown};
use crate::wire::commits::Commits;
use crate::wire::links::peel;
use crate::wire::pack_cache::PackCache;
use crate::wire::peer::{Line, Peer};
use crate::wire::request::Request;
use crate::wire::shallow::Borders;
use crate::wire::{Sideband, UploadPackOptions};
use crate::{Error, ObjectKind, PackSource, References, Result};

/// How what both have is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Acks {
    /// The first one only.
    #[default]
    One,
    /// `multi_ack`: each.
    Each,
    /// `multi_ack_detailed`: each, with what follows from it.
    Detailed,
}

/// What the first line of the wishes asks for beside objects.
#[derive(Debug, Default)]
struct Features {
    acks: Acks,
    no_done: bool,
    filter: bool,
}

pub(super) async fn serve<S, R, W>(
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
    // Whoever may have anything needs no list of what may be had.
    let mut shown = None;
    if options.advertise || !options.stateless {
        let all = Shown::read(source, options, &[]).await?;
        advertise::references(source, options, &all, peer).await?;
        shown = Some(all);
    }
    if options.advertise {
        return Ok(Served::default());
    }
    let mut commits = Commits::new(source, source.shallow().await?);
    let mut request = Request::default();
    let features = receive_wants(source, options, &mut request, peer).await?;
    if request.wants.is_empty() {
        return Ok(Served::default());
    }
    if !options.any {
        let shown = match shown {
            Some(shown) => shown,
            None => Shown::read(source, options, &[]).await?,
        };
        check_wants(options, &shown, &request, &mut commits).await?;
    }
    let borders = Borders::of(&request, &mut commits, true).await?;
    if request.deepens() {
        for oid in &borders.shallow {
            peer.text(format!("shallow {oid}")).await?;
        }
        for oid in &borders.unshallow {
            peer.text(format!("unshallow {oid}")).await?;
        }
        peer.flush().await?;
        peer.send().await?;
    }
    if !negotiate(options, &features, &mut request, &mut commits, peer).await? {
        return Ok(Served::default());
    }
    drop(commits);
    super::send::send_pack(source, options, cache, request, borders, peer).await
}

/// Reads what the client wants, and the history that it has cut off.
async fn receive_wants<S, R, W>(
    source: &S,
    options: &UploadPackOptions,
    request: &mut Request,
    peer: &mut Peer<R, W>,
) -> Result<Features>
where
    S: PackSource + References,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut features = Features::default();
    while let Line::Text(line) = peer.expect().await? {
        if request.take(source, &line).await? {
            continue;
        }
        if let Some(spec) = line.strip_prefix("filter ") {
            if !features.filter {
                return Err(Error::protocol("git upload-pack: filtering capability not negotiated"));
            }
            request.filter(spec)?;
            continue;
        }
        let wish = line.strip_prefix("want ").and_then(|wish| {
            let (hex, words) = wish.split_at_checked(2 * Oid::BYTES)?;
            Some((hex.parse::<Oid>().ok()?, words))
        });
        let Some((oid, words)) = wish else {
            return Err(Error::protocol(format!(
                "git upload-pack: protocol error, expected to get object ID, not '{line}'"
            )));
        };
        for word in words.split_ascii_whitespace() {
            match word {
                "deepen-relative" => request.deepen_relative = true,
                "multi_ack_detailed" => features.acks = Acks::Detailed,
                "multi_ack" if features.acks == Acks::One => features.acks = Acks::Each,
                "no-done" => features.no_done = true,
                "thin-pack" => request.thin_pack = true,
                "ofs-delta" => request.offset_delta = true,
                "side-band-64k" => peer.sideband = Sideband::Large,
                "side-band" if peer.sideband == Sideband::None => peer.sideband = Sideband::Small,
                "no-progress" => request.no_progress = true,
                "include-tag" => request.include_tag = true,
                "filter" => features.filter = options.filter,
                _ => {}
            }
        }
        if !request.want(source, oid).await? {
            return Err(not_our_ref(oid));
        }
    }
    request.find_names(source).await?;
    Ok(features)
}

/// Checks that everything wanted is shown, or allowed although it is not.
async fn check_wants<S: PackSource>(
    options: &UploadPackOptions,
    shown: &Shown,
    request: &Request,
    commits: &mut Commits<'_, S>,
) -> Result<()> {
    let mut tips: HashSet<Oid> = shown.references.iter().map(|reference| reference.target).collect();
    tips.extend(shown.head.iter().filter_map(|(_, target)| *target));
    if options.tips || options.reachable {
        tips.extend(&shown.hidden);
    }
    let mut others: HashSet<Oid> =
        request.wants.iter().copied().filter(|want| !tips.contains(want)).collect();
    let Some(first) = request.wants.iter().copied().find(|want| others.contains(want)) else {
        return Ok(());
    };
    // Between listing and asking over HTTP, references may have moved on from what was listed.
    if !options.stateless && !options.reachable {
        return Err(not_our_ref(first));
    }
    for other in &others {
        if peel(commits.source(), *other).await? != (Vec::new(), ObjectKind::Commit, *other) {
            return Err(not_our_ref(*other));
        }
    }
    let mut oldest = i64::MAX;
    for other in &others {
        oldest = oldest.min(commits.get(*other).await?.date);
    }
    let mut queue = Vec::new();
    for tip in &tips {
        let (_, kind, oid) = peel(commits.source(), *tip).await?;
        if kind == ObjectKind::Commit {
            queue.push(oid);
        }
    }
    let mut seen: HashMap<Oid, ()> = queue.iter().map(|oid| (*oid, ())).collect();
    while let Some(oid) = queue.pop() {
        others.remove(&oid);
        if others.is_empty() {
            return Ok(());
        }
        if seen.len() > MAX_SHALLOW_COMMITS {
            break;
        }
        let links = commits.get(oid).await?;
        if links.date >= oldest {
            queue.extend(links.parents.iter().filter(|parent| seen.insert(**parent, ()).is_none()));
        }
    }
    let first = request.wants.iter().copied().find(|want| others.contains(want));
    first.map_or(Ok(()), |first| Err(not_our_ref(first)))
}

/// Finds out what both have; `false` if the client will ask again with more.
async fn negotiate<S, R, W>(
    options: &UploadPackOptions,
    features: &Features,
    request: &mut Request,
    commits: &mut Commits<'_, S>,
    peer: &mut Peer<R, W>,
) -> Result<bool>
where
    S: PackSource,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut last = Oid::ZERO;
    let (mut got_common, mut got_other, mut ready) = (false, false, false);
    let mut first = true;
    loop {
        let line = match peer.next().await? {
            Some(line) => line,
            // Right after the wishes, the client may have changed its mind.
            None if first => return Ok(false),
            None => return Err(Error::protocol("the remote end hung up unexpectedly")),
        };
        first = false;
        let Line::Text(line) = line else {
            let detailed = features.acks == Acks::Detailed;
            if detailed && got_common && !got_other && request.told_enough(commits).await? {
                ready = true;
                peer.line(format!("ACK {last} ready")).await?;
            }
            if request.common.is_empty() || features.acks != Acks::One {
                peer.line("NAK").await?;
            }
            if features.no_done && ready {
                peer.line(format!("ACK {last}")).await?;
                return Ok(true);
            }
            peer.send().await?;
            if options.stateless {
                return Ok(false);
            }
            (got_common, got_other) = (false, false);
            peer.renew();
            continue;
        };
        if let Some(hex) = line.strip_prefix("have ") {
            let oid = hex.parse().map_err(|_| {
                Error::protocol(format!("git upload-pack: expected SHA1 object, got '{hex}'"))
            })?;
            if request.have(commits, oid).await? {
                got_common = true;
                last = oid;
                match features.acks {
                    Acks::Detailed => peer.line(format!("ACK {last} common")).await?,
                    Acks::Each => peer.line(format!("ACK {last} continue")).await?,
                    Acks::One if request.common.len() == 1 => peer.line(format!("ACK {last}")).await?,
                    Acks::One => {}
                }
            } else {
                got_other = true;
                if features.acks != Acks::One && request.told_enough(commits).await? {
                    let word = if features.acks == Acks::Detailed { "ready" } else { "continue" };
                    ready |= features.acks == Acks::Detailed;
                    peer.line(format!("ACK {oid} {word}")).await?;
                }
            }
            continue;
        }
        if line != "done" {
            return Err(Error::protocol(format!("git upload-pack: expected SHA1 list, got '{line}'")));
        }
        if request.common.is_empty() {
            peer.line("NAK").await?;
        } else if features.acks != Acks::One {
            peer.line(format!("ACK {last}")).await?;
        }
        return Ok(true);
    }
}
