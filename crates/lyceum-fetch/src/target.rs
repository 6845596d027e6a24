//! Where a request goes.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

use crate::error::{Error, Result};

/// Longest address.
const MAX_BYTES: usize = 2048;
/// Longest address that a server made, with signatures in it.
const MAX_SIGNED_BYTES: usize = 16 * 1024;

/// An `http` or `https` address without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    pub(crate) secure: bool,
    /// Name or address, an IPv6 one without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    /// Parses an address.
    pub fn parse(address: &str) -> Result<Self> {
        if address.len() > MAX_BYTES {
            return Err(Error::Invalid("it is longer than 2048 bytes"));
        }
        Self::parse_signed(address)
    }

    /// Parses an address that a server made, which may be longer than those that people write.
    pub fn parse_signed(address: &str) -> Result<Self> {
        if address.len() > MAX_SIGNED_BYTES {
            return Err(Error::Invalid("it is longer than 16 KiB"));
        }
        if address.contains(['#', '\\']) || address.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Error::Invalid("it holds a fragment, a space or a backslash"));
        }
        let uri: Uri = address.parse().map_err(|_| Error::Invalid("it is not a URL"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Error::Invalid("it must start with `https://` or `http://`")),
        };
        let authority = uri.authority().ok_or(Error::Invalid("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(Error::Invalid("it must hold no user name and no password"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(Error::Invalid("it names no host"));
        }
        // Not what the parser makes of it: a port that is none is no port to it.
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            Some(port) => {
                port.parse().ok().filter(|port| *port > 0).ok_or(Error::Invalid("its port is not one"))?
            }
            None if secure => 443,
            None => 80,
        };
        Ok(Self { secure, host, port, uri })
    }

    /// Parses where a redirect from this address leads: a whole address, or a path here.
    pub(crate) fn join(&self, location: &str) -> Result<Self> {
        let location = location.split('#').next().unwrap_or_default();
        let scheme = if self.secure { "https" } else { "http" };
        let next = if let Some(rest) = location.strip_prefix("//") {
            Self::parse_signed(&format!("{scheme}://{rest}"))?
        } else if location.starts_with('/') {
            Self::parse_signed(&format!("{scheme}://{}{location}", self.authority()))?
        } else {
            Self::parse_signed(location)?
        };
        if self.secure && !next.secure {
            return Err(Error::Invalid("it redirects from HTTPS to HTTP"));
        }
        Ok(next)
    }

    /// Reports whether both lead to the same server, so that what is meant for one is meant for the other.
    pub fn same_origin(&self, other: &Self) -> bool {
        (self.secure, self.port) == (other.secure, other.port) && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// Returns the name or address, an IPv6 one without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Reports whether it is encrypted.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// Returns the address if the host is one, rather than a name.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Returns path and query, as the request line has them.
    pub(crate) fn path(&self) -> String {
        let path = self.uri.path_and_query().map_or("", |path| path.as_str());
        if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
    }

    /// Returns the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

#[cfg(test)]
mod tests;
