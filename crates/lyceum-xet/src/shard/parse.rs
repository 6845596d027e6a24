//! Parses an uploaded shard.

use super::{
    BOOKEND, DEDUP_FLAG, FOOTER_BYTES, HEADER_BYTES, MAX_TERM_END, RECORD_BYTES, Shard, ShardError,
    ShardFile, ShardXorb, TAG, VERSION,
};
use crate::term::Term;
use lyceum_core::limits::{MAX_CHUNK_BYTES, MAX_SHARD_BYTES, MAX_XORB_CHUNKS};
use lyceum_core::{Sha256, XetHash};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The file's terms are followed by as many range hashes.
const PROOF_FLAG: u32 = 1 << 31;
/// The file ends with its SHA-256.
const SHA256_FLAG: u32 = 1 << 30;

pub(super) fn parse(bytes: &[u8]) -> Result<Shard, ShardError> {
    if bytes.len() > MAX_SHARD_BYTES {
        return Err(ShardError::TooLarge);
    }
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(ShardError::Truncated)?;
    if header[..TAG.len()] != TAG {
        return Err(ShardError::Tag);
    }
    let version = number(header, 32);
    if version != VERSION {
        return Err(ShardError::Version(version));
    }
    let footer_bytes = number(header, 40);
    let (records, tail) = rest.as_chunks();
    let mut records = Records { records };
    let files = records.files()?;
    let xorbs = records.xorbs()?;

    // Lookup tables and the footer repeat what the records say. Uploads should come without them; if they do not,
    // nothing is read from there.
    let left = records.records.len() * RECORD_BYTES + tail.len();
    match footer_bytes {
        0 if left != 0 => Err(ShardError::Trailing),
        0 => Ok(Shard { files, xorbs }),
        _ if footer_bytes != FOOTER_BYTES as u64 => Err(ShardError::Record("unknown footer length")),
        _ if left < FOOTER_BYTES => Err(ShardError::Truncated),
        _ => Ok(Shard { files, xorbs }),
    }
}

type Record = [u8; RECORD_BYTES];

struct Records<'a> {
    records: &'a [Record],
}

impl<'a> Records<'a> {
    fn files(&mut self) -> Result<Vec<ShardFile>, ShardError> {
        let mut files: Vec<ShardFile> = Vec::new();
        let mut positions: HashMap<XetHash, usize> = HashMap::new();
        while let Some(header) = self.section_header()? {
            let file = self.file(header)?;
            if files.first().is_some_and(|first| first.range_hashes.is_some() != file.range_hashes.is_some())
            {
                return Err(ShardError::PartlyProven);
            }
            match positions.entry(file.hash) {
                // The same content again, under another path: only the digest can be news.
                Entry::Occupied(known) => {
                    let known = &mut files[*known.get()];
                    known.sha256 = known.sha256.or(file.sha256);
                }
                Entry::Vacant(new) => {
                    new.insert(files.len());
                    files.push(file);
                }
            }
        }
        Ok(files)
    }

    fn file(&mut self, header: &Record) -> Result<ShardFile, ShardError> {
        let flags = word(header, 32);
        let count = word(header, 36) as usize;
        let mut terms = Vec::with_capacity(count.min(self.records.len()));
        for record in self.take(count)? {
            terms.push(term(record)?);
        }
        let range_hashes = match flags & PROOF_FLAG {
            0 => None,
            _ => Some(self.take(count)?.iter().map(hash).collect()),
        };
        let sha256 = match flags & SHA256_FLAG {
            0 => None,
            _ => self.take(1)?.first().map(sha256),
        };
        Ok(ShardFile { hash: hash(header), terms, range_hashes, sha256 })
    }

    fn xorbs(&mut self) -> Result<Vec<ShardXorb>, ShardError> {
        let mut xorbs = Vec::new();
        while let Some(header) = self.section_header()? {
            let count = word(header, 36) as usize;
            if count > MAX_XORB_CHUNKS {
                return Err(ShardError::Record("a xorb has too many chunks"));
            }
            let records = self.take(count)?;
            let mut xorb =
                ShardXorb { hash: hash(header), chunks: Vec::with_capacity(count), dedup_chunks: vec![] };
            for (position, record) in (0..).zip(records) {
                let length = word(record, 36);
                if !(1..=MAX_CHUNK_BYTES as u32).contains(&length) {
                    return Err(ShardError::Record("a chunk has an impossible length"));
                }
                xorb.chunks.push((hash(record), length));
                if word(record, 40) & DEDUP_FLAG != 0 {
                    xorb.dedup_chunks.push(position);
                }
            }
            xorbs.push(xorb);
        }
        Ok(xorbs)
    }

    /// Returns the next header, or `None` at the record that ends the section.
    fn section_header(&mut self) -> Result<Option<&'a Record>, ShardError> {
        let header = self.take(1)?.first().ok_or(ShardError::Truncated)?;
        Ok(Some(header).filter(|header| header[..BOOKEND.len()] != BOOKEND))
    }

    fn take(&mut self, count: usize) -> Result<&'a [Record], ShardError> {
        let (taken, rest) = self.records.split_at_checked(count).ok_or(ShardError::Truncated)?;
        self.records = rest;
        Ok(taken)
    }
}

fn term(record: &Record) -> Result<Term, ShardError> {
    let raw_bytes = u64::from(word(record, 36));
    let chunks = word(record, 40)..word(record, 44);
    if chunks.start >= chunks.end || chunks.end > MAX_TERM_END {
        return Err(ShardError::Record("a term has an impossible range of chunks"));
    }
    Ok(Term { xorb: hash(record), chunks, raw_bytes })
}

fn hash(record: &Record) -> XetHash {
    let (hash, _) = record.split_first_chunk().expect("a record is longer than a hash");
    XetHash(*hash)
}

/// The digest is stored as if it were a Xet hash of the same text, that is with each group of 8 bytes reversed.
fn sha256(record: &Record) -> Sha256 {
    let mut digest = hash(record).0;
    digest.chunks_exact_mut(8).for_each(<[u8]>::reverse);
    Sha256(digest)
}

fn word(record: &Record, at: usize) -> u32 {
    u32::from_le_bytes(record[at..at + 4].try_into().expect("the slice has four bytes"))
}

fn number(header: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(header[at..at + 8].try_into().expect("the slice has eight bytes"))
}
