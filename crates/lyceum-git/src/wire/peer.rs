//! The client at the other end, while it asks and is answered.

use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Band, Packet, PacketReader, PacketWriter, Sideband};
use crate::limits::{MAX_REQUEST_BYTES, MAX_REQUEST_LINES};
use crate::{Error, Result};

/// After how long without a byte the client is told that work goes on, as git does by default.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// One packet of a request, with text that is read as UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Text(String),
    Flush,
    Delim,
    ResponseEnd,
}

/// Both directions of one connection.
pub(crate) struct Peer<R, W> {
    input: PacketReader<R>,
    output: PacketWriter<W>,
    lines_left: usize,
    bytes_left: usize,
    /// How data and progress share the connection from here on.
    pub(crate) sideband: Sideband,
    /// Whether lines go over the side band as well (`sideband-all`).
    pub(crate) banded: bool,
    /// Whether the pack has begun, so that errors go over the side band.
    pub(crate) packing: bool,
    spoke: Instant,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Peer<R, W> {
    pub(crate) fn new(input: R, output: W) -> Self {
        Self {
            input: PacketReader::new(input),
            output: PacketWriter::new(output),
            lines_left: MAX_REQUEST_LINES,
            bytes_left: MAX_REQUEST_BYTES,
            sideband: Sideband::None,
            banded: false,
            packing: false,
            spoke: Instant::now(),
        }
    }

    /// Reads a packet; `None` at the end of the input.
    pub(crate) async fn next(&mut self) -> Result<Option<Line>> {
        self.lines_left = self
            .lines_left
            .checked_sub(1)
            .ok_or_else(|| Error::protocol(format!("a request has more than {MAX_REQUEST_LINES} lines")))?;
        let Some(packet) = self.input.next().await? else {
            return Ok(None);
        };
        let Some(text) = packet.line() else {
            return Ok(Some(match packet {
                Packet::Flush => Line::Flush,
                Packet::Delim => Line::Delim,
                Packet::Data(_) | Packet::ResponseEnd => Line::ResponseEnd,
            }));
        };
        self.bytes_left = self
            .bytes_left
            .checked_sub(text.len())
            .ok_or_else(|| Error::protocol(format!("a request has more than {MAX_REQUEST_BYTES} bytes")))?;
        let text = String::from_utf8_lossy(text).into_owned();
        match text.strip_prefix("ERR ") {
            Some(message) => Err(Error::protocol(format!("remote error: {message}"))),
            None => Ok(Some(Line::Text(text))),
        }
    }

    /// Reads a packet, which there must be.
    pub(crate) async fn expect(&mut self) -> Result<Line> {
        self.next().await?.ok_or_else(|| Error::protocol("the remote end hung up unexpectedly"))
    }

    /// Allows as many lines again: a new request begins.
    pub(crate) fn renew(&mut self) {
        self.lines_left = MAX_REQUEST_LINES;
        self.bytes_left = MAX_REQUEST_BYTES;
    }

    /// Writes a line of an answer.
    pub(crate) async fn line(&mut self, text: impl AsRef<[u8]>) -> Result<()> {
        if self.banded {
            let line = [text.as_ref(), b"\n"].concat();
            Sideband::Large.write(&mut self.output, Band::Data, &line).await
        } else {
            self.output.line(text).await
        }
    }

    /// Writes text that has no line end, such as git's own server leaves away.
    pub(crate) async fn text(&mut self, text: impl AsRef<[u8]>) -> Result<()> {
        if self.banded {
            Sideband::Large.write(&mut self.output, Band::Data, text.as_ref()).await
        } else {
            self.output.data(text.as_ref()).await
        }
    }

    pub(crate) async fn flush(&mut self) -> Result<()> {
        self.output.flush().await
    }

    pub(crate) async fn delim(&mut self) -> Result<()> {
        self.output.delim().await
    }

    /// Sends what was collected on its way, before the client is waited for.
    pub(crate) async fn send(&mut self) -> Result<()> {
        self.output.send().await
    }

    /// Writes a piece of a pack.
    pub(crate) async fn data(&mut self, data: &[u8]) -> Result<()> {
        self.spoke = Instant::now();
        self.sideband.write(&mut self.output, Band::Data, data).await
    }

    /// Writes what the user is shown, and sends it on its way.
    pub(crate) async fn progress(&mut self, text: &str) -> Result<()> {
        self.spoke = Instant::now();
        self.sideband.write(&mut self.output, Band::Progress, text.as_bytes()).await?;
        self.send().await
    }

    /// Tells a client that hears nothing for too long that work goes on.
    pub(crate) async fn keep_alive(&mut self) -> Result<()> {
        if self.sideband == Sideband::None || self.spoke.elapsed() < KEEP_ALIVE {
            return Ok(());
        }
        self.spoke = Instant::now();
        self.output.data(b"\x01").await?;
        self.send().await
    }

    /// Tells the client why there is no answer.
    pub(crate) async fn refuse(&mut self, message: &str) -> Result<()> {
        if self.packing || self.banded {
            let sideband = if self.banded { Sideband::Large } else { self.sideband };
            sideband.write(&mut self.output, Band::Error, message.as_bytes()).await?;
        } else {
            self.output.line(format!("ERR {message}")).await?;
        }
        self.send().await
    }
}
