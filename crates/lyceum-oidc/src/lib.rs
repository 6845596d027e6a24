//! OpenID Connect: who a provider of identities says that somebody is.
//!
//! [`Issuer`] knows a provider's keys and checks what it signed; [`Client`] leads a browser there and back. What a claim
//! is worth is decided above. Requests go through `lyceum-fetch` only; the `openidconnect` crate is used nowhere else.

mod claims;
mod client;
mod error;
mod http;
mod issuer;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use claims::{Claims, issuer_of};
pub use client::{Client, ClientSecret, ClientSettings, Login};
pub use error::{Error, Result};
pub use issuer::{Issuer, check_issuer};

#[cfg(test)]
mod tests;
