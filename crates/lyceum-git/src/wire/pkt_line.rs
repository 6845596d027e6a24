//! Pkt-lines: how both sides frame what they say (gitprotocol-common, “pkt-line Format”).

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::{Error, Result};

/// The four hexadecimal digits that every packet starts with.
const LENGTH_BYTES: usize = 4;
/// Longest packet, with its length.
const MAX_PACKET_BYTES: usize = 65520;
/// What a packet of a [`Sideband`] can carry: all but its length and the number of its band.
pub(super) const MAX_BAND_BYTES: usize = MAX_PACKET_BYTES - LENGTH_BYTES - 1;
/// Longest packet that a client takes which knows only the older `side-band`.
const MAX_OLD_BAND_PACKET_BYTES: usize = 1000;
/// Bytes collected before they are written.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Content, which may be empty.
    Data(&'a [u8]),
    /// `0000`: the end of a list.
    Flush,
    /// `0001`: the end of a section.
    Delim,
    /// `0002`: the end of a response.
    ResponseEnd,
}

impl<'a> Packet<'a> {
    /// Returns the content without the newline that it may end with; `None` for the special packets.
    pub fn line(self) -> Option<&'a [u8]> {
        match self {
            Self::Data(data) => Some(data.strip_suffix(b"\n").unwrap_or(data)),
            Self::Flush | Self::Delim | Self::ResponseEnd => None,
        }
    }
}

/// Reads packets, and never a byte beyond the packet that it was asked for.
///
/// It reads in small pieces: what is slow to ask should stand behind a [`BufReader`](tokio::io::BufReader).
#[derive(Debug)]
pub struct PacketReader<R> {
    input: R,
    packet: Vec<u8>,
}

impl<R: AsyncRead + Unpin> PacketReader<R> {
    /// Reads from `input`.
    pub fn new(input: R) -> Self {
        Self { input, packet: Vec::new() }
    }

    /// Reads the next packet; `None` if the input ends where a packet could start.
    pub async fn next(&mut self) -> Result<Option<Packet<'_>>> {
        let mut length = [0; LENGTH_BYTES];
        match self.input.read(&mut length).await.map_err(Error::connection)? {
            0 => return Ok(None),
            read => self.fill(&mut length[read..]).await?,
        }
        let length = match parse_length(length)? {
            0 => return Ok(Some(Packet::Flush)),
            1 => return Ok(Some(Packet::Delim)),
            2 => return Ok(Some(Packet::ResponseEnd)),
            length if (LENGTH_BYTES..=MAX_PACKET_BYTES).contains(&length) => length - LENGTH_BYTES,
            length => return Err(Error::protocol(format!("protocol error: bad line length {length}"))),
        };
        let mut packet = std::mem::take(&mut self.packet);
        packet.resize(length, 0);
        let filled = self.fill(&mut packet).await;
        self.packet = packet;
        filled.map(|()| Some(Packet::Data(&self.packet)))
    }

    /// Reads the next packet, which there must be.
    pub async fn expect(&mut self) -> Result<Packet<'_>> {
        self.next().await?.ok_or_else(hung_up)
    }

    /// Returns the content of the packet that was read last.
    pub(super) fn last(&self) -> &[u8] {
        &self.packet
    }

    /// Returns the input, right after the last packet.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Returns the input, right after the last packet.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.input
    }

    async fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        match self.input.read_exact(buffer).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(hung_up()),
            Err(error) => Err(Error::connection(error)),
        }
    }
}

fn hung_up() -> Error {
    Error::protocol("the remote end hung up unexpectedly")
}

fn parse_length(digits: [u8; LENGTH_BYTES]) -> Result<usize> {
    let mut length = 0;
    for digit in digits {
        let Some(value) = char::from(digit).to_digit(16) else {
            let shown = digits.escape_ascii();
            return Err(Error::protocol(format!("protocol error: bad line length character: {shown}")));
        };
        length = length << 4 | value as usize;
    }
    Ok(length)
}

/// Appends a packet of content to a buffer.
///
/// # Panics
///
/// If `data` is longer than a packet can be; what is of any length goes through a [`Sideband`].
pub fn append_packet(buffer: &mut Vec<u8>, data: &[u8]) {
    append_length(buffer, data.len());
    buffer.extend_from_slice(data);
}

