//! Reading a pack as it comes (gitformat-pack, “pack-*.pack files have the following format”).

use std::path::Path;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use lyceum_core::Oid;
use sha1::{Digest as _, Sha1};

use super::PackLimits;
use super::received::{Base, Entry, ReceivedPack};
use super::spool::Spool;
use crate::fsck::fsck_object;
use crate::object::ObjectHasher;
use crate::segment::{OFS_DELTA, REF_DELTA, take_distance, take_entry_header};
use crate::{Error, ObjectKind, Result};

/// `PACK`, and the number of the version, of the objects.
const HEADER_BYTES: usize = 12;
const TRAILER_BYTES: usize = 20;
/// Most bytes of a number in the header of an entry.
const MAX_NUMBER_BYTES: usize = 10;
/// Bytes inflated at once.
const INFLATE_BYTES: usize = 64 * 1024;
/// Objects up to this size stay in memory for a while, so that they need not be inflated twice.
const HOT_OBJECT_BYTES: u64 = 64 * 1024;
/// Memory for these objects.
const HOT_BYTES: usize = 16 * 1024 * 1024;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    /// Type and size of an entry.
    Entry,
    /// How far back the base of a delta lies.
    Distance,
    /// The id of the base of a delta.
    BaseId,
    /// The zlib stream.
    Data,
    Trailer,
    Done,
}

/// Reads a pack that is fed to it in pieces: inflates every entry, and hashes and checks what is no delta.
pub struct PackReader {
    limits: PackLimits,
    state: State,
    /// Bytes of a header that came so far.
    head: Vec<u8>,
    /// Of all that came so far.
    bytes: u64,
    checksum: Sha1,
    inflate: Decompress,
    output: Vec<u8>,
    /// Objects that the header promised and that did not come yet.
    left: u32,
    /// The entry that is being read.
    entry: Entry,
    hasher: Option<ObjectHasher>,
    content: Option<Vec<u8>>,
    hot_bytes: usize,
    pack: ReceivedPack,
}

impl PackReader {
    /// Starts to read; the pack is kept in `spool_dir` if it is large.
    pub fn new(spool_dir: &Path, limits: PackLimits) -> Self {
        Self {
            pack: ReceivedPack::new(Spool::new(spool_dir), limits.clone()),
            limits,
            state: State::Header,
            head: Vec::new(),
            bytes: 0,
            checksum: Sha1::new(),
            inflate: Decompress::new(true),
            output: vec![0; INFLATE_BYTES],
            left: 0,
            entry: Entry::new(0),
            hasher: None,
            content: None,
            hot_bytes: 0,
        }
    }

    /// Takes the next bytes; returns how many of them belong to the pack, which is fewer only at its end.
    pub fn feed(&mut self, data: &[u8]) -> Result<usize> {
        let mut rest = data;
        while !rest.is_empty() && self.state != State::Done {
            let checked = self.state != State::Trailer;
            let taken = match self.state {
                State::Header => self.take_header(rest)?,
                State::Entry => self.take_entry(rest)?,
                State::Distance => self.take_distance(rest)?,
                State::BaseId => self.take_base_id(rest)?,
                State::Data => self.take_data(rest)?,
                State::Trailer => self.take_trailer(rest)?,
                State::Done => 0,
            };
            let (taken, after) = rest.split_at(taken);
            if checked {
                self.checksum.update(taken);
                self.pack.spool.append(taken)?;
            }
            self.bytes += taken.len() as u64;
            if self.bytes > self.limits.pack_bytes {
                let PackLimits { pack_bytes, too_long, .. } = &self.limits;
                return Err(Error::too_large(format!("the pack has more than {pack_bytes} bytes{too_long}")));
            }
            rest = after;
        }
        Ok(data.len() - rest.len())
    }

    /// Reports whether the pack is whole.
    pub fn complete(&self) -> bool {
        self.state == State::Done
    }

    /// Returns the pack; fails if it is not whole.
    pub fn finish(self) -> Result<ReceivedPack> {
        if self.state == State::Done { Ok(self.pack) } else { Err(malformed("it ends too early")) }
    }

    fn take_header(&mut self, data: &[u8]) -> Result<usize> {
        let taken = self.collect(data, HEADER_BYTES);
        if self.head.len() == HEADER_BYTES {
            let number =
                |at: usize| u32::from_be_bytes(self.head[at..at + 4].try_into().expect("four bytes"));
            if !self.head.starts_with(b"PACK") || !matches!(number(4), 2 | 3) {
                return Err(malformed("it does not start as one of version 2"));
            }
            self.left = number(8);
            if self.left > self.limits.objects {
                let limit = self.limits.objects;
                return Err(Error::too_large(format!("the pack has more than {limit} objects")));
            }
            self.head.clear();
            self.state = if self.left == 0 { State::Trailer } else { State::Entry };
        }
        Ok(taken)
    }

    fn take_entry(&mut self, data: &[u8]) -> Result<usize> {
        if self.head.is_empty() {
            self.entry = Entry::new(self.bytes);
        }
        let Some(taken) = self.collect_number(data)? else {
            return Ok(data.len());
        };
        let header = take_entry_header(&mut &self.head[..]);
        let (number, size) = header.ok_or_else(|| malformed("a number is too long"))?;
        if size > self.limits.object_bytes {
            return Err(Error::too_large(format!("an object of the pack has {size} bytes")));
        }
        self.entry.inflated_bytes = size;
        self.entry.add_header(self.head.len());
        self.head.clear();
        match (number, ObjectKind::from_pack_type(number)) {
            (_, Some(kind)) => {
                self.entry.kind = Some(kind);
                self.entry.object_bytes = size;
                self.start_data();
            }
            (OFS_DELTA, None) => self.state = State::Distance,
            (REF_DELTA, None) => self.state = State::BaseId,
            _ => return Err(malformed(format!("an entry has the unknown type {number}"))),
        }
        Ok(taken)
    }

