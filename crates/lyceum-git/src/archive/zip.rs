//! Zip as a stream: sizes follow their content, and a table at the end repeats everything (PKWARE APPNOTE 6.3).

use lyceum_core::Oid;

use super::ArchiveEntry;
use super::deflate::Deflate;
use crate::limits::MAX_ZIP_TABLE_BYTES;
use crate::{Error, Mode, Result};

/// What 32 bits cannot tell; in its place stands that the extra field has it.
const ELSEWHERE: u32 = u32::MAX;
/// Entries from this size on are described with 64 bits, with room for what deflating may add to them.
const LARGE_BYTES: u64 = 0xf000_0000;
/// Made on Unix, by version 4.5 of the specification.
const MADE_BY: u16 = 3 << 8 | 45;
/// Sizes follow the content; the name is UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
const FLAGS_KNOWN: u16 = 1 << 11;
const DEFLATED: u16 = 8;

/// A zip that is being written.
pub(super) struct Zip {
    deflate: Deflate,
    /// Bytes of the archive up to the current entry's content, or its end.
    written: u64,
    table: Vec<u8>,
    entries: u64,
    current: Option<Current>,
}

/// The entry whose content is being written.
struct Current {
    path: String,
    attributes: u32,
    dos_time: u32,
    seconds: u32,
    offset: u64,
    bytes: u64,
    deflated: u64,
    /// Whether it has content at all; folders have not.
    content: bool,
    large: bool,
}

impl Zip {
    pub(super) fn new() -> Self {
        Self { deflate: Deflate::new(), written: 0, table: Vec::new(), entries: 0, current: None }
    }

    /// Refuses an archive whose table, which must be kept until its end, has grown too large.
    pub(super) fn check(&self) -> Result<()> {
        if self.table.len() > MAX_ZIP_TABLE_BYTES {
            return Err(Error::too_large("there are too many files for a zip; a tar has room for them"));
        }
        Ok(())
    }

    pub(super) fn begin(&mut self, path: String, entry: &ArchiveEntry<'_>, seconds: i64, out: &mut Vec<u8>) {
        let (mode, content) = match entry.mode {
            Mode::File => (0o100_664, true),
            Mode::Executable => (0o100_775, true),
            Mode::Symlink => (0o120_777, true),
            // The low bit says folder to those who do not know modes.
            Mode::Folder | Mode::Submodule => (0o040_775, false),
        };
        let bytes = if entry.mode == Mode::Symlink { entry.target.len() as u64 } else { entry.bytes };
        let current = Current {
            path,
            attributes: mode << 16 | if content { 0 } else { 0x10 },
            dos_time: dos_time(seconds),
            seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
            offset: self.written,
            bytes: 0,
            deflated: 0,
            content,
            large: content && bytes > LARGE_BYTES,
        };
        let start = out.len();
        current.push_local_header(out);
        self.written += (out.len() - start) as u64;
        self.current = Some(current);
        self.deflate.reset(entry.incompressible, out);
        if entry.mode == Mode::Symlink {
            self.write(entry.target, out);
        }
    }

    pub(super) fn write(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        self.deflate.write(data, out);
        if let Some(current) = &mut self.current {
            current.bytes += data.len() as u64;
            current.deflated += (out.len() - start) as u64;
        }
    }

    /// Ends the current entry, if there is one.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        let Some(mut current) = self.current.take() else {
            return;
        };
        let mut crc = 0;
        let start = out.len();
        if current.content {
            crc = self.deflate.finish(out);
            self.written += current.deflated;
            current.deflated += (out.len() - start) as u64;
            current.push_descriptor(crc, out);
        }
        self.written += (out.len() - start) as u64;
        current.push_table_row(crc, &mut self.table);
        self.entries += 1;
    }

    /// Writes the table and the end of the archive.
    pub(super) fn finish(&mut self, commit: Oid, out: &mut Vec<u8>) {
        let (offset, length) = (self.written, self.table.len() as u64);
        out.append(&mut self.table);
        let small_count = u16::try_from(self.entries).ok().filter(|count| *count < u16::MAX);
        let small_offset = u32::try_from(offset).ok().filter(|offset| *offset < ELSEWHERE);
        let length32 = u32::try_from(length).expect("the table is limited to less");
        if small_count.is_none() || small_offset.is_none() {
            push(out, b"PK\x06\x06");
            push(out, &44_u64.to_le_bytes());
            push(out, &MADE_BY.to_le_bytes());
            push(out, &45_u16.to_le_bytes());
            push(out, &[0; 8]);
            push(out, &self.entries.to_le_bytes());
            push(out, &self.entries.to_le_bytes());
            push(out, &length.to_le_bytes());
            push(out, &offset.to_le_bytes());
            push(out, b"PK\x06\x07");
            push(out, &[0; 4]);
            push(out, &(offset + length).to_le_bytes());
            push(out, &1_u32.to_le_bytes());
        }
        let count = small_count.unwrap_or(u16::MAX);
        let comment = commit.to_string();
        push(out, b"PK\x05\x06");
        push(out, &[0; 4]);
        push(out, &count.to_le_bytes());
        push(out, &count.to_le_bytes());
        push(out, &length32.to_le_bytes());
        push(out, &small_offset.unwrap_or(ELSEWHERE).to_le_bytes());
        push(out, &(comment.len() as u16).to_le_bytes());
        push(out, comment.as_bytes());
    }
}

