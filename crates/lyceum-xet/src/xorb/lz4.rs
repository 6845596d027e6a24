//! LZ4 frames, decoded into a slice of known length.
//!
//! A decoder that owns its buffers would allocate up to a frame's claimed block size, and would let a small frame
//! fill memory and time; here the output slice bounds both. Frames with dictionaries, and the legacy and skippable
//! kinds, are refused: no client writes them.

use super::chunk::{ChunkError, window};
use lz4_flex::block::get_maximum_output_size;
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into, decompress_into_with_dict};
use twox_hash::XxHash32;

/// Decodes one frame, which must fill `out` exactly and have nothing behind it.
pub(crate) fn decode_frame(frame: &[u8], out: &mut [u8]) -> Result<(), ChunkError> {
    let mut input = frame;
    let descriptor = Descriptor::read(&mut input)?;
    if descriptor.content_size.is_some_and(|size| size != out.len() as u64) {
        return Err(ChunkError::Length);
    }
    let mut filled = 0;
    loop {
        let head = word(&mut input)?;
        if head == END_MARK {
            break;
        }
        let length = (head & !UNCOMPRESSED) as usize;
        if length > descriptor.max_block {
            return Err(ChunkError::Lz4("a block is too large"));
        }
        let block = take(&mut input, length)?;
        if descriptor.block_checksums && word(&mut input)? != XxHash32::oneshot(0, block) {
            return Err(ChunkError::Lz4("wrong block checksum"));
        }
        let written = if head & UNCOMPRESSED != 0 {
            out.get_mut(filled..filled + length).ok_or(ChunkError::Length)?.copy_from_slice(block);
            length
        } else {
            decode_block(block, out, filled, &descriptor)?
        };
        // Decoders that read until nothing comes would take such a block for the end.
        if written == 0 {
            return Err(ChunkError::Lz4("empty block"));
        }
        filled += written;
    }
    if filled != out.len() {
        return Err(ChunkError::Length);
    }
    if descriptor.content_checksum && word(&mut input)? != XxHash32::oneshot(0, out) {
        return Err(ChunkError::Lz4("wrong content checksum"));
    }
    if !input.is_empty() {
        return Err(ChunkError::Lz4("bytes follow the frame"));
    }
    Ok(())
}

/// Writes frames of one block, and keeps its tables between them.
#[derive(Default)]
pub(crate) struct Encoder {
    table: CompressTable,
    frame: Vec<u8>,
}

impl Encoder {
    /// Returns `data`, at most 256 KiB, as a frame; `None` if the frame is not shorter.
    pub(crate) fn encode(&mut self, data: &[u8]) -> Option<&[u8]> {
        let header = if data.len() <= 64 * 1024 { &HEADER_64_KIB } else { &HEADER_256_KIB };
        let start = header.len() + 4;
        let frame = window(&mut self.frame, start + get_maximum_output_size(data.len()) + 4);
        let written = compress_into_with_table(data, &mut frame[start..], &mut self.table)
            .expect("the output has the size that the compressor asks for");
        frame[..header.len()].copy_from_slice(header);
        frame[header.len()..start].copy_from_slice(&(written as u32).to_le_bytes());
        frame[start + written..start + written + 4].copy_from_slice(&END_MARK.to_le_bytes());
        Some(&frame[..start + written + 4]).filter(|frame| frame.len() < data.len())
    }
}

const MAGIC: u32 = 0x184d_2204;
const END_MARK: u32 = 0;
const UNCOMPRESSED: u32 = 1 << 31;
/// How far back a block may refer into the blocks before it.
const DICTIONARY_BYTES: usize = 64 * 1024;

// Magic, version 1 with independent blocks and no checksum, block size, and the header's checksum.
const HEADER_64_KIB: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
const HEADER_256_KIB: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x50, 0xfb];

struct Descriptor {
    max_block: usize,
    linked: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
}

impl Descriptor {
    fn read(input: &mut &[u8]) -> Result<Self, ChunkError> {
        if word(input)? != MAGIC {
            return Err(ChunkError::Lz4("wrong magic number"));
        }
        let described = *input;
        let &[flags, block] = take(input, 2)? else {
            return Err(TRUNCATED);
        };
        if flags >> 6 != 1 || flags & 0b10 != 0 || block & 0b1000_1111 != 0 {
            return Err(ChunkError::Lz4("unknown version or reserved bits"));
        }
        if flags & 1 != 0 {
            return Err(ChunkError::Lz4("dictionaries are not supported"));
        }
        let max_block = match block >> 4 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            _ => return Err(ChunkError::Lz4("unknown block size")),
        };
        let content_size = match flags & 0b1000 {
            0 => None,
            _ => Some(u64::from(word(input)?) | u64::from(word(input)?) << 32),
        };
        let checksum = XxHash32::oneshot(0, &described[..described.len() - input.len()]) >> 8;
        if take(input, 1)? != [checksum as u8] {
            return Err(ChunkError::Lz4("wrong header checksum"));
        }
        Ok(Self {
            max_block,
            linked: flags & 0b10_0000 == 0,
            block_checksums: flags & 0b1_0000 != 0,
            content_checksum: flags & 0b100 != 0,
            content_size,
        })
    }
}

/// Decodes a block behind the `filled` bytes of `out` and returns its length.
fn decode_block(
    block: &[u8],
    out: &mut [u8],
    filled: usize,
    frame: &Descriptor,
) -> Result<usize, ChunkError> {
    let (before, after) = out.split_at_mut(filled);
    let limit = after.len().min(frame.max_block);
    let decoded = if frame.linked && !before.is_empty() {
        let dictionary = &before[before.len().saturating_sub(DICTIONARY_BYTES)..];
        decompress_into_with_dict(block, &mut after[..limit], dictionary)
    } else {
        decompress_into(block, &mut after[..limit])
    };
    decoded.map_err(|error| match error {
        lz4_flex::block::DecompressError::OutputTooSmall { .. } => ChunkError::Length,
        _ => ChunkError::Lz4("malformed block"),
    })
}

const TRUNCATED: ChunkError = ChunkError::Lz4("it ends too early");

fn take<'a>(input: &mut &'a [u8], length: usize) -> Result<&'a [u8], ChunkError> {
    let (taken, rest) = input.split_at_checked(length).ok_or(TRUNCATED)?;
    *input = rest;
    Ok(taken)
}

fn word(input: &mut &[u8]) -> Result<u32, ChunkError> {
    let (word, rest) = input.split_first_chunk().ok_or(TRUNCATED)?;
    *input = rest;
    Ok(u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests;
