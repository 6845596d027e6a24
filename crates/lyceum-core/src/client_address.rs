//! Where a request comes from.

use std::net::IpAddr;

/// The address of a client, or of its network where one client has many; `None` if it is not known.
///
/// It rides along with a request from the layer that knows what to believe of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);
