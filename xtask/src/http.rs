//! The smallest HTTP/1.1 client that a load generator needs: one connection, kept open, bodies in memory.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

const TIMEOUT: Duration = Duration::from_secs(60);
/// The answers read here are API answers; large files are fetched with curl.
const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

/// One connection to a server on the loopback.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    port: u16,
}

/// A request; the host, the length and the connection headers are added.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// An answer with its whole body.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Returns the answer when its status is a success, else an error with the body's text.
    pub(crate) fn success(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        bail!("the server answered {}: {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Connection {
    pub(crate) fn open(port: u16) -> Result<Self> {
        let stream =
            TcpStream::connect(("127.0.0.1", port)).with_context(|| format!("connect to port {port}"))?;
        stream.set_nodelay(true).context("set nodelay")?;
        stream.set_read_timeout(Some(TIMEOUT)).context("set the timeout")?;
        Ok(Self { stream: BufReader::new(stream), port })
    }

    pub(crate) fn get(&mut self, path: &str, token: Option<&str>) -> Result<Response> {
        self.send(&Request { method: "GET", path, token, content_type: None, body: &[] })
    }

    pub(crate) fn post(
        &mut self,
        path: &str,
        token: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<Response> {
        self.send(&Request {
            method: "POST",
            path,
            token: Some(token),
            content_type: Some(content_type),
            body,
        })
    }

    pub(crate) fn send(&mut self, request: &Request<'_>) -> Result<Response> {
        let Request { method, path, token, content_type, body } = request;
        let mut message = Vec::new();
        write!(message, "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n", self.port)?;
        if let Some(token) = token {
            write!(message, "authorization: Bearer {token}\r\n")?;
        }
        if let Some(content_type) = content_type {
            write!(message, "content-type: {content_type}\r\n")?;
        }
        write!(message, "content-length: {}\r\n\r\n", body.len())?;
        message.extend_from_slice(body);
        self.write(&message)?;
        self.receive(method).with_context(|| format!("receive the answer to {method} {path}"))
    }

    /// Sends a request that is already written out.
    pub(crate) fn write(&mut self, message: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(message).context("send a request")
    }

    /// Waits for the answer to the oldest request that was sent.
    pub(crate) fn receive(&mut self, method: &str) -> Result<Response> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.with_context(|| format!("not a status line: {status_line:?}"))?;
        let mut length = 0;
        let mut chunked = false;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().context("parse the content length")?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
            }
        }
        let mut body = Vec::new();
        if method == "HEAD" || status == 204 || status == 304 {
            return Ok(Response { status, body });
        }
        if !chunked {
            self.read(&mut body, length)?;
            return Ok(Response { status, body });
        }
        loop {
            let size = self.line()?;
            let size = u64::from_str_radix(size.split(';').next().unwrap_or_default(), 16);
            let size = size.context("parse a chunk's size")?;
            self.read(&mut body, size)?;
            self.line()?;
            if size == 0 {
                return Ok(Response { status, body });
            }
        }
    }

    fn read(&mut self, body: &mut Vec<u8>, length: u64) -> Result<()> {
        if length > MAX_BODY_BYTES {
            bail!("a body of {length} bytes is too large for this client");
        }
        let read = self.stream.by_ref().take(length).read_to_end(body).context("read the body")?;
        if u64::try_from(read) != Ok(length) {
            bail!("the body ended after {read} of {length} bytes");
        }
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).context("read a line")? == 0 {
            bail!("the server closed the connection");
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}
