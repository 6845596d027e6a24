//! Taking a push (gitprotocol-pack, “Pushing Data To a Server”).
//!
//! Nothing of a push is kept until all of it was examined: the pack lies in a spool file that is gone with this call,
//! and what is sound goes to [`Receiver::apply`] as one segment.

mod commands;
mod examine;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lyceum_core::Oid;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Band, PacketReader, PacketWriter, Sideband};
use crate::pack::off_thread;
use crate::receiver::{Receiver, Remarks};
use crate::{Error, ErrorKind, PackReader, ReceivedPack, Result};
use commands::{Request, read_request};
use examine::{Verdict, examine, push};

/// How often a client that waits for the report hears that the server still works.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Bytes of a pack that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// Bytes of a push that are read although it is refused: whoever sends a request listens only once all of it is sent.
const MAX_DRAINED_BYTES: u64 = 4 << 30;
/// Objects are looked up in lists of this length.
const LOOKUP_BATCH: usize = 10_000;

/// How a push is taken.
#[derive(Debug, Clone)]
pub struct ReceiveOptions<'a> {
    /// Whether the references were told by another request before.
    pub stateless: bool,
    /// Whether to tell the references, and nothing more.
    pub advertise: bool,
    /// Version of the protocol that the client asked for.
    pub version: u8,
    /// What the server calls itself.
    pub agent: &'a str,
    /// Whether to offer that all references move, or none.
    pub atomic: bool,
    /// Whether to offer that the client sends options.
    pub push_options: bool,
}

