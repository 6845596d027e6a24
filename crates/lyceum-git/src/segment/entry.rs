//! One object inside a pack: a header of kind and size, then deflated content or a delta.

use bytes::Bytes;
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};
use lyceum_core::Oid;

use super::SegmentEntry;
use crate::delta::apply_delta;
use crate::limits::{MAX_INFLATE_RATIO, MAX_OBJECT_BYTES};
use crate::{Error, Object, ObjectKind, Result, object_id};

/// The number of a delta that names its base by id (gitformat-pack, “Object types”).
pub const REF_DELTA: u8 = 7;
/// The number of a delta that says how far before it its base starts.
pub const OFS_DELTA: u8 = 6;

/// An object in the form in which packs carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// What the object is, also when a delta is stored.
    pub kind: ObjectKind,
    /// The object that the delta is against; `None` if the object is stored whole.
    pub base: Option<Oid>,
    /// Length of what is deflated in bytes: of the object, or of its delta.
    pub inflated_bytes: u64,
    /// The zlib stream.
    pub deflated: Bytes,
}

impl Packed {
    /// Reads the entry of a segment; `stored` is exactly the bytes that `entry` names in its pack.
    pub fn parse(stored: Bytes, entry: &SegmentEntry) -> Result<Self> {
        let fail = |problem: &str| Err(Error::malformed("pack entry", format!("{}: {problem}", entry.oid)));
        let mut deflated = &stored[..];
        let Some((number, inflated_bytes)) = take_entry_header(&mut deflated) else {
            return fail("bad header");
        };
        let mut base = None;
        if number == REF_DELTA {
            let Some((oid, rest)) = deflated.split_at_checked(Oid::BYTES) else {
                return fail("bad header");
            };
            (base, deflated) = (Oid::from_slice(oid), rest);
        } else if number != entry.kind.pack_type() || inflated_bytes != entry.size {
            return fail("kind or size differ from the index");
        }
        let deflated = stored.slice_ref(deflated);
        Ok(Self { kind: entry.kind, base, inflated_bytes, deflated })
    }

    /// Inflates what is stored: the object, or its delta.
    pub fn inflate(&self) -> Result<Vec<u8>> {
        let size = self.inflated_bytes;
        if size > MAX_OBJECT_BYTES {
            return Err(Error::too_large(format!("a git object has {size} bytes")));
        }
        let fail = |problem: &str| Err(Error::malformed("pack entry", problem));
        if size / MAX_INFLATE_RATIO > self.deflated.len() as u64 {
            return fail("it is too short for its size");
        }
        let size =
            usize::try_from(size).map_err(|_| Error::too_large("a git object does not fit in memory"))?;
        // One byte more than needed, so that content that is longer than declared shows.
        let mut data = Vec::with_capacity(size + 1);
        let mut inflate = Decompress::new(true);
        let status = inflate.decompress_vec(&self.deflated, &mut data, FlushDecompress::Finish);
        let whole = inflate.total_in() == self.deflated.len() as u64;
        if !matches!(status, Ok(Status::StreamEnd)) || data.len() != size || !whole {
            return fail("the deflated data is damaged");
        }
        Ok(data)
    }

    /// Rebuilds the object and checks it against its id; `base` is the content of [`Packed::base`].
    pub fn resolve(&self, oid: Oid, base: Option<&[u8]>) -> Result<Object> {
        let inflated = self.inflate()?;
        let data = match (self.base, base) {
            (None, _) => inflated,
            (Some(_), Some(base)) => apply_delta(base, &inflated)?,
            (Some(base), None) => return Err(Error::not_found(base)),
        };
        if object_id(self.kind, &data) != oid {
            return Err(Error::malformed("pack entry", format!("{oid}: the content does not match its id")));
        }
        Ok(Object { kind: self.kind, data: Bytes::from(data) })
    }
}

/// Appends an object to a pack.
pub(crate) fn write_entry(
    pack: &mut Vec<u8>,
    deflate: &mut Compress,
    kind: ObjectKind,
    data: &[u8],
) -> Result<()> {
    write_header(pack, kind.pack_type(), data.len() as u64);
    deflate.reset();
    deflate_into(pack, deflate, data)
}

/// Appends what `deflate`, which starts anew, makes of `data`.
pub(crate) fn deflate_into(out: &mut Vec<u8>, deflate: &mut Compress, data: &[u8]) -> Result<()> {
    loop {
        let consumed = usize::try_from(deflate.total_in()).expect("no more is consumed than the slice holds");
        out.reserve((data.len() - consumed) / 2 + 64);
        let status = deflate.compress_vec(&data[consumed..], out, FlushCompress::Finish);
        match status.map_err(|error| Error::spool(error.into()))? {
            Status::StreamEnd => return Ok(()),
            Status::Ok | Status::BufError => {}
        }
    }
}

/// Appends an object that is deflated already.
pub(super) fn write_packed(pack: &mut Vec<u8>, packed: &Packed) {
    match packed.base {
        None => write_header(pack, packed.kind.pack_type(), packed.inflated_bytes),
        Some(base) => {
            write_header(pack, REF_DELTA, packed.inflated_bytes);
            pack.extend_from_slice(base.as_bytes());
        }
    }
    pack.extend_from_slice(&packed.deflated);
}

/// Appends what stands before the content of an entry.
pub(crate) fn write_header(pack: &mut Vec<u8>, number: u8, size: u64) {
    let low = size.to_le_bytes()[0] & 0x0f;
    let mut rest = size >> 4;
    let mut byte = number << 4 | low;
    while rest > 0 {
        pack.push(byte | 0x80);
        byte = rest.to_le_bytes()[0] & 0x7f;
        rest >>= 7;
    }
    pack.push(byte);
}

/// Reads the number of an entry's type and its inflated size, with which it starts.
pub fn take_entry_header(data: &mut &[u8]) -> Option<(u8, u64)> {
    let (&first, mut rest) = data.split_first()?;
    let mut size = u64::from(first & 0x0f);
    let mut more = first >= 0x80;
    let mut shift = 4;
    while more {
        let (&byte, after) = rest.split_first()?;
        if shift > 56 {
            return None;
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        more = byte >= 0x80;
        rest = after;
    }
    *data = rest;
    Some((first >> 4 & 7, size))
}

/// Reads how far before an entry its base starts. Each further byte counts from where the shorter numbers end.
pub fn take_distance(data: &mut &[u8]) -> Option<u64> {
    let (&first, mut rest) = data.split_first()?;
    let mut distance = u64::from(first & 0x7f);
    let mut more = first >= 0x80;
    while more {
        let (&byte, after) = rest.split_first()?;
        distance = distance.checked_add(1)?.checked_mul(128)? | u64::from(byte & 0x7f);
        more = byte >= 0x80;
        rest = after;
    }
    *data = rest;
    Some(distance)
}
