//! What a client asks for.

use std::collections::HashSet;
use std::time::Duration;

use lyceum_core::Oid;
use tokio::io::AsyncRead;
use tokio::time::timeout;

use super::ReceiveOptions;
use crate::wire::{Packet, PacketReader};
use crate::{Error, RefUpdate, Result};

/// Most references that one push changes.
const MAX_UPDATES: usize = 10_000;
/// Most commits at which a shallow clone may end.
const MAX_SHALLOW: usize = 100_000;
/// Most options of one push, and their length.
const MAX_OPTIONS: usize = 100;
const MAX_OPTION_BYTES: usize = 4096;

/// A push without its pack.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) updates: Vec<RefUpdate>,
    /// Whether the client's history is cut off somewhere.
    pub(super) shallow: bool,
    pub(super) options: Vec<String>,
    pub(super) report: bool,
    pub(super) sideband: bool,
    pub(super) atomic: bool,
}

/// Reads what is to be done; `None` if nothing is.
pub(super) async fn read_request<I: AsyncRead + Unpin>(
    reader: &mut PacketReader<I>,
    options: &ReceiveOptions<'_>,
    idle: Duration,
) -> Result<Option<Request>> {
    let mut request = Request {
        updates: Vec::new(),
        shallow: false,
        options: Vec::new(),
        report: false,
        sideband: false,
        atomic: false,
    };
    let mut shallow = 0;
    let mut takes_options = false;
    loop {
        let packet = waited(timeout(idle, reader.next()).await)?;
        let line = match packet {
            // A client that hangs up wants nothing.
            None if request.updates.is_empty() && shallow == 0 => return Ok(None),
            None => return Err(Error::protocol("the remote end hung up unexpectedly")),
            Some(Packet::Flush) => break,
            Some(Packet::Data(line)) => line,
            Some(_) => return Err(Error::protocol("protocol error: expected a reference to update")),
        };
        if line.starts_with(b"shallow ") {
            shallow += 1;
            if shallow > MAX_SHALLOW {
                return Err(Error::protocol("protocol error: too many shallow lines"));
            }
            continue;
        }
        if line.starts_with(b"push-cert") {
            return Err(Error::protocol("signed pushes are not supported"));
        }
        let (command, capabilities) = match line.iter().position(|byte| *byte == 0) {
            Some(end) => (&line[..end], &line[end + 1..]),
            None => (line, &[][..]),
        };
        if request.updates.is_empty() {
            let capabilities = String::from_utf8_lossy(capabilities);
            let has = |name: &str| capabilities.split_whitespace().any(|word| word == name);
            request.report = has("report-status") || has("report-status-v2");
            request.sideband = has("side-band-64k");
            request.atomic = options.atomic && has("atomic");
            takes_options = options.push_options && has("push-options");
            if capabilities
                .split_whitespace()
                .any(|word| word.strip_prefix("object-format=").is_some_and(|format| format != "sha1"))
            {
                return Err(Error::protocol("error: unsupported object format"));
            }
        }
        if request.updates.len() == MAX_UPDATES {
            return Err(Error::protocol(format!("a push may change at most {MAX_UPDATES} references")));
        }
        request.updates.push(parse(command)?);
    }
    request.shallow = shallow > 0;
    if takes_options {
        loop {
            match waited(timeout(idle, reader.expect()).await)? {
                Packet::Flush => break,
                packet => {
                    let option = packet.line().filter(|line| line.len() <= MAX_OPTION_BYTES);
                    let option = option.filter(|_| request.options.len() < MAX_OPTIONS);
                    let option =
                        option.ok_or_else(|| Error::protocol("too many or too long push options"))?;
                    request.options.push(String::from_utf8_lossy(option).into_owned());
                }
            }
        }
    }
    Ok((!request.updates.is_empty()).then_some(request))
}

/// Returns why an update cannot even be tried, in git's words.
pub(super) fn refusals(updates: &[RefUpdate]) -> Vec<Option<String>> {
    let mut names = HashSet::new();
    let refusal = |update: &RefUpdate| {
        let nested = update.name.matches('/').count() > 1;
        // What another program has put right below `refs` can be deleted, as git allows.
        if !well_named(&update.name) || (!nested && update.new.is_some()) {
            return Some("funny refname".to_owned());
        }
        (!names.insert(update.name.clone())).then(|| "multiple updates for ref not allowed".to_owned())
    };
    updates.iter().map(refusal).collect()
}

/// Reports whether a name is below `refs/` and keeps to the rules of `git check-ref-format`.
fn well_named(name: &str) -> bool {
    let part = |part: &str| !(part.is_empty() || part.starts_with('.') || part.ends_with(".lock"));
    name.strip_prefix("refs/").is_some_and(|rest| rest.split('/').all(part))
        && !name.chars().any(|c| c.is_ascii_control() || " ~^:?*[\\\u{fffd}".contains(c))
        && !(name.contains("..") || name.contains("@{") || name.ends_with('.'))
}

fn parse(command: &[u8]) -> Result<RefUpdate> {
    let shown =
        || Error::protocol(format!("protocol error: expected old/new/ref, got '{}'", command.escape_ascii()));
    let command = command.strip_suffix(b"\n").unwrap_or(command);
    let (old, rest) = command.split_at_checked(40).ok_or_else(shown)?;
    let (new, name) = rest.strip_prefix(b" ").and_then(|rest| rest.split_at_checked(40)).ok_or_else(shown)?;
    let name = name.strip_prefix(b" ").filter(|name| !name.is_empty()).ok_or_else(shown)?;
    let oid = |hex: &[u8]| {
        let oid: Option<Oid> = std::str::from_utf8(hex).ok().and_then(|hex| hex.parse().ok());
        oid.ok_or_else(shown).map(|oid| Some(oid).filter(|oid| *oid != Oid::ZERO))
    };
    Ok(RefUpdate { name: String::from_utf8_lossy(name).into_owned(), old: oid(old)?, new: oid(new)? })
}

fn waited<T>(read: Result<Result<T>, tokio::time::error::Elapsed>) -> Result<T> {
    read.unwrap_or_else(|_| Err(Error::connection(std::io::ErrorKind::TimedOut.into())))
}
