//! Collects new objects into a pack.

use std::collections::HashMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::{Compress, Compression};
use lyceum_core::Oid;
use lyceum_core::limits::MAX_INLINE_SEGMENT_BYTES;
use sha1::{Digest as _, Sha1};
use tempfile::NamedTempFile;

use super::entry::{write_entry, write_packed};
use super::{Packed, Segment, SegmentData, SegmentEntry, SegmentIndex};
use crate::limits::{MAX_DELTA_CHAIN, MAX_OBJECT_BYTES, MAX_SEGMENT_OBJECTS, SPOOL_BUFFER_BYTES};
use crate::{Error, Object, ObjectKind, Result, object_id};

/// `PACK`, version 2; the number of objects follows.
const HEADER: &[u8; 8] = b"PACK\0\0\0\x02";
const HEADER_BYTES: usize = 12;
const TRAILER_BYTES: usize = 20;

/// Builds a segment: in memory while it is small enough for a database row, then in a temporary file.
///
/// File access blocks, in pieces of 256 KiB; callers that add much data do so off the async threads.
pub struct SegmentWriter {
    spool_dir: PathBuf,
    entries: HashMap<Oid, SegmentEntry>,
    /// The end of the pack: what is not in the file yet.
    tail: Vec<u8>,
    spooled_bytes: u64,
    file: Option<NamedTempFile>,
    deflate: Compress,
}

impl SegmentWriter {
    /// Starts an empty segment that would spool to a file in `spool_dir`.
    pub fn new(spool_dir: &Path) -> Self {
        let mut tail = HEADER.to_vec();
        tail.resize(HEADER_BYTES, 0);
        Self {
            spool_dir: spool_dir.to_owned(),
            entries: HashMap::new(),
            tail,
            spooled_bytes: 0,
            file: None,
            deflate: Compress::new(Compression::default(), true),
        }
    }

    /// Adds an object, unless the segment has it, and returns its id.
    pub fn add(&mut self, kind: ObjectKind, data: &[u8]) -> Result<Oid> {
        let oid = object_id(kind, data);
        if self.entries.contains_key(&oid) {
            return Ok(oid);
        }
        if data.len() as u64 > MAX_OBJECT_BYTES {
            return Err(Error::too_large(format!("git object {oid} has {} bytes", data.len())));
        }
        let start = self.tail.len();
        write_entry(&mut self.tail, &mut self.deflate, kind, data)?;
        self.record(oid, kind, start, data.len() as u64)?;
        Ok(oid)
    }

    /// Reports whether the segment has an object.
    pub fn contains(&self, oid: &Oid) -> bool {
        self.entries.contains_key(oid)
    }

    /// Returns the number of objects.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Reports whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an object of which the caller knows that it has this id and size, in the form in which a pack carries it.
    ///
    /// The base of a delta must be added as well, before or after it, and chains be no longer than
    /// [`MAX_DELTA_CHAIN`]: a segment needs nothing outside of itself.
    pub fn add_packed(&mut self, oid: Oid, size: u64, packed: &Packed) -> Result<()> {
        if self.entries.contains_key(&oid) {
            return Ok(());
        }
        let start = self.tail.len();
        write_packed(&mut self.tail, packed);
        self.record(oid, packed.kind, start, size)
    }

    /// Reads an object back; `None` if it cannot be read or was never added.
    pub fn read(&self, oid: &Oid) -> Option<Object> {
        let mut oid = *oid;
        let mut chain = Vec::new();
        let mut base: Option<Object> = None;
        while chain.len() <= MAX_DELTA_CHAIN {
            let packed = self.packed(&oid)?;
            chain.push((oid, packed));
            match chain.last()?.1.base {
                Some(next) => oid = next,
                None => {
                    while let Some((oid, packed)) = chain.pop() {
                        base = Some(packed.resolve(oid, base.as_ref().map(|base| &base.data[..])).ok()?);
                    }
                    return base;
                }
            }
        }
        None
    }

