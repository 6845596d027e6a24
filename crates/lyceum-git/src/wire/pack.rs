//! A pack on its way to a client: written as it is read, never held as a whole.

use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::{Compress, Compression};
use lyceum_core::Oid;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::pack_cache::KeepPack;
use super::peer::Peer;
use super::pkt_line::MAX_BAND_BYTES;
use super::select::{Selection, Watch};
use crate::segment::entry::{OFS_DELTA, REF_DELTA, write_entry, write_header};
use crate::{Error, PackSource, Packed, Result};

/// How often progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// How many objects are written between two looks at the clock.
const CLOCK_INTERVAL: usize = 256;
/// Ids that one reading of a run is offered.
const RUN_OBJECTS: usize = 1024;
/// Bytes of a kept pack that are read at once.
const KEPT_PIECE_BYTES: usize = 256 * 1024;

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Objects in the pack; zero for a pack that had been kept.
    pub objects: u64,
    /// Length of the pack in bytes.
    pub bytes: u64,
    /// Objects that were sent as deltas.
    pub deltas: u64,
    /// The pack had been kept from an earlier request.
    pub kept: bool,
}

/// Shows how many objects were found.
pub(super) struct Enumerating<'a, R, W> {
    peer: &'a mut Peer<R, W>,
    quiet: bool,
    shown: Instant,
    calls: usize,
}

impl<'a, R, W> Enumerating<'a, R, W> {
    pub(super) fn new(peer: &'a mut Peer<R, W>, quiet: bool) -> Self {
        Self { peer, quiet, shown: Instant::now(), calls: 0 }
    }
}

impl<R: AsyncRead + Unpin + Send, W: AsyncWrite + Unpin + Send> Watch for Enumerating<'_, R, W> {
    async fn found(&mut self, objects: usize) -> Result<()> {
        self.calls += 1;
        if !self.calls.is_multiple_of(CLOCK_INTERVAL) || self.shown.elapsed() < PROGRESS_INTERVAL {
            return Ok(());
        }
        self.shown = Instant::now();
        if self.quiet {
            return self.peer.keep_alive().await;
        }
        self.peer.progress(&format!("Enumerating objects: {objects}\r")).await
    }
}

/// How the objects are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackOptions {
    /// The client takes deltas that name their base by its distance.
    pub(super) offset_delta: bool,
    /// Nothing is shown to the user.
    pub(super) quiet: bool,
}

/// Writes a pack of `selection`, and keeps a copy if `keep` can.
pub(super) async fn write_pack<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    source: &impl PackSource,
    mut selection: Selection,
    options: PackOptions,
    peer: &mut Peer<R, W>,
    keep: Option<impl KeepPack>,
) -> Result<Sent> {
    source.arrange(&mut selection.objects).await?;
    for (position, oid) in (0..).zip(&selection.objects) {
        selection.positions.insert(*oid, position);
    }
    let count = u32::try_from(selection.objects.len()).expect("the number of objects is limited");
    let mut out = Out::new(peer, keep);
    let mut start = b"PACK\0\0\0\x02".to_vec();
    start.extend_from_slice(&count.to_be_bytes());
    out.write(&start).await?;

    let mut deflate = Compress::new(Compression::default(), true);
    let mut offsets: Vec<u64> = Vec::with_capacity(selection.objects.len());
    let mut chains = Chains::default();
    let mut deltas = 0;
    let mut header = Vec::new();
    let mut progress = Progress { total: count, shown: Instant::now(), quiet: options.quiet };
    while offsets.len() < selection.objects.len() {
        let at = offsets.len();
        let next = &selection.objects[at..selection.objects.len().min(at + RUN_OBJECTS)];
        let run = source.packed_run(next).await?;
        if run.is_empty() {
            return Err(Error::not_found(next[0]));
        }
        for (oid, packed) in next.iter().zip(run) {
            let offset = out.bytes();
            header.clear();
            let mut form = base(&packed, &selection, &offsets, options);
            let position = packed.base.and_then(|base| selection.positions.get(&base)).copied();
            if !chains.add(position) {
                form = BaseForm::Unknown;
            }
            match form {
                BaseForm::None => {
                    write_header(&mut header, packed.kind.pack_type(), packed.inflated_bytes);
                    out.entry(&header, &packed.deflated).await?;
                }
                BaseForm::Offset(base) => {
                    write_header(&mut header, OFS_DELTA, packed.inflated_bytes);
                    write_distance(&mut header, offset - base);
                    out.entry(&header, &packed.deflated).await?;
                    deltas += 1;
                }
                BaseForm::Id(base) => {
                    write_header(&mut header, REF_DELTA, packed.inflated_bytes);
                    header.extend_from_slice(base.as_bytes());
                    out.entry(&header, &packed.deflated).await?;
                    deltas += 1;
                }
                BaseForm::Unknown => {
                    let object = source.read(*oid).await?;
                    write_entry(&mut header, &mut deflate, object.kind, &object.data)?;
                    out.entry(&header, &Bytes::new()).await?;
                }
            }
            offsets.push(offset);
            if offsets.len().is_multiple_of(CLOCK_INTERVAL) {
                progress.show(offsets.len(), out.peer).await?;
            }
        }
    }
    progress.finish(deltas, out.peer).await?;
    let bytes = out.finish().await?;
    Ok(Sent { objects: u64::from(count), bytes, deltas, kept: false })
}

