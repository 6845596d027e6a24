//! Objects as a plain repository keeps them: each in a file of its own, or in a pack with an index beside it.

use std::fs::File;
use std::io::Read as _;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, Decompress, FlushDecompress, Status};
use lyceum_core::Oid;
use sha1::{Digest as _, Sha1};

use crate::limits::{MAX_INFLATE_RATIO, MAX_OBJECT_BYTES};
use crate::segment::entry::deflate_into;
use crate::{Error, Object, ObjectHeader, ObjectKind, Packed, Result, Segment, SegmentData, object_id};

/// Enough for the longest header, `commit` with twenty digits.
const MAX_HEADER_BYTES: usize = 32;
/// `\377tOc`, version 2 (gitformat-pack, “Version 2 pack-*.idx files”).
const INDEX_HEADER: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
/// From here on an offset stands in a table of its own.
const LARGE_OFFSET: u64 = 1 << 31;

/// Reads kind and size of an object from the start of its file.
pub fn loose_header(stored: &[u8]) -> Result<ObjectHeader> {
    let mut start = Vec::with_capacity(MAX_HEADER_BYTES);
    let inflated = Decompress::new(true).decompress_vec(stored, &mut start, FlushDecompress::None);
    inflated.map_err(|_| damaged("it cannot be inflated"))?;
    Ok(parse_header(&start)?.0)
}

/// Reads an object from its file, and checks it against its id.
pub fn read_loose(stored: &[u8], oid: Oid) -> Result<Object> {
    let header = loose_header(stored)?;
    if header.size > MAX_OBJECT_BYTES {
        return Err(Error::too_large(format!("a git object has {} bytes", header.size)));
    }
    if header.size / MAX_INFLATE_RATIO > stored.len() as u64 {
        return Err(damaged("it is too short for its size"));
    }
    let size = usize::try_from(header.size).map_err(|_| damaged("it does not fit in memory"))?;
    let mut data = Vec::with_capacity(size + MAX_HEADER_BYTES + 1);
    let status = Decompress::new(true).decompress_vec(stored, &mut data, FlushDecompress::Finish);
    let (_, length) = parse_header(&data)?;
    let whole = matches!(status, Ok(Status::StreamEnd)) && data.len() == length + size;
    let data = Bytes::from(data).slice(length..);
    if !whole || object_id(header.kind, &data) != oid {
        return Err(damaged("its content does not match its id"));
    }
    Ok(Object { kind: header.kind, data })
}

/// Deflates an object in the form in which packs carry it.
pub fn pack_whole(object: &Object) -> Result<Packed> {
    let mut deflated = Vec::new();
    deflate_into(&mut deflated, &mut Compress::new(Compression::default(), true), &object.data)?;
    Ok(Packed {
        kind: object.kind,
        base: None,
        inflated_bytes: object.data.len() as u64,
        deflated: Bytes::from(deflated),
    })
}

/// Makes the index that git keeps beside a pack; returns it with the checksum that the pack ends with.
pub fn pack_index(segment: &Segment) -> Result<(Vec<u8>, Oid)> {
    let mut checks = Vec::with_capacity(segment.index.len());
    let mut entries: Vec<_> = segment.index.iter().enumerate().collect();
    entries.sort_unstable_by_key(|(_, entry)| entry.offset);
    let mut pack: Box<dyn std::io::Read> = match &segment.data {
        SegmentData::Inline(data) => Box::new(data.as_slice()),
        SegmentData::Spooled { file, .. } => {
            Box::new(std::io::BufReader::new(File::open(file.path()).map_err(Error::spool)?))
        }
    };
    let mut read = |bytes: u64| {
        let mut crc = Crc::new();
        let mut buffer = [0; 8192];
        let mut left = bytes;
        while left > 0 {
            let length = left.min(buffer.len() as u64) as usize;
            pack.read_exact(&mut buffer[..length]).map_err(Error::spool)?;
            crc.update(&buffer[..length]);
            left -= length as u64;
        }
        Ok::<_, Error>(crc.sum())
    };
    let mut at = 0;
    for (number, entry) in &entries {
        read(entry.offset - at)?;
        checks.push((*number, read(entry.stored_bytes)?));
        at = entry.offset + entry.stored_bytes;
    }
    let mut checksum = [0; Oid::BYTES];
    pack.read_exact(&mut checksum).map_err(Error::spool)?;
    checks.sort_unstable();

    let mut index = INDEX_HEADER.to_vec();
    let mut count = 0_u32;
    let mut oids = segment.index.iter().map(|entry| entry.oid).peekable();
    for first in 0..=u8::MAX {
        while oids.next_if(|oid| oid.as_bytes()[0] <= first).is_some() {
            count += 1;
        }
        index.extend_from_slice(&count.to_be_bytes());
    }
    segment.index.iter().for_each(|entry| index.extend_from_slice(entry.oid.as_bytes()));
    checks.iter().for_each(|(_, crc)| index.extend_from_slice(&crc.to_be_bytes()));
    let mut large = Vec::new();
    for entry in segment.index.iter() {
        let offset = if entry.offset < LARGE_OFFSET {
            u32::try_from(entry.offset).expect("it has 31 bits")
        } else {
            large.push(entry.offset);
            1 << 31 | u32::try_from(large.len() - 1).expect("fewer than there are objects")
        };
        index.extend_from_slice(&offset.to_be_bytes());
    }
    large.iter().for_each(|offset| index.extend_from_slice(&offset.to_be_bytes()));
    index.extend_from_slice(&checksum);
    let own = Sha1::digest(&index);
    index.extend_from_slice(&own);
    Ok((index, Oid(checksum)))
}

/// Returns what a header says, and its length.
fn parse_header(data: &[u8]) -> Result<(ObjectHeader, usize)> {
    let end = data.iter().take(MAX_HEADER_BYTES).position(|byte| *byte == 0);
    let parse = |end: usize| {
        let (kind, size) = std::str::from_utf8(&data[..end]).ok()?.split_once(' ')?;
        Some((ObjectHeader { kind: ObjectKind::parse(kind)?, size: size.parse().ok()? }, end + 1))
    };
    end.and_then(parse).ok_or_else(|| damaged("it has no header"))
}

fn damaged(problem: &str) -> Error {
    Error::malformed("loose object", problem)
}