    /// Reads back how an object is stored; `None` if it cannot be read or was never added.
    fn packed(&self, oid: &Oid) -> Option<Packed> {
        let entry = self.entries.get(oid)?;
        let length = usize::try_from(entry.stored_bytes).ok()?;
        if let Some(start) = entry.offset.checked_sub(self.spooled_bytes) {
            let start = usize::try_from(start).ok()?;
            return Packed::parse(Bytes::copy_from_slice(self.tail.get(start..start + length)?), entry).ok();
        }
        let mut stored = vec![0; length];
        let mut file = self.file.as_ref()?.as_file();
        file.seek(SeekFrom::Start(entry.offset)).ok()?;
        file.read_exact(&mut stored).ok()?;
        Packed::parse(stored.into(), entry).ok()
    }

    /// Completes the pack.
    pub fn finish(mut self) -> Result<Segment> {
        let count = u32::try_from(self.entries.len()).expect("the number of objects is limited when adding");
        let index = SegmentIndex::new(self.entries.values().copied().collect());
        if self.file.is_none() {
            self.tail[HEADER.len()..HEADER_BYTES].copy_from_slice(&count.to_be_bytes());
            let trailer = Sha1::digest(&self.tail);
            self.tail.extend_from_slice(&trailer);
            return Ok(Segment { index, data: SegmentData::Inline(self.tail) });
        }
        self.flush()?;
        let mut file = self.file.take().expect("the pack was spooled");
        let bytes = self.spooled_bytes + TRAILER_BYTES as u64;
        complete(&mut file, count).map_err(Error::spool)?;
        Ok(Segment { index, data: SegmentData::Spooled { file, bytes } })
    }

    /// Adds an object that is already deflated.
    pub(super) fn copy(&mut self, entry: &SegmentEntry, stored: &[u8]) -> Result<()> {
        if self.entries.contains_key(&entry.oid) {
            return Ok(());
        }
        let start = self.tail.len();
        self.tail.extend_from_slice(stored);
        self.record(entry.oid, entry.kind, start, entry.size)
    }

    /// Indexes the object that was appended to the tail, and makes room if the tail grew too long.
    fn record(&mut self, oid: Oid, kind: ObjectKind, start: usize, size: u64) -> Result<()> {
        if self.entries.len() == MAX_SEGMENT_OBJECTS {
            return Err(Error::too_large("a segment has too many objects"));
        }
        let offset = self.spooled_bytes + start as u64;
        let stored_bytes = (self.tail.len() - start) as u64;
        self.entries.insert(oid, SegmentEntry { oid, kind, offset, stored_bytes, size });
        let room =
            if self.file.is_some() { SPOOL_BUFFER_BYTES } else { MAX_INLINE_SEGMENT_BYTES - TRAILER_BYTES };
        if self.tail.len() > room { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.file.is_none() {
            self.file = Some(unfinished(&self.spool_dir)?);
        }
        let mut file = self.file.as_ref().expect("it was made above").as_file();
        // Reading back moves the position.
        let wrote = file.seek(SeekFrom::Start(self.spooled_bytes)).and_then(|_| file.write_all(&self.tail));
        wrote.map_err(Error::spool)?;
        self.spooled_bytes += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }
}

/// Makes a file whose name tells git that it may be deleted, should it be left behind in a repository of git's own.
pub(crate) fn unfinished(folder: &Path) -> Result<NamedTempFile> {
    tempfile::Builder::new().prefix("tmp_pack_").tempfile_in(folder).map_err(Error::spool)
}

/// Writes the number of objects, which stands first, and the checksum, which therefore needs another reading.
fn complete(file: &mut NamedTempFile, count: u32) -> std::io::Result<()> {
    let file = file.as_file_mut();
    file.seek(SeekFrom::Start(HEADER.len() as u64))?;
    file.write_all(&count.to_be_bytes())?;
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = Sha1::new();
    let mut buffer = vec![0; SPOOL_BUFFER_BYTES];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
    }
    file.write_all(&hasher.finalize())
}
