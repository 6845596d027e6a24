//! A pack that was read: its entries, and their content.

use std::collections::HashMap;

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushDecompress};
use lyceum_core::Oid;

use super::PackLimits;
use super::built::Built;
use super::spool::Spool;
use super::stream::malformed;
use crate::segment::entry::deflate_into;
use crate::{Error, ObjectKind, Result, apply_delta};

/// How often all that a pack may make can be made once more, because it was let go of in the meantime.
const REMAKES: u64 = 16;

/// What an entry is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// Itself.
    Whole,
    /// A delta against an earlier entry.
    Entry(u32),
    /// A delta against an object, in the pack or not.
    Id(Oid),
}

/// One entry of a pack. There may be a million of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) offset: u64,
    /// Length of what is deflated: of the object, or of its delta.
    pub(super) inflated_bytes: u64,
    /// Length of the object, once it is known.
    pub(super) object_bytes: u64,
    pub(super) base: Base,
    /// The object's id, once its kind is known.
    pub(super) oid: Oid,
    /// The object's kind; `None` until the base of a delta is found.
    pub(super) kind: Option<ObjectKind>,
    /// Length of the chain of deltas below.
    pub(super) depth: u16,
    header_bytes: u8,
}

impl Entry {
    pub(super) fn new(offset: u64) -> Self {
        Self {
            offset,
            inflated_bytes: 0,
            object_bytes: 0,
            base: Base::Whole,
            oid: Oid::ZERO,
            kind: None,
            depth: 0,
            header_bytes: 0,
        }
    }

    pub(super) fn add_header(&mut self, bytes: usize) {
        self.header_bytes += u8::try_from(bytes).expect("a header has few bytes");
    }
}

/// A pack that was read as a whole; its deltas may still lack their bases.
#[derive(Debug)]
pub struct ReceivedPack {
    pub(super) spool: Spool,
    pub(super) limits: PackLimits,
    /// In the order of the pack.
    pub(super) entries: Vec<Entry>,
    /// Where the entries end.
    pub(super) end: u64,
    /// What was inflated and is kept a while.
    pub(super) hot: HashMap<u32, Bytes>,
    pub(super) built: Built,
    /// The entries by the ids of their objects, the one with the shortest chain first; once all are known.
    pub(super) by_oid: Vec<u32>,
    pub(super) made_bytes: u64,
    pub(super) remade_bytes: u64,
}

impl ReceivedPack {
    pub(super) fn new(spool: Spool, limits: PackLimits) -> Self {
        Self {
            spool,
            limits,
            entries: Vec::new(),
            end: 0,
            hot: HashMap::new(),
            built: Built::default(),
            by_oid: Vec::new(),
            made_bytes: 0,
            remade_bytes: 0,
        }
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Reports whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, entry: Entry) -> u32 {
        let index = u32::try_from(self.entries.len()).expect("a pack counts its entries in 32 bits");
        self.entries.push(entry);
        index
    }

    /// Appends an object on which deltas are based and that did not come with them.
    pub(super) fn complete(&mut self, oid: Oid, kind: ObjectKind, data: &Bytes) -> Result<u32> {
        self.spend(data.len() as u64, self.end)?;
        let mut deflated = Vec::with_capacity(data.len() / 2 + 64);
        deflate_into(&mut deflated, &mut Compress::new(Compression::fast(), true), data)?;
        let mut entry = Entry::new(self.end);
        (entry.oid, entry.kind) = (oid, Some(kind));
        (entry.inflated_bytes, entry.object_bytes) = (data.len() as u64, data.len() as u64);
        self.spool.append(&deflated)?;
        self.end += deflated.len() as u64;
        let index = self.push(entry);
        self.built.keep(index, data);
        Ok(index)
    }

    pub(super) fn entry(&self, index: u32) -> &Entry {
        &self.entries[index as usize]
    }

    /// Finds the entry that starts at an offset.
    pub(super) fn entry_at(&self, offset: u64) -> Option<u32> {
        let index = self.entries.binary_search_by_key(&offset, |entry| entry.offset).ok()?;
        u32::try_from(index).ok()
    }

    /// Finds the entry of an object: the one with the shortest chain, so that bases never lead back.
    pub(crate) fn find(&self, oid: &Oid) -> Option<u32> {
        let at = self.by_oid.partition_point(|index| self.entry(*index).oid < *oid);
        self.by_oid.get(at).copied().filter(|index| self.entry(*index).oid == *oid)
    }

    /// Makes [`find`](Self::find) work.
    pub(super) fn index(&mut self) {
        let mut by_oid: Vec<u32> = (0..).take(self.entries.len()).collect();
        by_oid.sort_unstable_by_key(|index| (self.entry(*index).oid, self.entry(*index).depth, *index));
        self.by_oid = by_oid;
    }

