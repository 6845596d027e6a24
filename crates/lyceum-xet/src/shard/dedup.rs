//! Writes the shard that answers a deduplication query.

use super::{BOOKEND, DEDUP_FLAG, FOOTER_BYTES, FOOTER_VERSION, HEADER_BYTES, RECORD_BYTES, TAG, VERSION};
use crate::hash;
use crate::xorb::XorbIndex;
use std::sync::Arc;

/// Returns a shard that lists the chunks of `xorbs` under hashes keyed with `hmac_key`, and names no file.
///
/// A client can find in it the chunks that it has, and learns nothing of the others. Both times are in seconds
/// since 1970; the client drops the shard when the expiry has passed, so it must lie in the future.
pub fn dedup_shard(
    xorbs: &[Arc<XorbIndex>],
    hmac_key: [u8; 32],
    created_seconds: u64,
    expiry_seconds: u64,
) -> Vec<u8> {
    let chunks: usize = xorbs.iter().map(|xorb| xorb.chunks.len() + 1).sum();
    let mut out = Vec::with_capacity(HEADER_BYTES + (chunks + 2) * RECORD_BYTES + FOOTER_BYTES);
    out.extend_from_slice(&TAG);
    put_numbers(&mut out, &[VERSION, FOOTER_BYTES as u64]);

    let file_section = out.len() as u64;
    put_record(&mut out, &BOOKEND, [0; 4]);
    let xorb_section = out.len() as u64;
    let (mut stored_bytes, mut raw_bytes) = (0, 0);
    for xorb in xorbs {
        put_xorb(&mut out, xorb, &hmac_key);
        stored_bytes += xorb.stored_bytes();
        raw_bytes += xorb.raw_bytes();
    }
    put_record(&mut out, &BOOKEND, [0; 4]);

    // No lookup tables: clients build their own from the records.
    let end = out.len() as u64;
    put_numbers(&mut out, &[FOOTER_VERSION, file_section, xorb_section, end, 0, end, 0, end, 0]);
    out.extend_from_slice(&hmac_key);
    put_numbers(&mut out, &[created_seconds, expiry_seconds, 0, 0, 0, 0, 0, 0]);
    put_numbers(&mut out, &[stored_bytes, 0, raw_bytes, end]);
    out
}

fn put_xorb(out: &mut Vec<u8>, xorb: &XorbIndex, hmac_key: &[u8; 32]) {
    let lengths = [xorb.raw_bytes(), xorb.stored_bytes()].map(|bytes| bytes as u32);
    put_record(out, xorb.hash.as_bytes(), [0, xorb.chunk_count(), lengths[0], lengths[1]]);
    let mut start = 0;
    for chunk in &xorb.chunks {
        let flags = if hash::dedup_eligible(&chunk.hash) { DEDUP_FLAG } else { 0 };
        let keyed = hash::keyed_hash(hmac_key, &chunk.hash);
        put_record(out, keyed.as_bytes(), [start, chunk.raw_end - start, flags, 0]);
        start = chunk.raw_end;
    }
}

fn put_record(out: &mut Vec<u8>, hash: &[u8; 32], words: [u32; 4]) {
    out.extend_from_slice(hash);
    words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
}

fn put_numbers(out: &mut Vec<u8>, numbers: &[u64]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}