/// Serves one push, as `git receive-pack` does.
///
/// What is wrong with the push is told to the client, and is no error here. One means that the connection or the server
/// failed; the client was told as far as possible.
pub async fn receive_pack<R: Receiver>(
    repo: &R,
    options: &ReceiveOptions<'_>,
    input: impl AsyncRead + Unpin + Send,
    output: impl AsyncWrite + Unpin + Send,
) -> Result<()> {
    let mut writer = PacketWriter::new(output);
    if options.advertise || !options.stateless {
        advertise(repo, options, &mut writer).await?;
    }
    if options.advertise {
        return Ok(());
    }
    let limits = repo.limits();
    let mut reader = PacketReader::new(input);
    let request = match read_request(&mut reader, options, limits.idle).await {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(()),
        Err(error) => {
            if error.kind() == ErrorKind::Protocol {
                if options.stateless {
                    drain(reader.get_mut(), limits.idle).await;
                }
                writer.line(format!("ERR {error}")).await?;
                writer.send().await?;
            }
            return Err(error);
        }
    };
    let input = reader.into_inner();
    let (remarks, mut lines) = Remarks::channel();
    let band = if request.sideband { Sideband::Large } else { Sideband::None };

    // While the pack comes, the client knows that it is listened to.
    let silent = AtomicBool::new(true);
    let work = async {
        let mut verdict = Verdict::new(&request.updates);
        let pack = take(repo, input, options.stateless, &request, &mut verdict, &remarks).await;
        silent.store(false, Ordering::Relaxed);
        let examined = match pack {
            Ok(pack) => examine(repo, pack, &request, &mut verdict, &remarks).await,
            Err(error) => Err(error),
        };
        match examined {
            Ok(examined) => push(repo, examined, &request, &mut verdict, &remarks).await,
            Err(error) => verdict.unpack_failed(error),
        }
        drop(remarks);
        verdict
    };
    let mut work = std::pin::pin!(work);
    let mut ticks = interval(KEEP_ALIVE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    let mut verdict = None;
    loop {
        tokio::select! {
            done = &mut work, if verdict.is_none() => verdict = Some(done),
            line = lines.recv() => match line {
                Some(line) => {
                    band.write(&mut writer, Band::Progress, format!("{line}\n").as_bytes()).await?;
                    writer.send().await?;
                }
                None => break,
            },
            _ = ticks.tick(), if verdict.is_none() && band != Sideband::None => {
                if silent.load(Ordering::Relaxed) {
                    continue;
                }
                // A packet of no content.
                writer.raw(b"0005\x01").await?;
                writer.send().await?;
            }
        }
    }
    let verdict = match verdict {
        Some(verdict) => verdict,
        None => work.await,
    };
    if request.report {
        band.write(&mut writer, Band::Data, &verdict.report(&request.updates)).await?;
    }
    if band != Sideband::None {
        writer.flush().await?;
    }
    writer.send().await?;
    verdict.failure.map_or(Ok(()), Err)
}

/// Tells the references and what can be done with them.
async fn advertise<R: Receiver, W: AsyncWrite + Unpin>(
    repo: &R,
    options: &ReceiveOptions<'_>,
    writer: &mut PacketWriter<W>,
) -> Result<()> {
    let atomic = if options.atomic { "atomic " } else { "" };
    let push_options = if options.push_options { "push-options " } else { "" };
    let mut capabilities = Some(format!(
        "\0report-status report-status-v2 delete-refs side-band-64k quiet {atomic}ofs-delta {push_options}\
         object-format=sha1 agent={}",
        options.agent
    ));
    if options.version == 1 {
        writer.line("version 1").await?;
    }
    for reference in repo.references(&[]).await? {
        let capabilities = capabilities.take().unwrap_or_default();
        writer.line(format!("{} {}{capabilities}", reference.target, reference.name)).await?;
    }
    if let Some(capabilities) = capabilities {
        writer.line(format!("{} capabilities^{{}}{capabilities}", Oid::ZERO)).await?;
    }
    writer.flush().await?;
    writer.send().await
}

/// Reads the pack, if there is one, unless nothing that it is for may be done.
async fn take<R: Receiver>(
    repo: &R,
    mut input: impl AsyncRead + Unpin + Send,
    stateless: bool,
    request: &Request,
    verdict: &mut Verdict,
    remarks: &Remarks,
) -> Result<Option<ReceivedPack>> {
    let asked = verdict.ask(repo, request, None, remarks).await;
    if request.updates.iter().all(|update| update.new.is_none()) {
        return asked.map(|()| None);
    }
    let limits = repo.limits();
    let idle = limits.idle;
    let read = match asked {
        Err(error) => Err(error),
        // In a conversation, the pack must be read to its end to know where that is.
        Ok(()) if stateless && verdict.refuses_all() => Ok(None),
        Ok(()) => {
            let reader = PackReader::new(repo.spool_dir(), limits);
            read_pack(reader, &mut input, idle, stateless).await.map(Some)
        }
    };
    match read {
        Ok(Some(pack)) => return resolve(repo, pack).await.map(Some),
        Err(error) if !stateless || error.kind() == ErrorKind::Connection => return Err(error),
        Ok(None) | Err(_) => drain(&mut input, idle).await,
    }
    read
}

/// Finds out all objects of a pack.
async fn resolve<R: Receiver>(repo: &R, pack: ReceivedPack) -> Result<ReceivedPack> {
    let objects = pack.len();
    let mut resolver = off_thread(objects, move || {
        let mut resolver = crate::Resolver::new(pack);
        resolver.run()?;
        Ok(resolver)
    })
    .await?;
    loop {
        let missing = resolver.missing(LOOKUP_BATCH);
        if missing.is_empty() {
            break;
        }
        for (oid, found) in missing.iter().zip(repo.present(&missing).await?) {
            if found.is_none() {
                continue;
            }
            let base = repo.read(*oid).await?;
            let oid = *oid;
            resolver = off_thread(objects, move || {
                resolver.add(oid, &base)?;
                Ok(resolver)
            })
            .await?;
        }
    }
    off_thread(objects, move || resolver.finish()).await
}

async fn read_pack(
    mut reader: PackReader,
    input: &mut (impl AsyncRead + Unpin + Send),
    idle: Duration,
    to_the_end: bool,
) -> Result<ReceivedPack> {
    let mut buffer = vec![0; READ_BYTES];
    while !reader.complete() {
        let mut filled = 0;
        // Small pieces are collected, but not waited for.
        let read = next(input, &mut buffer, idle).await?;
        if read == 0 {
            return Err(Error::malformed("pack", "it ends too early"));
        }
        filled += read;
        let used;
        (reader, buffer, used) = off_thread(filled / 512, move || {
            let used = reader.feed(&buffer[..filled])?;
            Ok((reader, buffer, used))
        })
        .await?;
        if used < filled {
            return Err(Error::malformed("pack", "something follows it"));
        }
    }
    if to_the_end && next(input, &mut buffer, idle).await? > 0 {
        return Err(Error::malformed("pack", "something follows it"));
    }
    reader.finish()
}

async fn next(
    input: &mut (impl AsyncRead + Unpin + Send),
    buffer: &mut [u8],
    idle: Duration,
) -> Result<usize> {
    match timeout(idle, input.read(buffer)).await {
        Ok(read) => read.map_err(Error::connection),
        Err(_) => Err(Error::connection(std::io::ErrorKind::TimedOut.into())),
    }
}

async fn drain(input: &mut (impl AsyncRead + Unpin + Send), idle: Duration) {
    let mut buffer = vec![0; READ_BYTES];
    let mut left = MAX_DRAINED_BYTES;
    while left > 0 {
        match next(input, &mut buffer, idle).await {
            Ok(0) | Err(_) => return,
            Ok(read) => left = left.saturating_sub(read as u64),
        }
    }
}

#[cfg(test)]
mod tests;
