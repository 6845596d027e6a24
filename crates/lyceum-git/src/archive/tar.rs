//! Headers of POSIX tar (IEEE Std 1003.1, “ustar Interchange Format” and “pax”), as `git archive` fills them in.

use lyceum_core::Oid;

use super::ArchiveEntry;
use super::deflate::Deflate;
use crate::Mode;

/// What headers and contents are padded to.
pub(super) const BLOCK_BYTES: usize = 512;
/// What a whole archive is padded to.
const RECORD_BYTES: usize = 20 * BLOCK_BYTES;
const MAX_NAME_BYTES: usize = 100;
const MAX_PREFIX_BYTES: usize = 155;
/// What eleven octal digits can tell.
const MAX_NUMBER: u64 = 0o777_7777_7777;

/// A tar, perhaps on its way into gzip.
pub(super) struct Tar {
    gzip: Option<Deflate>,
    /// Bytes written, before compression.
    bytes: u64,
}

impl Tar {
    pub(super) fn new(commit: Oid, seconds: i64, gzip: Option<Deflate>, out: &mut Vec<u8>) -> Self {
        let mut tar = Self { gzip, bytes: 0 };
        let mut records = Vec::new();
        if seconds.unsigned_abs() > MAX_NUMBER {
            push_record(&mut records, "mtime", seconds.to_string().as_bytes());
        }
        push_record(&mut records, "comment", commit.to_string().as_bytes());
        tar.extended(b'g', "pax_global_header", &records, seconds, out);
        tar
    }

    /// Writes the headers of an entry; `path` is its whole name.
    pub(super) fn begin(&mut self, path: &str, entry: &ArchiveEntry<'_>, seconds: i64, out: &mut Vec<u8>) {
        let (kind, permissions, bytes) = match entry.mode {
            Mode::File => (b'0', 0o664, entry.bytes),
            Mode::Executable => (b'0', 0o775, entry.bytes),
            Mode::Symlink => (b'2', 0o777, 0),
            Mode::Folder | Mode::Submodule => (b'5', 0o775, 0),
        };
        let target = if kind == b'2' { entry.target } else { b"" };
        let mut records = Vec::new();
        let split = split(path.as_bytes());
        if split.is_none() {
            push_record(&mut records, "path", path.as_bytes());
        }
        if target.len() > MAX_NAME_BYTES {
            push_record(&mut records, "linkpath", target);
        }
        if bytes > MAX_NUMBER {
            push_record(&mut records, "size", bytes.to_string().as_bytes());
        }
        let short = format!("{}.paxheader", entry.oid);
        if !records.is_empty() {
            self.extended(b'x', &short, &records, seconds, out);
        }
        let data = format!("{}.data", entry.oid);
        let (prefix, name) = split.unwrap_or((b"", data.as_bytes()));
        let see = format!("see {short}");
        let link = if target.len() > MAX_NAME_BYTES { see.as_bytes() } else { target };
        let bytes = if bytes > MAX_NUMBER { 0 } else { bytes };
        self.write(&header(prefix, name, link, kind, permissions, bytes, seconds), out);
        if let Some(gzip) = &mut self.gzip {
            gzip.set_store(entry.incompressible, out);
        }
    }

    pub(super) fn write(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.bytes += data.len() as u64;
        match &mut self.gzip {
            Some(gzip) => gzip.write(data, out),
            None => out.extend_from_slice(data),
        }
    }

    /// Fills up with zeros to a multiple of `unit`.
    pub(super) fn pad(&mut self, unit: usize, out: &mut Vec<u8>) {
        let over = usize::try_from(self.bytes % unit as u64).expect("a remainder is smaller than a `usize`");
        if over > 0 {
            self.write(&[0; RECORD_BYTES][over..unit], out);
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.write(&[0; 2 * BLOCK_BYTES], out);
        self.pad(RECORD_BYTES, out);
        if let Some(gzip) = &mut self.gzip {
            gzip.finish_gzip(out);
        }
    }

    /// Writes an entry whose content are records that say what the next header cannot.
    fn extended(&mut self, kind: u8, name: &str, records: &[u8], seconds: i64, out: &mut Vec<u8>) {
        let bytes = records.len() as u64;
        self.write(&header(b"", name.as_bytes(), b"", kind, 0o666, bytes, seconds), out);
        self.write(records, out);
        self.pad(BLOCK_BYTES, out);
    }
}

/// Returns a header; all that does not fit was said in records before.
fn header(
    prefix: &[u8],
    name: &[u8],
    link: &[u8],
    kind: u8,
    permissions: u32,
    bytes: u64,
    seconds: i64,
) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    let seconds = if seconds.unsigned_abs() > MAX_NUMBER { 0 } else { seconds };
    put(0, name);
    put(100, format!("{permissions:07o}\0").as_bytes());
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{bytes:011o}\0").as_bytes());
    put(136, format!("{seconds:011o}\0").as_bytes());
    // The checksum counts itself as blanks.
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link);
    put(257, b"ustar\x0000");
    put(265, b"root");
    put(297, b"root");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    put(345, prefix);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
    block
}

/// Splits a path into the two fields of a header; `None` if it does not fit.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= MAX_NAME_BYTES {
        return Some((b"", path));
    }
    // The last slash that the prefix can end at, but not the final one of a folder.
    let end = (path.len() - 1).min(MAX_PREFIX_BYTES + 1);
    let slash = path[..end].iter().rposition(|byte| *byte == b'/')?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (slash > 0 && name.len() <= MAX_NAME_BYTES).then_some((prefix, name))
}

/// Appends `length key=value`, where the length counts its own digits.
fn push_record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}
