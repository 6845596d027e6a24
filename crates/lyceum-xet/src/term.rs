//! Terms: the ranges of chunks that make up a file, and their compact stored form.

use lyceum_core::XetHash;
use lyceum_core::limits::{MAX_CHUNK_BYTES, MAX_XORB_CHUNKS};
use std::collections::HashMap;
use std::ops::Range;

/// A run of chunks of one xorb; a file is the concatenation of its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The xorb.
    pub xorb: XetHash,
    /// The chunks in it.
    pub chunks: Range<u32>,
    /// Uncompressed length of those chunks.
    pub raw_bytes: u64,
}

/// Stored terms that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stored terms are damaged: {0}")]
pub struct TermsError(&'static str);

/// Encodes terms for storage, in about 10 bytes for each plus 32 for each distinct xorb.
///
/// Layout: version, then as LEB128 the number of xorbs, their hashes, the number of terms, and for each term the
/// position of its xorb, first chunk, number of chunks and uncompressed length.
pub fn encode_terms(terms: &[Term]) -> Vec<u8> {
    let mut positions: HashMap<XetHash, u64> = HashMap::new();
    let mut xorbs = Vec::new();
    let mut body = Vec::with_capacity(terms.len() * 8);
    for term in terms {
        let position = *positions.entry(term.xorb).or_insert_with(|| {
            xorbs.push(term.xorb);
            xorbs.len() as u64 - 1
        });
        put_number(&mut body, position);
        put_number(&mut body, u64::from(term.chunks.start));
        put_number(&mut body, u64::from(term.chunks.end.saturating_sub(term.chunks.start)));
        put_number(&mut body, term.raw_bytes);
    }
    let mut encoded = Vec::with_capacity(body.len() + xorbs.len() * XetHash::BYTES + 16);
    encoded.push(VERSION);
    put_number(&mut encoded, xorbs.len() as u64);
    xorbs.iter().for_each(|xorb| encoded.extend_from_slice(xorb.as_bytes()));
    put_number(&mut encoded, terms.len() as u64);
    encoded.extend_from_slice(&body);
    encoded
}

/// Decodes what [`encode_terms`] wrote.
pub fn decode_terms(encoded: &[u8]) -> Result<Vec<Term>, TermsError> {
    let (&version, rest) = encoded.split_first().ok_or(TRUNCATED)?;
    if version != VERSION {
        return Err(TermsError("unknown version"));
    }
    let mut input = rest;
    let xorbs = count(&mut input, XetHash::BYTES)?;
    let (hashes, rest) = input.split_at(xorbs * XetHash::BYTES);
    input = rest;
    let terms = count(&mut input, MIN_TERM_BYTES)?;
    let mut decoded = Vec::with_capacity(terms);
    for _ in 0..terms {
        decoded.push(term(&mut input, hashes)?);
    }
    if !input.is_empty() {
        return Err(TermsError("bytes follow the last term"));
    }
    Ok(decoded)
}

const VERSION: u8 = 1;
/// Four numbers of at least one byte each.
const MIN_TERM_BYTES: usize = 4;
const TRUNCATED: TermsError = TermsError("they end too early");

fn term(input: &mut &[u8], hashes: &[u8]) -> Result<Term, TermsError> {
    let position = usize::try_from(number(input)?).map_err(|_| TermsError("unknown xorb"))?;
    let start = position.checked_mul(XetHash::BYTES).ok_or(TermsError("unknown xorb"))?;
    let xorb = hashes.get(start..).and_then(|rest| rest.get(..XetHash::BYTES)).and_then(XetHash::from_slice);
    let xorb = xorb.ok_or(TermsError("unknown xorb"))?;
    let (start, length, raw_bytes) = (number(input)?, number(input)?, number(input)?);
    let end = start.checked_add(length).filter(|end| *end <= MAX_XORB_CHUNKS as u64);
    let end = end.ok_or(TermsError("a chunk range is too long"))?;
    if raw_bytes > length * MAX_CHUNK_BYTES as u64 {
        return Err(TermsError("a length does not fit its chunks"));
    }
    // Both are at most `MAX_XORB_CHUNKS`.
    Ok(Term { xorb, chunks: start as u32..end as u32, raw_bytes })
}

/// Reads a number of items of at least `item_bytes` bytes, refusing one that the input cannot hold.
fn count(input: &mut &[u8], item_bytes: usize) -> Result<usize, TermsError> {
    let count = usize::try_from(number(input)?).map_err(|_| TRUNCATED)?;
    if count > input.len() / item_bytes {
        return Err(TRUNCATED);
    }
    Ok(count)
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn number(input: &mut &[u8]) -> Result<u64, TermsError> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = input.split_first().ok_or(TRUNCATED)?;
        *input = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(TermsError("a number is too large"))
}

#[cfg(test)]
mod tests;