fn append_length(buffer: &mut Vec<u8>, data_bytes: usize) {
    let length = LENGTH_BYTES + data_bytes;
    assert!(length <= MAX_PACKET_BYTES, "a packet has {length} bytes");
    for shift in [12, 8, 4, 0] {
        buffer.push(b"0123456789abcdef"[length >> shift & 0xf]);
    }
}

/// Writes packets. They are collected and written in larger pieces: whoever waits for an answer calls
/// [`send`](Self::send) first.
#[derive(Debug)]
pub struct PacketWriter<W> {
    output: W,
    buffer: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> PacketWriter<W> {
    /// Writes to `output`.
    pub fn new(output: W) -> Self {
        Self { output, buffer: Vec::new() }
    }

    /// Writes content as it is.
    ///
    /// # Panics
    ///
    /// If `data` is longer than a packet can be.
    pub async fn data(&mut self, data: &[u8]) -> Result<()> {
        append_packet(&mut self.buffer, data);
        self.make_room().await
    }

    /// Writes a line of text, to which a newline is added; one that is too long for a packet is cut off.
    pub async fn line(&mut self, text: impl AsRef<[u8]>) -> Result<()> {
        let text = text.as_ref();
        let text = &text[..text.len().min(MAX_PACKET_BYTES - LENGTH_BYTES - 1)];
        append_length(&mut self.buffer, text.len() + 1);
        self.buffer.extend_from_slice(text);
        self.buffer.push(b'\n');
        self.make_room().await
    }

    /// Writes the packet that ends a list.
    pub async fn flush(&mut self) -> Result<()> {
        self.raw(b"0000").await
    }

    /// Writes the packet that ends a section.
    pub async fn delim(&mut self) -> Result<()> {
        self.raw(b"0001").await
    }

    /// Writes the packet that ends a response.
    pub async fn response_end(&mut self) -> Result<()> {
        self.raw(b"0002").await
    }

    /// Writes bytes that are no packet, or packets already.
    pub async fn raw(&mut self, data: &[u8]) -> Result<()> {
        for piece in data.chunks(WRITE_BUFFER_BYTES) {
            self.buffer.extend_from_slice(piece);
            self.make_room().await?;
        }
        Ok(())
    }

    /// Sends what was collected on its way.
    pub async fn send(&mut self) -> Result<()> {
        self.write_out().await?;
        self.output.flush().await.map_err(Error::connection)
    }

    async fn make_room(&mut self) -> Result<()> {
        if self.buffer.len() < WRITE_BUFFER_BYTES { Ok(()) } else { self.write_out().await }
    }

    async fn write_out(&mut self) -> Result<()> {
        let wrote = self.output.write_all(&self.buffer).await;
        self.buffer.clear();
        wrote.map_err(Error::connection)
    }
}

/// What one packet of several kinds carries (gitprotocol-pack, “Packfile Data”).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// The pack, or the report on a push.
    Data,
    /// What the user is shown.
    Progress,
    /// The last words: what went wrong.
    Error,
}

/// How the three kinds of output share one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sideband {
    /// There is data only, outside of packets; everything else is dropped.
    None,
    /// Packets of up to 1000 bytes.
    Small,
    /// Packets of up to 65520 bytes.
    Large,
}

impl Sideband {
    /// Writes `data`, in as many packets as it takes.
    pub async fn write<W: AsyncWrite + Unpin>(
        self,
        writer: &mut PacketWriter<W>,
        band: Band,
        data: &[u8],
    ) -> Result<()> {
        let max = match self {
            Self::None if band == Band::Data => return writer.raw(data).await,
            Self::None => return Ok(()),
            Self::Small => MAX_OLD_BAND_PACKET_BYTES,
            Self::Large => MAX_PACKET_BYTES,
        };
        let number = match band {
            Band::Data => 1,
            Band::Progress => 2,
            Band::Error => 3,
        };
        for piece in data.chunks(max - LENGTH_BYTES - 1) {
            append_length(&mut writer.buffer, piece.len() + 1);
            writer.buffer.push(number);
            writer.buffer.extend_from_slice(piece);
            writer.make_room().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
