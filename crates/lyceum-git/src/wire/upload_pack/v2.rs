//! Version 2: commands, each with what it needs (gitprotocol-v2).

mod fetch;

use lyceum_core::Oid;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Served;
use crate::limits::MAX_REFERENCE_PREFIXES;
use crate::wire::UploadPackOptions;
use crate::wire::advertise::Shown;
use crate::wire::pack_cache::PackCache;
use crate::wire::peer::{Line, Peer};
use crate::{Error, ErrorKind, Head, PackSource, References, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    ListReferences,
    Fetch,
    ObjectInfo,
}

impl Command {
    fn parse(name: &str, options: &UploadPackOptions) -> Option<Self> {
        match name {
            "ls-refs" => Some(Self::ListReferences),
            "fetch" => Some(Self::Fetch),
            "object-info" if options.object_info => Some(Self::ObjectInfo),
            _ => None,
        }
    }
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
    let mut served = Served::default();
    while let Some((command, arguments)) = next_command(options, peer).await? {
        match command {
            Command::ListReferences => list_references(source, options, arguments, peer).await?,
            Command::ObjectInfo => object_info(source, arguments, peer).await?,
            Command::Fetch => {
                let now = fetch::fetch(source, options, cache, arguments, peer).await?;
                if now.pack.is_some() {
                    served = now;
                }
            }
        }
        peer.send().await?;
        if options.stateless {
            break;
        }
        peer.renew();
        peer.banded = false;
    }
    Ok(served)
}

/// Reads a command and its capabilities, and whether arguments follow; `None` at the end of the conversation.
async fn next_command<R, W>(
    options: &UploadPackOptions,
    peer: &mut Peer<R, W>,
) -> Result<Option<(Command, bool)>>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut command: Option<(Command, String)> = None;
    let mut first = true;
    let arguments = loop {
        let line = match peer.next().await? {
            Some(line) => line,
            None if first => return Ok(None),
            None => return Err(Error::protocol("the remote end hung up unexpectedly")),
        };
        match line {
            Line::Text(line) => {
                if let Some(name) = line.strip_prefix("command=") {
                    if let Some((_, before)) = &command {
                        return Err(Error::protocol(format!(
                            "command '{name}' requested after already requesting command '{before}'"
                        )));
                    }
                    let known = Command::parse(name, options)
                        .ok_or_else(|| Error::protocol(format!("invalid command '{name}'")))?;
                    command = Some((known, name.to_owned()));
                } else {
                    check_capability(&line)?;
                }
            }
            Line::Flush if first => return Ok(None),
            Line::Flush => break false,
            Line::Delim => break true,
            Line::ResponseEnd => return Err(Error::protocol("unexpected response end packet")),
        }
        first = false;
    };
    let (command, _) = command.ok_or_else(|| Error::protocol("no command requested"))?;
    Ok(Some((command, arguments)))
}

fn check_capability(line: &str) -> Result<()> {
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    match key {
        "object-format" if value != "sha1" => {
            Err(Error::protocol(format!("mismatched object format: server sha1; client {value}")))
        }
        "agent" | "server-option" | "object-format" | "session-id" => Ok(()),
        _ => Err(Error::protocol(format!("unknown capability '{line}'"))),
    }
}

/// Reads the next argument; `None` after the last.
async fn next_argument<R, W>(command: &str, arguments: bool, peer: &mut Peer<R, W>) -> Result<Option<String>>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if !arguments {
        return Ok(None);
    }
    match peer.expect().await? {
        Line::Text(line) => Ok(Some(line)),
        Line::Flush => Ok(None),
        Line::Delim | Line::ResponseEnd => {
            Err(Error::protocol(format!("expected flush after {command} arguments")))
        }
    }
}

async fn list_references<R, W>(
    source: &impl References,
    options: &UploadPackOptions,
    arguments: bool,
    peer: &mut Peer<R, W>,
) -> Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (mut peel, mut symrefs, mut unborn) = (false, false, false);
    let mut prefixes: Vec<String> = Vec::new();
    let mut too_many = false;
    while let Some(line) = next_argument("ls-refs", arguments, peer).await? {
        match line.as_str() {
            "peel" => peel = true,
            "symrefs" => symrefs = true,
            "unborn" => unborn = true,
            _ => match line.strip_prefix("ref-prefix ") {
                Some(_) if prefixes.len() == MAX_REFERENCE_PREFIXES => too_many = true,
                Some(prefix) => prefixes.push(prefix.to_owned()),
                None => return Err(Error::protocol(format!("unexpected line: '{line}'"))),
            },
        }
    }
    // A server may show more than it was asked for.
    if too_many || prefixes.iter().any(String::is_empty) {
        prefixes.clear();
    }
    let shown = Shown::read(source, options, &prefixes).await?;
    let asked_for_head = prefixes.is_empty() || prefixes.iter().any(|prefix| "HEAD".starts_with(prefix));
    if let Some((head, target)) = shown.head.filter(|_| asked_for_head) {
        let symref = match &head {
            Head::Symbolic(name) if symrefs => format!(" symref-target:{name}"),
            Head::Symbolic(_) | Head::Detached(_) => String::new(),
        };
        match target {
            Some(oid) => peer.line(format!("{oid} HEAD{symref}")).await?,
            None if unborn && !symref.is_empty() => peer.line(format!("unborn HEAD{symref}")).await?,
            None => {}
        }
    }
    for reference in shown.references {
        let peeled = reference.peeled.filter(|_| peel);
        let peeled = peeled.map(|peeled| format!(" peeled:{peeled}")).unwrap_or_default();
        peer.line(format!("{} {}{peeled}", reference.target, reference.name)).await?;
    }
    peer.flush().await
}

async fn object_info<R, W>(source: &impl PackSource, arguments: bool, peer: &mut Peer<R, W>) -> Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut size = false;
    let mut oids: Vec<Oid> = Vec::new();
    while let Some(line) = next_argument("object-info", arguments, peer).await? {
        if line == "size" {
            size = true;
        } else if let Some(hex) = line.strip_prefix("oid ") {
            oids.push(hex.parse().map_err(|_| {
                Error::protocol(format!("object-info: protocol error, expected to get oid, not '{hex}'"))
            })?);
        } else {
            return Err(Error::protocol(format!("object-info: unexpected line: '{line}'")));
        }
    }
    if size {
        peer.line("size").await?;
    }
    for oid in oids {
        if !size {
            peer.line(oid.to_string()).await?;
            continue;
        }
        match source.header(oid).await {
            Ok(header) => peer.line(format!("{oid} {}", header.size)).await?,
            Err(error) if error.kind() == ErrorKind::NotFound => peer.line(format!("{oid} ")).await?,
            Err(error) => return Err(error),
        }
    }
    peer.flush().await
}
