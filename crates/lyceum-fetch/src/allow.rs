//! What the operator lets through.

use std::net::{IpAddr, Ipv6Addr};

/// Names and networks that may be reached although they are not public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// This name, wherever it leads.
    Host(String),
    /// The addresses whose first bits are these.
    Network { first: u128, bits: u32 },
}

/// An entry that is neither a name nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a host name, an address, nor a network such as `10.0.0.0/8`")]
pub struct InvalidEntry(String);

impl AllowList {
    /// Parses names, addresses and networks, separated by commas.
    pub fn parse(text: &str) -> Result<Self, InvalidEntry> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Ok(Self(entries.map(Entry::parse).collect::<Result<_, _>>()?))
    }

    /// Reports whether a name may be reached wherever it leads.
    pub(crate) fn has_host(&self, host: &str) -> bool {
        self.0.iter().any(|entry| matches!(entry, Entry::Host(allowed) if allowed.eq_ignore_ascii_case(host)))
    }

    /// Reports whether an address may be reached.
    pub(crate) fn has_address(&self, address: IpAddr) -> bool {
        let address = number(address);
        self.0.iter().any(|entry| match entry {
            Entry::Network { first, bits } => mask(address, *bits) == *first,
            Entry::Host(_) => false,
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, InvalidEntry> {
        let invalid = || InvalidEntry(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| invalid())?)),
            None => (text, None),
        };
        match (address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>(), bits) {
            (Ok(address), bits) => {
                let width = if address.is_ipv4() { 32 } else { 128 };
                let bits = bits.unwrap_or(width);
                if bits > width {
                    return Err(invalid());
                }
                let bits = bits + 128 - width;
                Ok(Self::Network { first: mask(number(address), bits), bits })
            }
            (Err(_), None) if host(address) => Ok(Self::Host(address.to_owned())),
            (Err(_), _) => Err(invalid()),
        }
    }
}

fn host(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// IPv4 addresses are numbered as their mapped form, so that both forms of one address are the same.
fn number(address: IpAddr) -> u128 {
    let address: Ipv6Addr = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    address.into()
}

fn mask(address: u128, bits: u32) -> u128 {
    if bits == 0 { 0 } else { address & (u128::MAX << (128 - bits)) }
}

#[cfg(test)]
mod tests;