    fn take_distance(&mut self, data: &[u8]) -> Result<usize> {
        let Some(taken) = self.collect_number(data)? else {
            return Ok(data.len());
        };
        let outside = || malformed("the base of a delta lies outside of it");
        let distance = take_distance(&mut &self.head[..]).filter(|distance| *distance > 0);
        let base =
            distance.and_then(|distance| self.entry.offset.checked_sub(distance)).ok_or_else(outside)?;
        self.entry.base = Base::Entry(self.pack.entry_at(base).ok_or_else(outside)?);
        self.entry.add_header(self.head.len());
        self.head.clear();
        self.start_data();
        Ok(taken)
    }

    fn take_base_id(&mut self, data: &[u8]) -> Result<usize> {
        let taken = self.collect(data, Oid::BYTES);
        if let Some(base) = Oid::from_slice(&self.head) {
            self.entry.base = Base::Id(base);
            self.entry.add_header(self.head.len());
            self.head.clear();
            self.start_data();
        }
        Ok(taken)
    }

    fn start_data(&mut self) {
        let size = self.entry.inflated_bytes;
        self.inflate.reset(true);
        self.hasher = self.entry.kind.map(|kind| ObjectHasher::new(kind, size));
        let hot = size <= HOT_OBJECT_BYTES && self.hot_bytes < HOT_BYTES;
        let wanted = self.entry.kind.is_some_and(|kind| kind != ObjectKind::Blob);
        self.content = (hot || wanted).then(Vec::new);
        self.state = State::Data;
    }

    fn take_data(&mut self, data: &[u8]) -> Result<usize> {
        let mut taken = 0;
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self
                .inflate
                .decompress(&data[taken..], &mut self.output, FlushDecompress::None)
                .map_err(|_| malformed("the deflated data is damaged"))?;
            let read = usize::try_from(self.inflate.total_in() - before_in).expect("within the slice");
            let made = usize::try_from(self.inflate.total_out() - before_out).expect("within the buffer");
            taken += read;
            self.pack.spend(made as u64, self.bytes + taken as u64)?;
            if self.inflate.total_out() > self.entry.inflated_bytes {
                return Err(malformed("an object is longer than it says"));
            }
            let made = &self.output[..made];
            if let Some(hasher) = &mut self.hasher {
                hasher.update(made);
            }
            if let Some(content) = &mut self.content {
                content.extend_from_slice(made);
            }
            if status == Status::StreamEnd {
                self.end_data()?;
                return Ok(taken);
            }
            if taken == data.len() && made.len() < INFLATE_BYTES {
                return Ok(taken);
            }
            if read == 0 && made.is_empty() {
                return Err(malformed("the deflated data is damaged"));
            }
        }
    }

    fn end_data(&mut self) -> Result<()> {
        if self.inflate.total_out() < self.entry.inflated_bytes {
            return Err(malformed("an object is shorter than it says"));
        }
        let content = self.content.take().map(Bytes::from);
        if let (Some(hasher), Some(kind)) = (self.hasher.take(), self.entry.kind) {
            self.entry.oid = hasher.finish()?;
            if let Some(content) = content.as_ref().filter(|_| self.limits.fsck) {
                fsck_object(self.entry.oid, kind, content)?;
            }
        }
        let index = self.pack.push(self.entry);
        if let Some(content) = content.filter(|content| content.len() as u64 <= HOT_OBJECT_BYTES)
            && self.hot_bytes < HOT_BYTES
        {
            self.hot_bytes += content.len();
            self.pack.hot.insert(index, content);
        }
        self.left -= 1;
        self.state = if self.left == 0 { State::Trailer } else { State::Entry };
        Ok(())
    }

    fn take_trailer(&mut self, data: &[u8]) -> Result<usize> {
        if self.head.is_empty() {
            self.pack.end = self.bytes;
        }
        let taken = self.collect(data, TRAILER_BYTES);
        if self.head.len() == TRAILER_BYTES {
            if self.head != self.checksum.finalize_reset().as_slice() {
                return Err(malformed("its checksum is wrong"));
            }
            self.state = State::Done;
        }
        Ok(taken)
    }

    /// Collects bytes of a header until it has `length`.
    fn collect(&mut self, data: &[u8], length: usize) -> usize {
        let taken = data.len().min(length - self.head.len());
        self.head.extend_from_slice(&data[..taken]);
        taken
    }

    /// Collects the bytes of a number, of which all but the last have their highest bit set; `None` if more must come.
    fn collect_number(&mut self, data: &[u8]) -> Result<Option<usize>> {
        for (index, byte) in data.iter().enumerate() {
            if self.head.len() == MAX_NUMBER_BYTES - 1 {
                return Err(malformed("a number is too long"));
            }
            self.head.push(*byte);
            if *byte < 0x80 {
                return Ok(Some(index + 1));
            }
        }
        Ok(None)
    }
}

pub(super) fn malformed(problem: impl Into<String>) -> Error {
    Error::malformed("pack", problem)
}
