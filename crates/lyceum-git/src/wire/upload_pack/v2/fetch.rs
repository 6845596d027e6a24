//! The command `fetch`.

use std::collections::HashMap;

use lyceum_core::Oid;
use tokio::io::{AsyncRead, AsyncWrite};

use super::next_argument;
use crate::wire::advertise::Shown;
use crate::wire::commits::Commits;
use crate::wire::pack_cache::PackCache;
use crate::wire::peer::Peer;
use crate::wire::request::{Request, prefixes};
use crate::wire::shallow::Borders;
use crate::wire::upload_pack::send::send_pack;
use crate::wire::upload_pack::{Served, not_our_ref};
use crate::wire::{Sideband, UploadPackOptions};
use crate::{Error, PackSource, References, Result};

/// What only this version has.
#[derive(Debug, Default)]
struct Extra {
    /// What the client claims to have.
    haves: Vec<Oid>,
    /// References that were asked for by name, in the order in which they were, and what they point to.
    wanted_references: Vec<(String, Oid)>,
    wait_for_done: bool,
}

pub(super) async fn fetch<S, R, W>(
    source: &S,
    options: &UploadPackOptions,
    cache: &impl PackCache,
    arguments: bool,
    peer: &mut Peer<R, W>,
) -> Result<Served>
where
    S: PackSource + References,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut request = Request::default();
    let extra = receive(source, options, &mut request, arguments, peer).await?;
    if request.wants.is_empty() && !extra.wait_for_done {
        return Ok(Served::default());
    }
    let mut commits = Commits::new(source, source.shallow().await?);
    if !extra.haves.is_empty() && !acknowledge(&extra, &mut request, &mut commits, peer).await? {
        return Ok(Served::default());
    }
    let borders = Borders::of(&request, &mut commits, false).await?;
    send_shallow_info(&request, &commits, &borders, peer).await?;
    if !extra.wanted_references.is_empty() {
        peer.line("wanted-refs").await?;
        for (name, oid) in &extra.wanted_references {
            peer.line(format!("{oid} {name}")).await?;
        }
        peer.delim().await?;
    }
    drop(commits);
    peer.line("packfile").await?;
    peer.sideband = Sideband::Large;
    send_pack(source, options, cache, request, borders, peer).await
}

async fn receive<S, R, W>(
    source: &S,
    options: &UploadPackOptions,
    request: &mut Request,
    arguments: bool,
    peer: &mut Peer<R, W>,
) -> Result<Extra>
where
    S: PackSource + References,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut extra = Extra::default();
    let mut names: HashMap<String, usize> = HashMap::new();
    while let Some(line) = next_argument("fetch", arguments, peer).await? {
        match line.as_str() {
            "thin-pack" => request.thin_pack = true,
            "ofs-delta" => request.offset_delta = true,
            "no-progress" => request.no_progress = true,
            "include-tag" => request.include_tag = true,
            "done" => request.done = true,
            "deepen-relative" => request.deepen_relative = true,
            "wait-for-done" => extra.wait_for_done = true,
            "sideband-all" if options.sideband_all => peer.banded = true,
            line => {
                if let Some(hex) = line.strip_prefix("want ") {
                    let oid = parse_oid(hex)?;
                    if !request.want(source, oid).await? {
                        return Err(not_our_ref(oid));
                    }
                } else if let Some(name) = line.strip_prefix("want-ref ").filter(|_| options.ref_in_want) {
                    let position = names.len();
                    if names.insert(name.to_owned(), position).is_some() {
                        return Err(Error::protocol(format!("duplicate want-ref {name}")));
                    }
                } else if let Some(hex) = line.strip_prefix("have ") {
                    extra.haves.push(parse_oid(hex)?);
                } else if let Some(spec) = line.strip_prefix("filter ").filter(|_| options.filter) {
                    request.filter(spec)?;
                } else if !request.take(source, line).await? {
                    return Err(Error::protocol(format!("unexpected line: '{line}'")));
                }
            }
        }
    }
    request.find_names(source).await?;
    want_references(source, options, request, &mut extra, names).await?;
    Ok(extra)
}

fn parse_oid(hex: &str) -> Result<Oid> {
    hex.parse().map_err(|_| {
        Error::protocol(format!("git upload-pack: protocol error, expected to get oid, not '{hex}'"))
    })
}

/// Takes references as wishes, each with its position among them.
async fn want_references<S: PackSource + References>(
    source: &S,
    options: &UploadPackOptions,
    request: &mut Request,
    extra: &mut Extra,
    names: HashMap<String, usize>,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let shown = Shown::read(source, options, &prefixes(names.keys().cloned().collect())).await?;
    let mut targets: HashMap<&str, Oid> =
        shown.references.iter().map(|known| (&*known.name, known.target)).collect();
    targets.extend(shown.head.as_ref().and_then(|(_, target)| Some(("HEAD", (*target)?))));
    let mut names: Vec<(String, usize)> = names.into_iter().collect();
    names.sort_unstable_by_key(|(_, position)| *position);
    for (name, _) in names {
        let Some(oid) = targets.get(&*name).copied() else {
            return Err(Error::protocol(format!("unknown ref {name}")));
        };
        request.want(source, oid).await?;
        extra.wanted_references.push((name, oid));
    }
    Ok(())
}

/// Tells what both have; `false` if the client will ask again with more.
async fn acknowledge<S, R, W>(
    extra: &Extra,
    request: &mut Request,
    commits: &mut Commits<'_, S>,
    peer: &mut Peer<R, W>,
) -> Result<bool>
where
    S: PackSource,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut common = Vec::new();
    for oid in &extra.haves {
        if request.have(commits, *oid).await? {
            common.push(*oid);
        }
    }
    if request.done {
        return Ok(true);
    }
    peer.line("acknowledgments").await?;
    if common.is_empty() {
        peer.line("NAK").await?;
    }
    for oid in common {
        peer.line(format!("ACK {oid}")).await?;
    }
    if !extra.wait_for_done && request.told_enough(commits).await? {
        peer.line("ready").await?;
        peer.delim().await?;
        return Ok(true);
    }
    peer.flush().await?;
    Ok(false)
}

async fn send_shallow_info<S, R, W>(
    request: &Request,
    commits: &Commits<'_, S>,
    borders: &Borders,
    peer: &mut Peer<R, W>,
) -> Result<()>
where
    S: PackSource,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if !request.deepens() && request.client_shallow.is_empty() && commits.shallow().is_empty() {
        return Ok(());
    }
    peer.line("shallow-info").await?;
    for oid in &borders.shallow {
        peer.text(format!("shallow {oid}")).await?;
    }
    for oid in &borders.unshallow {
        peer.text(format!("unshallow {oid}")).await?;
    }
    peer.delim().await
}