impl Current {
    fn version(&self, offset: bool) -> u16 {
        if self.large || offset { 45 } else { 20 }
    }

    fn flags_and_method(&self) -> [u8; 4] {
        let (flags, method) = if self.content { (FLAGS, DEFLATED) } else { (FLAGS_KNOWN, 0) };
        let ([a, b], [c, d]) = (flags.to_le_bytes(), method.to_le_bytes());
        [a, b, c, d]
    }

    fn push_local_header(&self, out: &mut Vec<u8>) {
        let mut extra = Vec::new();
        if self.large {
            push(&mut extra, &[1, 0, 16, 0]);
            push(&mut extra, &[0; 16]);
        }
        self.push_time(&mut extra);
        push(out, b"PK\x03\x04");
        push(out, &self.version(false).to_le_bytes());
        push(out, &self.flags_and_method());
        push(out, &self.dos_time.to_le_bytes());
        push(out, &[0; 4]);
        let size = if self.large { ELSEWHERE } else { 0 };
        push(out, &size.to_le_bytes());
        push(out, &size.to_le_bytes());
        self.push_lengths(&extra, out);
        push(out, self.path.as_bytes());
        push(out, &extra);
    }

    /// Writes what the header could not know.
    fn push_descriptor(&self, crc: u32, out: &mut Vec<u8>) {
        push(out, b"PK\x07\x08");
        push(out, &crc.to_le_bytes());
        let width = if self.large { 8 } else { 4 };
        push(out, &self.deflated.to_le_bytes()[..width]);
        push(out, &self.bytes.to_le_bytes()[..width]);
    }

    fn push_table_row(&self, crc: u32, out: &mut Vec<u8>) {
        let far = self.offset >= u64::from(ELSEWHERE);
        let mut wide = Vec::new();
        if self.large {
            push(&mut wide, &self.bytes.to_le_bytes());
            push(&mut wide, &self.deflated.to_le_bytes());
        }
        if far {
            push(&mut wide, &self.offset.to_le_bytes());
        }
        let mut extra = Vec::new();
        if !wide.is_empty() {
            push(&mut extra, &[1, 0, wide.len() as u8, 0]);
            push(&mut extra, &wide);
        }
        self.push_time(&mut extra);
        let narrow = |number: u64, wide: bool| if wide { [0xff; 4] } else { (number as u32).to_le_bytes() };
        push(out, b"PK\x01\x02");
        push(out, &MADE_BY.to_le_bytes());
        push(out, &self.version(far).to_le_bytes());
        push(out, &self.flags_and_method());
        push(out, &self.dos_time.to_le_bytes());
        push(out, &crc.to_le_bytes());
        push(out, &narrow(self.deflated, self.large));
        push(out, &narrow(self.bytes, self.large));
        self.push_lengths(&extra, out);
        // No comment, the first disk, no hint of text.
        push(out, &[0; 6]);
        push(out, &self.attributes.to_le_bytes());
        push(out, &narrow(self.offset, far));
        push(out, self.path.as_bytes());
        push(out, &extra);
    }

    fn push_lengths(&self, extra: &[u8], out: &mut Vec<u8>) {
        // Paths are far shorter than what 16 bits can tell.
        push(out, &(self.path.len() as u16).to_le_bytes());
        push(out, &(extra.len() as u16).to_le_bytes());
    }

    /// Writes the time in seconds since the epoch, because the one of DOS has no time zone.
    fn push_time(&self, out: &mut Vec<u8>) {
        push(out, &[b'U', b'T', 5, 0, 1]);
        push(out, &self.seconds.to_le_bytes());
    }
}

fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
}

/// Returns a time as DOS tells it, date in the upper half; in UTC, between 1980 and 2107.
fn dos_time(seconds: i64) -> u32 {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil date from days, counted in years that begin in March (Howard Hinnant, “chrono-Compatible Low-Level Date
    // Algorithms”).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if !(1980..=2107).contains(&year) {
        return 1 << 21 | 1 << 16;
    }
    let date = (year - 1980) << 9 | month << 5 | day;
    let time = (rest / 3600) << 11 | (rest / 60 % 60) << 5 | ((rest % 60) / 2);
    u32::try_from(date << 16 | time).expect("the fields have 32 bits in all")
}
