//! Checks a file of a shard against the indexes of the stored xorbs.

use super::{ShardError, ShardFile};
use crate::chunker::MIN_CHUNK_BYTES;
use crate::hash;
use crate::term::Term;
use crate::xorb::XorbIndex;
use lyceum_core::XetHash;
use lyceum_core::limits::MAX_FILE_BYTES;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Checks everything about a file that indexes can tell, and returns its size.
///
/// Every term must lie in a stored xorb, have the length that it claims and come with the hash that proves that the
/// client knows the chunks, without which anyone could read a xorb whose name he has seen. The hash of the file must
/// be that of all its chunks. The SHA-256 cannot be checked without reading the content.
pub fn check_file(
    file: &ShardFile,
    index: impl Fn(&XetHash) -> Option<Arc<XorbIndex>>,
) -> Result<u64, ShardError> {
    let fail = |term, problem| ShardError::Term { file: file.hash, term, problem };
    let no_proof = Vec::new();
    let range_hashes = match &file.range_hashes {
        Some(range_hashes) => range_hashes,
        None if file.terms.is_empty() => &no_proof,
        None => return Err(ShardError::Unproven { file: file.hash }),
    };
    if range_hashes.len() != file.terms.len() {
        return Err(ShardError::Unproven { file: file.hash });
    }
    let mut indexes = HashMap::new();
    for term in &file.terms {
        if let Entry::Vacant(new) = indexes.entry(term.xorb) {
            let found = index(&term.xorb);
            new.insert(found.ok_or(ShardError::MissingXorb { file: file.hash, xorb: term.xorb })?);
        }
    }
    let size = check_size(file)?;
    for (position, (term, range_hash)) in file.terms.iter().zip(range_hashes).enumerate() {
        let index = &indexes[&term.xorb];
        if !index.contains(&term.chunks) {
            return Err(fail(position, "the xorb does not have these chunks"));
        }
        if index.raw_len(term.chunks.clone()) != term.raw_bytes {
            return Err(fail(position, "its chunks have another length"));
        }
        if index.range_hash(term.chunks.clone()) != *range_hash {
            return Err(fail(position, "its range hash is wrong"));
        }
    }
    let chunks = |term: &Term| {
        let (index, chunks) = (Arc::clone(&indexes[&term.xorb]), term.chunks.clone());
        chunks.flat_map(move |chunk| index.hashes(chunk..chunk + 1).next())
    };
    let actual = hash::file_hash(file.terms.iter().flat_map(chunks));
    if actual != file.hash {
        return Err(ShardError::FileHash { file: file.hash, actual });
    }
    Ok(size)
}

/// Bounds the work of what follows: a term costs a few bytes and can name thousands of chunks.
fn check_size(file: &ShardFile) -> Result<u64, ShardError> {
    let (mut size, mut chunks) = (0_u64, 0_u64);
    for term in &file.terms {
        size = size.saturating_add(term.raw_bytes);
        chunks += u64::from(term.chunks.end.saturating_sub(term.chunks.start));
    }
    if size > MAX_FILE_BYTES || chunks > MAX_SMALL_CHUNKS + size / MIN_CHUNK_BYTES as u64 {
        return Err(ShardError::FileTooLarge { file: file.hash });
    }
    Ok(size)
}

/// Chunks smaller than the client's chunker makes that a file may have.
const MAX_SMALL_CHUNKS: u64 = 1 << 20;