    /// Counts what was inflated or made of deltas, and refuses too much of it.
    pub(super) fn spend(&mut self, bytes: u64, pack_bytes: u64) -> Result<()> {
        self.made_bytes = self.made_bytes.saturating_add(bytes);
        self.check_spent(self.made_bytes, self.room(pack_bytes))
    }

    /// The same for what is made once more.
    fn spend_again(&mut self, bytes: u64) -> Result<()> {
        self.remade_bytes = self.remade_bytes.saturating_add(bytes);
        self.check_spent(self.remade_bytes, self.room(self.end).saturating_mul(REMAKES))
    }

    fn room(&self, pack_bytes: u64) -> u64 {
        self.limits.inflate_bytes.max(pack_bytes.saturating_mul(self.limits.inflate_ratio))
    }

    fn check_spent(&self, spent: u64, room: u64) -> Result<()> {
        if spent > room {
            return Err(Error::too_large("the pack makes too much of what it is"));
        }
        Ok(())
    }

    /// Returns the zlib stream of an entry.
    pub(super) fn deflated(&self, index: u32) -> Result<Bytes> {
        let entry = self.entry(index);
        let end = self.entries.get(index as usize + 1).map_or(self.end, |next| next.offset);
        self.spool.read(entry.offset + u64::from(entry.header_bytes), end)
    }

    /// Inflates an entry: the object, or its delta.
    pub(super) fn inflate(&mut self, index: u32) -> Result<Bytes> {
        if let Some(content) = self.hot.get(&index) {
            return Ok(content.clone());
        }
        let deflated = self.deflated(index)?;
        let size = self.entry(index).inflated_bytes;
        self.spend_again(size)?;
        let size = usize::try_from(size).map_err(|_| malformed("an object does not fit in memory"))?;
        let mut data = Vec::with_capacity(size);
        let status = Decompress::new(true).decompress_vec(&deflated, &mut data, FlushDecompress::Finish);
        // It was inflated once when it was read.
        if status.is_err() || data.len() != size {
            return Err(malformed("it changed while it was read"));
        }
        Ok(Bytes::from(data))
    }

    /// Makes the object of a delta for the first time.
    pub(super) fn make(&mut self, index: u32, base: &[u8]) -> Result<Bytes> {
        let content = self.apply(index, base)?;
        self.spend(content.len() as u64, self.end)?;
        Ok(content)
    }

    /// Makes the delta of an entry into its object.
    fn apply(&mut self, index: u32, base: &[u8]) -> Result<Bytes> {
        let delta = self.inflate(index)?;
        let size = crate::delta_sizes(&delta).map_or(0, |(_, size)| size);
        if size > self.limits.object_bytes {
            return Err(Error::too_large(format!("an object of the pack has {size} bytes")));
        }
        self.spend_again(size)?;
        Ok(Bytes::from(apply_delta(base, &delta)?))
    }

    /// Returns the content of an object whose kind is known.
    pub(crate) fn content(&mut self, index: u32) -> Result<Bytes> {
        let mut chain = Vec::new();
        let mut at = index;
        let mut content = loop {
            if let Some(content) = self.built.get(at) {
                break content;
            }
            match self.entry(at).base {
                Base::Whole => {
                    let content = self.inflate(at)?;
                    self.built.keep(at, &content);
                    break content;
                }
                Base::Entry(base) => {
                    chain.push(at);
                    at = base;
                }
                Base::Id(base) => return Err(Error::not_found(base)),
            }
        };
        for delta in chain.into_iter().rev() {
            content = self.apply(delta, &content)?;
            self.built.keep(delta, &content);
        }
        Ok(content)
    }

    /// Reports whether objects are checked strictly.
    pub(crate) fn fsck(&self) -> bool {
        self.limits.fsck
    }

    /// Returns the kind of an object; `None` until it is known.
    pub(crate) fn kind(&self, index: u32) -> Option<ObjectKind> {
        self.entry(index).kind
    }

    /// Returns the size of an object whose kind is known.
    pub(crate) fn object_bytes(&self, index: u32) -> u64 {
        self.entry(index).object_bytes
    }

    /// Returns the id of an object whose kind is known.
    pub(crate) fn oid(&self, index: u32) -> Oid {
        self.entry(index).oid
    }

    /// Returns the ids of all objects, in the order of the entries.
    pub(crate) fn oids(&self) -> impl Iterator<Item = Oid> {
        self.entries.iter().map(|entry| entry.oid)
    }
}
