//! The client's side of protocol version 2 over HTTP, as far as copying a repository needs it: what references there
//! are, and the objects behind some of them.
//!
//! Each request is answered by itself. A fetch says at once what it has and that it is done, so that there is nothing to
//! negotiate: what the answer repeats is a few objects.

mod take;

use lyceum_core::Oid;
use tokio::io::AsyncRead;

use super::{Packet, PacketReader, append_packet};
use crate::{Error, Reference, Result};

pub use take::{Keeper, Taken, take_pack};

/// Most references of a repository.
const MAX_REFERENCES: usize = 100_000;
/// Most lines of what a server says of itself.
const MAX_CAPABILITIES: usize = 100;
/// Longest text of a server that is passed on.
const MAX_MESSAGE_BYTES: usize = 500;

/// What a server says of the references of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteReferences {
    /// The branch that `HEAD` names, if there is one.
    pub head: Option<String>,
    /// The references in the order of the server, without `HEAD`.
    pub references: Vec<Reference>,
}

/// Reads what a server answers to `info/refs`, and checks that it speaks version 2 and SHA-1.
pub async fn read_capabilities(input: impl AsyncRead + Unpin) -> Result<()> {
    let mut reader = PacketReader::new(input);
    let mut line = line(&mut reader).await?;
    if line.as_deref() == Some("# service=git-upload-pack") {
        while line.is_some() {
            line = self::line(&mut reader).await?;
        }
        line = self::line(&mut reader).await?;
    }
    if line.as_deref() != Some("version 2") {
        return Err(Error::protocol("the server does not speak version 2 of git's protocol"));
    }
    for _ in 0..MAX_CAPABILITIES {
        let Some(capability) = self::line(&mut reader).await? else {
            return Ok(());
        };
        if capability.strip_prefix("object-format=").is_some_and(|format| format != "sha1") {
            return Err(Error::protocol(format!(
                "the repository is kept with `{capability}`, not with SHA-1"
            )));
        }
    }
    Err(Error::protocol("the server has too many capabilities"))
}

/// Returns the request for the references whose names start with one of `prefixes`.
pub fn references_request(prefixes: &[&str]) -> Vec<u8> {
    let mut request = command("ls-refs");
    for line in ["peel", "symrefs", "ref-prefix HEAD"] {
        append_packet(&mut request, format!("{line}\n").as_bytes());
    }
    for prefix in prefixes {
        append_packet(&mut request, format!("ref-prefix {prefix}\n").as_bytes());
    }
    request.extend_from_slice(b"0000");
    request
}

/// Reads the answer to a [`references_request`].
pub async fn read_references(input: impl AsyncRead + Unpin) -> Result<RemoteReferences> {
    let mut reader = PacketReader::new(input);
    let mut found = RemoteReferences::default();
    while let Some(line) = line(&mut reader).await? {
        let malformed = || Error::protocol(format!("malformed reference `{}`", shown(line.as_bytes())));
        let mut words = line.split(' ');
        let target = words.next().unwrap_or_default();
        let name = words.next().ok_or_else(malformed)?;
        let (mut peeled, mut symbolic) = (None, None);
        for attribute in words {
            if let Some(oid) = attribute.strip_prefix("peeled:") {
                peeled = Some(oid.parse().map_err(|_| malformed())?);
            } else if let Some(target) = attribute.strip_prefix("symref-target:") {
                symbolic = Some(target.to_owned());
            }
        }
        if name == "HEAD" {
            found.head = symbolic;
            continue;
        }
        if found.references.len() == MAX_REFERENCES {
            return Err(Error::too_large(format!(
                "the repository has more than {MAX_REFERENCES} references"
            )));
        }
        let target = target.parse().map_err(|_| malformed())?;
        found.references.push(Reference { name: name.to_owned(), target, peeled });
    }
    Ok(found)
}

/// Returns the request for everything that `wants` lead to and `haves` do not.
pub fn fetch_request(wants: &[Oid], haves: &[Oid]) -> Vec<u8> {
    let mut request = command("fetch");
    for line in ["no-progress", "ofs-delta"] {
        append_packet(&mut request, format!("{line}\n").as_bytes());
    }
    for want in wants {
        append_packet(&mut request, format!("want {want}\n").as_bytes());
    }
    for have in haves {
        append_packet(&mut request, format!("have {have}\n").as_bytes());
    }
    append_packet(&mut request, b"done\n");
    request.extend_from_slice(b"0000");
    request
}

/// The pack in the answer to a [`fetch_request`].
#[derive(Debug)]
pub struct PackAnswer<R> {
    reader: PacketReader<R>,
}

impl<R: AsyncRead + Unpin> PackAnswer<R> {
    /// Reads up to where the pack begins.
    pub async fn start(input: R) -> Result<Self> {
        let mut reader = PacketReader::new(input);
        for _ in 0..MAX_CAPABILITIES {
            match reader.expect().await? {
                packet @ Packet::Data(_) => {
                    let line = packet.line().unwrap_or_default();
                    if line == b"packfile" {
                        return Ok(Self { reader });
                    }
                    refuse_error(line)?;
                }
                Packet::Delim => {}
                Packet::Flush | Packet::ResponseEnd => break,
            }
        }
        Err(Error::protocol("the server sent no pack"))
    }

    /// Returns the next bytes of the pack; `None` at its end.
    pub async fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            // Asked twice because a borrow that is returned in one turn of the loop would last for all.
            match self.reader.expect().await? {
                Packet::Flush | Packet::ResponseEnd => return Ok(None),
                Packet::Data([1, ..]) => break,
                Packet::Data([2, ..]) | Packet::Delim => {}
                Packet::Data([3, message @ ..]) => {
                    return Err(Error::protocol(format!("the server says: {}", shown(message))));
                }
                Packet::Data(_) => return Err(Error::protocol("the server mixes up its answer")),
            }
        }
        Ok(Some(&self.reader.last()[1..]))
    }
}

fn command(name: &str) -> Vec<u8> {
    let mut request = Vec::new();
    append_packet(&mut request, format!("command={name}\n").as_bytes());
    append_packet(&mut request, b"agent=lyceum\n");
    append_packet(&mut request, b"object-format=sha1\n");
    request.extend_from_slice(b"0001");
    request
}

/// Reads a line of text; `None` at the end of a list.
async fn line(reader: &mut PacketReader<impl AsyncRead + Unpin>) -> Result<Option<String>> {
    let Some(line) = reader.expect().await?.line() else {
        return Ok(None);
    };
    refuse_error(line)?;
    let text = std::str::from_utf8(line);
    text.map(|text| Some(text.to_owned())).map_err(|_| Error::protocol("the server does not speak UTF-8"))
}

fn refuse_error(line: &[u8]) -> Result<()> {
    match line.strip_prefix(b"ERR ") {
        Some(message) => Err(Error::protocol(format!("the server says: {}", shown(message)))),
        None => Ok(()),
    }
}

/// Returns what a server says, as far as it can be shown.
fn shown(message: &[u8]) -> String {
    let message = &message[..message.len().min(MAX_MESSAGE_BYTES)];
    let text = String::from_utf8_lossy(message);
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