/// Sends a pack that was kept, as it is.
pub(super) async fn send_kept<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    mut pack: impl AsyncRead + Unpin,
    peer: &mut Peer<R, W>,
) -> Result<Sent> {
    let mut piece = vec![0; KEPT_PIECE_BYTES];
    let mut bytes = 0;
    loop {
        let length = pack.read(&mut piece).await.map_err(|error| Error::source_error(error.into()))?;
        if length == 0 {
            return Ok(Sent { bytes, kept: true, ..Sent::default() });
        }
        bytes += length as u64;
        peer.data(&piece[..length]).await?;
    }
}

/// Which object each one written so far is based on, by position.
#[derive(Default)]
struct Chains {
    bases: Vec<Option<u32>>,
    /// Whether one is based on an object that comes later: circles begin with that.
    forward: bool,
}

impl Chains {
    /// Adds the next object; `false`, and no base, if it would be based on itself by way of others. What is stored
    /// has no such circles, but where objects lie may change while a pack is written.
    fn add(&mut self, base: Option<u32>) -> bool {
        let position = u32::try_from(self.bases.len()).expect("the number of objects is limited");
        let mut next = base.filter(|base| self.forward || *base == position);
        while let Some(at) = next {
            if at == position {
                self.bases.push(None);
                return false;
            }
            next = self.bases.get(at as usize).copied().flatten();
        }
        self.forward |= base > Some(position);
        self.bases.push(base);
        true
    }
}

/// In which form a delta's base can be named.
enum BaseForm {
    /// It is no delta.
    None,
    /// The base starts here.
    Offset(u64),
    Id(Oid),
    /// The client does not have the base and is not sent it.
    Unknown,
}

fn base(packed: &Packed, selection: &Selection, offsets: &[u64], options: PackOptions) -> BaseForm {
    let Some(base) = packed.base else {
        return BaseForm::None;
    };
    match selection.positions.get(&base) {
        Some(position) => match offsets.get(*position as usize) {
            Some(offset) if options.offset_delta => BaseForm::Offset(*offset),
            _ => BaseForm::Id(base),
        },
        None if selection.known.contains(&base) => BaseForm::Id(base),
        None => BaseForm::Unknown,
    }
}

/// Appends a distance: seven bits per byte, highest first, each but the last one less (gitformat-pack).
fn write_distance(header: &mut Vec<u8>, mut distance: u64) {
    let mut digits = [0_u8; 10];
    let mut at = digits.len() - 1;
    digits[at] = distance.to_le_bytes()[0] & 0x7f;
    distance >>= 7;
    while distance > 0 {
        distance -= 1;
        at -= 1;
        digits[at] = distance.to_le_bytes()[0] | 0x80;
        distance >>= 7;
    }
    header.extend_from_slice(&digits[at..]);
}

