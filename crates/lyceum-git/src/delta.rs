//! Deltas: an object as copies out of another one and new bytes (gitformat-pack, “Deltified representation”).

use crate::limits::MAX_OBJECT_BYTES;
use crate::{Error, Result};

/// What a copy of size zero means.
const DEFAULT_COPY_BYTES: usize = 0x10000;

/// Rebuilds the object that `delta` makes of `base`.
pub fn apply_delta(base: &[u8], delta: &[u8]) -> Result<Vec<u8>> {
    let fail = |problem: &str| Error::malformed("delta", problem);
    let mut rest = delta;
    let base_bytes = take_size(&mut rest).ok_or_else(|| fail("bad header"))?;
    let bytes = take_size(&mut rest).ok_or_else(|| fail("bad header"))?;
    if base_bytes != base.len() as u64 {
        return Err(fail("it is for a base of another size"));
    }
    if bytes > MAX_OBJECT_BYTES {
        return Err(Error::too_large(format!("a git object has {bytes} bytes")));
    }
    let bytes = usize::try_from(bytes).map_err(|_| fail("bad header"))?;
    let mut data = Vec::with_capacity(bytes);
    while let Some((&instruction, after)) = rest.split_first() {
        rest = after;
        let piece = if instruction & 0x80 == 0 {
            let (piece, after) = match usize::from(instruction) {
                0 => return Err(fail("it has a reserved instruction")),
                length => rest.split_at_checked(length).ok_or_else(|| fail("it is cut off"))?,
            };
            rest = after;
            piece
        } else {
            let (from, length) = take_copy(instruction, &mut rest).ok_or_else(|| fail("it is cut off"))?;
            base.get(from..from + length).ok_or_else(|| fail("it copies from outside of its base"))?
        };
        if piece.len() > bytes - data.len() {
            return Err(fail("it makes more than it says"));
        }
        data.extend_from_slice(piece);
    }
    if data.len() < bytes { Err(fail("it makes less than it says")) } else { Ok(data) }
}

/// Reads the sizes of base and object, with which a delta starts.
pub fn delta_sizes(mut delta: &[u8]) -> Option<(u64, u64)> {
    Some((take_size(&mut delta)?, take_size(&mut delta)?))
}

/// Seven bits per byte, lowest first.
fn take_size(delta: &mut &[u8]) -> Option<u64> {
    let mut size = 0_u64;
    for shift in (0..=56).step_by(7) {
        let (&byte, rest) = delta.split_first()?;
        *delta = rest;
        size |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(size);
        }
    }
    None
}

/// Reads offset and length of a copy: each bit of the instruction says whether one of their bytes follows.
fn take_copy(instruction: u8, rest: &mut &[u8]) -> Option<(usize, usize)> {
    let mut numbers = [0_usize; 2];
    for bit in 0..7 {
        if instruction >> bit & 1 == 1 {
            let (&byte, after) = rest.split_first()?;
            *rest = after;
            let (number, shift) = if bit < 4 { (0, bit) } else { (1, bit - 4) };
            numbers[number] |= usize::from(byte) << (8 * shift);
        }
    }
    let [from, length] = numbers;
    Some((from, if length == 0 { DEFAULT_COPY_BYTES } else { length }))
}

#[cfg(test)]
mod tests;
