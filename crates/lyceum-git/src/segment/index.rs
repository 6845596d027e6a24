//! Where each object of a segment lies.

use lyceum_core::Oid;

use crate::{Error, ObjectKind, Result};

/// The only version so far; it is the first byte of an encoded index.
const VERSION: u8 = 1;
/// Id, kind and three numbers of at least one byte each.
const MIN_ENTRY_BYTES: usize = Oid::BYTES + 4;

/// One object of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentEntry {
    /// The object's id.
    pub oid: Oid,
    /// What it is.
    pub kind: ObjectKind,
    /// Where its pack entry starts.
    pub offset: u64,
    /// How long its pack entry is, with its header.
    pub stored_bytes: u64,
    /// How long the object is, inflated.
    pub size: u64,
}

/// The objects of a segment, by id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentIndex(Vec<SegmentEntry>);

impl SegmentIndex {
    pub(super) fn new(mut entries: Vec<SegmentEntry>) -> Self {
        entries.sort_unstable_by_key(|entry| entry.oid);
        Self(entries)
    }

    /// Returns the index as bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(8 + self.0.len() * (MIN_ENTRY_BYTES + 6));
        data.push(VERSION);
        push_number(&mut data, self.0.len() as u64);
        for entry in &self.0 {
            data.extend_from_slice(entry.oid.as_bytes());
            data.push(entry.kind.pack_type());
            push_number(&mut data, entry.offset);
            push_number(&mut data, entry.stored_bytes);
            push_number(&mut data, entry.size);
        }
        data
    }

    /// Reads a stored index.
    pub fn decode(data: &[u8]) -> Result<Self> {
        decode(data).ok_or_else(|| Error::malformed("segment index", "it is cut off or damaged"))
    }

    /// Returns where an object lies.
    pub fn find(&self, oid: &Oid) -> Option<SegmentEntry> {
        self.0.binary_search_by(|entry| entry.oid.cmp(oid)).ok().map(|at| self.0[at])
    }

    /// Returns all objects, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SegmentEntry> {
        self.0.iter()
    }

    /// Returns the number of objects.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Reports whether there are no objects.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn decode(data: &[u8]) -> Option<SegmentIndex> {
    let (&VERSION, mut rest) = data.split_first()? else {
        return None;
    };
    let count = usize::try_from(take_number(&mut rest)?).ok()?;
    if count > rest.len() / MIN_ENTRY_BYTES {
        return None;
    }
    let mut entries: Vec<SegmentEntry> = Vec::with_capacity(count);
    for _ in 0..count {
        let (oid, after) = rest.split_at_checked(Oid::BYTES)?;
        let oid = Oid::from_slice(oid)?;
        let (&kind, after) = after.split_first()?;
        rest = after;
        let entry = SegmentEntry {
            oid,
            kind: ObjectKind::from_pack_type(kind)?,
            offset: take_number(&mut rest)?,
            stored_bytes: take_number(&mut rest)?,
            size: take_number(&mut rest)?,
        };
        entry.offset.checked_add(entry.stored_bytes)?;
        if entries.last().is_some_and(|last| last.oid >= oid) {
            return None;
        }
        entries.push(entry);
    }
    rest.is_empty().then_some(SegmentIndex(entries))
}

/// Appends a number, seven bits per byte, lowest first.
fn push_number(data: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        data.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    data.push(number.to_le_bytes()[0]);
}

fn take_number(data: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        let bits = u64::from(byte & 0x7f);
        if bits.leading_zeros() < shift {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}