/// Where the bytes of a pack go. They are collected until they fill a packet: most objects are small, and what comes
/// after this costs by the piece.
struct Out<'a, R, W, K> {
    peer: &'a mut Peer<R, W>,
    hasher: Sha1,
    piece: Vec<u8>,
    /// Bytes that are on their way.
    sent: u64,
    keep: Option<K>,
}

impl<'a, R: AsyncRead + Unpin, W: AsyncWrite + Unpin, K: KeepPack> Out<'a, R, W, K> {
    fn new(peer: &'a mut Peer<R, W>, keep: Option<K>) -> Self {
        Self { peer, hasher: Sha1::new(), piece: Vec::with_capacity(MAX_BAND_BYTES), sent: 0, keep }
    }

    /// Returns how long the pack is so far.
    fn bytes(&self) -> u64 {
        self.sent + self.piece.len() as u64
    }

    async fn entry(&mut self, header: &[u8], content: &Bytes) -> Result<()> {
        self.write(header).await?;
        self.write(content).await
    }

    async fn write(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            let (now, rest) = data.split_at(data.len().min(MAX_BAND_BYTES - self.piece.len()));
            self.piece.extend_from_slice(now);
            data = rest;
            if self.piece.len() == MAX_BAND_BYTES {
                self.hasher.update(&self.piece);
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        self.sent += self.piece.len() as u64;
        // A copy that cannot be kept is given up; the client does not suffer from it.
        if let Some(keep) = &mut self.keep
            && keep.write_all(&self.piece).await.is_err()
        {
            self.keep = None;
        }
        self.peer.data(&self.piece).await?;
        self.piece.clear();
        Ok(())
    }

    async fn finish(mut self) -> Result<u64> {
        self.hasher.update(&self.piece);
        let trailer = std::mem::take(&mut self.hasher).finalize();
        self.piece.extend_from_slice(&trailer);
        self.send().await?;
        if let Some(keep) = self.keep {
            keep.finish().await;
        }
        Ok(self.sent)
    }
}

struct Progress {
    total: u32,
    shown: Instant,
    quiet: bool,
}

impl Progress {
    async fn show<R, W>(&mut self, done: usize, peer: &mut Peer<R, W>) -> Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if self.quiet || self.shown.elapsed() < PROGRESS_INTERVAL {
            return Ok(());
        }
        self.shown = Instant::now();
        let percent = done as u64 * 100 / u64::from(self.total.max(1));
        peer.progress(&format!("Sending objects: {percent:3}% ({done}/{})\r", self.total)).await
    }

    async fn finish<R, W>(&self, deltas: u64, peer: &mut Peer<R, W>) -> Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if self.quiet {
            return Ok(());
        }
        let total = self.total;
        peer.progress(&format!("Total {total} (delta {deltas}), reused {total} (delta {deltas})\n")).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_of_deltas_are_broken() {
        let mut chains = Chains::default();
        assert!(chains.add(Some(2)));
        assert!(chains.add(Some(0)));
        // The third on the second, which is on the first, which is on the third.
        assert!(!chains.add(Some(1)));
        assert!(!chains.add(Some(3)));
        assert!(chains.add(Some(1)));
    }

    #[test]
    fn writes_distances_as_git_reads_them() {
        for distance in [1, 127, 128, 129, 16511, 16512, 1 << 40, u64::MAX >> 1] {
            let mut header = Vec::new();
            write_distance(&mut header, distance);
            let (last, others) = header.split_last().unwrap();
            let high = others.iter().fold(0_u64, |read, byte| {
                assert!(*byte >= 0x80);
                (read << 7 | u64::from(byte & 0x7f)) + 1
            });
            assert_eq!(high << 7 | u64::from(*last), distance);
        }
    }
}
