//! What a pack costs on its way, whatever it holds.

use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::*;
use crate::testing::block_on;
use crate::wire::{KeepPack, PackCache, PackKey, Packet, append_packet};

const OBJECTS: usize = 3000;

/// Keeps the pieces in which a pack is written.
#[derive(Clone, Default)]
struct Pieces(Arc<Mutex<Vec<Vec<u8>>>>);

impl AsyncWrite for Pieces {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().push(data.to_vec());
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl KeepPack for Pieces {
    async fn finish(self) {}
}

impl PackCache for Pieces {
    type Kept = tokio::io::Empty;
    type Keep = Self;

    async fn open(&self, _key: &PackKey) -> Option<Self::Kept> {
        None
    }

    async fn keep(&self, _key: &PackKey) -> Option<Self::Keep> {
        Some(self.clone())
    }
}

#[test]
fn small_objects_share_packets() {
    let memory = Memory::default();
    let mut request = Vec::new();
    append_packet(&mut request, b"command=fetch");
    request.extend_from_slice(b"0001");
    for number in 0..OBJECTS {
        let oid = memory.blob(&format!("the text of a small file, number {number}"));
        append_packet(&mut request, format!("want {oid}").as_bytes());
    }
    append_packet(&mut request, b"no-progress");
    append_packet(&mut request, b"done");
    request.extend_from_slice(b"0000");
    let options = UploadPackOptions { version: Version::V2, stateless: true, ..generous() };
    let (pieces, mut answer) = (Pieces::default(), Vec::new());
    let served = block_on(upload_pack(&memory, &options, &pieces, &request[..], &mut answer)).unwrap();
    let sent = served.pack.unwrap();
    assert_eq!(sent.objects, OBJECTS as u64);

    let (mut packets, mut pack) = (0, Vec::new());
    let mut reader = PacketReader::new(&answer[..]);
    while let Some(packet) = block_on(reader.next()).unwrap() {
        if let Packet::Data([1, data @ ..]) = packet {
            packets += 1;
            pack.extend_from_slice(data);
        }
    }
    let pieces = pieces.0.lock().unwrap();
    // Packets are full, but for the last two.
    let most = sent.bytes as usize / 65_515 + 2;
    assert!(packets <= most, "{packets} packets for {} bytes", sent.bytes);
    assert!(pieces.len() <= most, "{} writes for {} bytes", pieces.len(), sent.bytes);
    assert_eq!(pack.len() as u64, sent.bytes);
    assert_eq!(pieces.concat(), pack);
    Git::new().run(&["index-pack", "--strict", "--stdin"], &pack);
}
