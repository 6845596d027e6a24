//! Git's protocol, the server's side: what goes over a connection, whichever kind it is.
//!
//! Reads from any [`AsyncRead`](tokio::io::AsyncRead) and writes to any [`AsyncWrite`](tokio::io::AsyncWrite), so that
//! HTTP and a pipe share every line. Nothing here knows who asks; whoever calls has checked that already.

mod pkt_line;
mod receive_pack;

pub use pkt_line::{Band, Packet, PacketReader, PacketWriter, Sideband, append_packet};
pub use receive_pack::{ReceiveOptions, receive_pack};
