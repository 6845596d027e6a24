//! Why a request failed.

use std::io;
use std::net::IpAddr;

/// Result of a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no answer. The message is fit for whoever gave the address.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is malformed or of a kind that is not taken.
    #[error("invalid address: {0}")]
    Invalid(&'static str),
    /// The name leads to an address that must not be reached. The message keeps the address to itself: whoever gave the
    /// name need not learn what it means inside this network.
    #[error("`{host}` leads to {reason}; this hub sends nothing there")]
    Refused {
        /// The name.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// What is wrong with that.
        reason: &'static str,
    },
    /// The name leads nowhere.
    #[error("cannot resolve `{host}`: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing listens there, or not as it should.
    #[error("cannot connect to `{host}`: {source}")]
    Connect {
        /// The name.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// The exchange took too long.
    #[error("no answer within {0} seconds")]
    TooSlow(u64),
    /// One redirect led to the next.
    #[error("`{0}` redirects too often")]
    Redirects(String),
    /// The answer is not HTTP, or broke off.
    #[error("the exchange failed: {0}")]
    Exchange(#[from] hyper::Error),
    /// HTTPS cannot be spoken here.
    #[error("{0}")]
    Tls(&'static str),
}

impl Error {
    /// Reports whether the same request may succeed later without anybody changing anything.
    pub fn transient(&self) -> bool {
        !matches!(self, Self::Invalid(_) | Self::Refused { .. } | Self::Redirects(_))
    }
}
