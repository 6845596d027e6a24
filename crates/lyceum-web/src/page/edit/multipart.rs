//! Forms with files in them, as browsers send them (RFC 7578), read part by part as they arrive.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use lyceum_hub::{Error, ErrorKind};

/// Longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY_BYTES: usize = 70;
/// Longest headers of a part.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// A form that is read.
pub(super) struct Multipart<S> {
    body: S,
    buffer: BytesMut,
    /// What stands between two parts.
    delimiter: Vec<u8>,
    ended: bool,
}

/// What the headers of a part say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
}

impl<S: Stream<Item = Result<Bytes, Error>> + Unpin> Multipart<S> {
    /// Reads a body whose media type tells its boundary.
    pub(super) fn new(media_type: &str, body: S) -> Result<Self, Error> {
        let boundary = boundary(media_type).ok_or_else(malformed)?;
        // The first delimiter stands at the very beginning.
        let buffer = BytesMut::from("\r\n");
        Ok(Self { body, buffer, delimiter: format!("\r\n--{boundary}").into_bytes(), ended: false })
    }

    /// Passes over what is left of a part and reads the headers of the next one; `None` after the last.
    pub(super) async fn next_part(&mut self) -> Result<Option<Part>, Error> {
        if self.ended {
            return Ok(None);
        }
        while self.chunk().await?.is_some() {}
        while self.buffer.len() < self.delimiter.len() + 2 {
            self.read().await?;
        }
        let _ = self.buffer.split_to(self.delimiter.len());
        if self.buffer.starts_with(b"--") {
            self.ended = true;
            return Ok(None);
        }
        let end = loop {
            // With the line end that follows the delimiter, so that no headers at all end the same way.
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > MAX_HEADER_BYTES {
                return Err(malformed());
            }
            self.read().await?;
        };
        let headers = self.buffer.split_to(end + 4);
        let headers = std::str::from_utf8(&headers).map_err(|_| malformed())?;
        Ok(Some(part(headers).ok_or_else(malformed)?))
    }

    /// Reads on in the current part; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let length = self.delimiter.len();
            match find(&self.buffer, &self.delimiter) {
                Some(0) => return Ok(None),
                Some(at) => return Ok(Some(self.buffer.split_to(at).freeze())),
                // The delimiter may have begun at the end.
                None if self.buffer.len() >= length => {
                    let sure = self.buffer.len() - (length - 1);
                    return Ok(Some(self.buffer.split_to(sure).freeze()));
                }
                None => self.read().await?,
            }
        }
    }

    /// Reads more of the body.
    async fn read(&mut self) -> Result<(), Error> {
        match self.body.next().await {
            Some(data) => self.buffer.extend_from_slice(&data?),
            None => return Err(Error::new(ErrorKind::Invalid, "the upload ended in the middle of a file")),
        }
        Ok(())
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == wanted[0]) {
        from += at;
        if bytes[from..].starts_with(wanted) {
            return Some(from);
        }
        from += 1;
    }
    None
}

fn boundary(media_type: &str) -> Option<&str> {
    let mut parts = media_type.split(';');
    let form = parts.next()?.trim().eq_ignore_ascii_case("multipart/form-data");
    let boundary = parts.find_map(|part| part.trim().strip_prefix("boundary="))?.trim_matches('"');
    (form && (1..=MAX_BOUNDARY_BYTES).contains(&boundary.len())).then_some(boundary)
}

/// Reads headers, of which only the disposition counts.
fn part(headers: &str) -> Option<Part> {
    let disposition = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let parameter = |name: &str| {
        let start = disposition.find(&format!("; {name}=\""))? + name.len() + 4;
        let value = disposition[start..].split('"').next()?;
        // So browsers write what would end the value; they leave all else alone.
        Some(value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"))
    };
    Some(Part { name: parameter("name")?, file_name: parameter("filename") })
}

fn malformed() -> Error {
    Error::new(ErrorKind::Invalid, "the form is incomplete")
}

#[cfg(test)]
mod tests;
