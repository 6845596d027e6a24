//! One object inside a pack: a header of kind and size, then deflated content.

use bytes::Bytes;
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};

use super::SegmentEntry;
use crate::limits::{MAX_INFLATE_RATIO, MAX_OBJECT_BYTES};
use crate::{Error, Object, ObjectKind, Result, object_id};

/// Inflates one object and checks it against its id.
///
/// `stored` is exactly the bytes that `entry` names in its pack.
pub fn read_entry(stored: &[u8], entry: &SegmentEntry) -> Result<Object> {
    let fail = |problem: &str| Err(Error::malformed("pack entry", format!("{}: {problem}", entry.oid)));
    let Some((kind, size, deflated)) = parse_header(stored) else {
        return fail("bad header");
    };
    if kind != entry.kind || size != entry.size {
        return fail("kind or size differ from the index");
    }
    if size > MAX_OBJECT_BYTES {
        return Err(Error::too_large(format!("git object {} has {size} bytes", entry.oid)));
    }
    if size / MAX_INFLATE_RATIO > deflated.len() as u64 {
        return fail("it is too short for its size");
    }
    let size = usize::try_from(size).map_err(|_| Error::too_large("a git object does not fit in memory"))?;
    // One byte more than needed, so that content that is longer than declared shows.
    let mut data = Vec::with_capacity(size + 1);
    let mut inflate = Decompress::new(true);
    let status = inflate.decompress_vec(deflated, &mut data, FlushDecompress::Finish);
    let whole = inflate.total_in() == deflated.len() as u64;
    if !matches!(status, Ok(Status::StreamEnd)) || data.len() != size || !whole {
        return fail("the deflated data is damaged");
    }
    if object_id(kind, &data) != entry.oid {
        return fail("the content does not match its id");
    }
    Ok(Object { kind, data: Bytes::from(data) })
}

/// Appends an object to a pack.
pub(super) fn write_entry(
    pack: &mut Vec<u8>,
    deflate: &mut Compress,
    kind: ObjectKind,
    data: &[u8],
) -> Result<()> {
    write_header(pack, kind, data.len() as u64);
    deflate.reset();
    loop {
        let consumed = usize::try_from(deflate.total_in()).expect("no more is consumed than the slice holds");
        pack.reserve((data.len() - consumed) / 2 + 64);
        let status = deflate.compress_vec(&data[consumed..], pack, FlushCompress::Finish);
        match status.map_err(|error| Error::spool(error.into()))? {
            Status::StreamEnd => return Ok(()),
            Status::Ok | Status::BufError => {}
        }
    }
}

fn write_header(pack: &mut Vec<u8>, kind: ObjectKind, size: u64) {
    let low = size.to_le_bytes()[0] & 0x0f;
    let mut rest = size >> 4;
    let mut byte = kind.pack_type() << 4 | low;
    while rest > 0 {
        pack.push(byte | 0x80);
        byte = rest.to_le_bytes()[0] & 0x7f;
        rest >>= 7;
    }
    pack.push(byte);
}

fn parse_header(stored: &[u8]) -> Option<(ObjectKind, u64, &[u8])> {
    let (&first, mut rest) = stored.split_first()?;
    let kind = ObjectKind::from_pack_type(first >> 4 & 7)?;
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
    Some((kind, size, rest))
}
