//! Git's protocol: what goes over a connection, whichever kind it is.
//!
//! Reads from any [`AsyncRead`](tokio::io::AsyncRead) and writes to any [`AsyncWrite`](tokio::io::AsyncWrite), so that
//! HTTP and a pipe share every line. Nothing here knows who asks; whoever calls has checked that already.

pub mod client;

mod advertise;
mod commits;
mod filter;
mod gzip;
mod links;
mod options;
mod pack;
mod pack_cache;
mod peer;
mod pkt_line;
mod receive_pack;
mod request;
mod select;
mod shallow;
mod upload_pack;

pub use gzip::GzipReader;
pub use options::{UploadPackOptions, Version, service_announcement};
pub use pack::Sent;
pub use pack_cache::{KeepPack, NoPackCache, Nowhere, PackCache, PackKey};
pub use pkt_line::{Band, Packet, PacketReader, PacketWriter, Sideband, append_packet};
pub use receive_pack::{ReceiveOptions, receive_pack};
pub use upload_pack::{Served, upload_pack};

#[cfg(test)]
pub(crate) use links::peel;
