//! A pack and its index.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use lyceum_core::Oid;
use lyceum_git::{OFS_DELTA, ObjectKind, Packed, REF_DELTA, take_distance, take_entry_header};

const INDEX_HEADER: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
const FANOUT_BYTES: usize = 256 * 4;
/// Longest header of an entry: ten bytes of size, then an id or ten bytes of offset.
const MAX_ENTRY_HEADER_BYTES: usize = 32;

/// One pack.
pub(crate) struct Pack {
    /// Its index.
    path: PathBuf,
    data: File,
    data_bytes: u64,
    index: Vec<u8>,
    count: usize,
    /// Objects by where they lie: offset and number.
    by_offset: OnceLock<Vec<(u64, u32)>>,
}

/// What an entry says before its deflated data.
pub(crate) struct Entry {
    /// What it is, if it is stored whole.
    pub(crate) kind: Option<ObjectKind>,
    /// What it is a delta against.
    pub(crate) base: Option<Oid>,
    /// Length of what is deflated.
    pub(crate) inflated_bytes: u64,
    /// Where the deflated data starts, and where the next entry does.
    data: std::ops::Range<u64>,
}

impl Pack {
    /// Opens the pack beside an index.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let data = File::open(path.with_extension("pack"))?;
        let data_bytes = data.metadata()?.len();
        let index = fs::read(path)?;
        if index.len() < INDEX_HEADER.len() + FANOUT_BYTES || !index.starts_with(&INDEX_HEADER) {
            return Err(io::Error::other("the index of a pack is not of version 2"));
        }
        let count = u32_at(&index, INDEX_HEADER.len() + FANOUT_BYTES - 4) as usize;
        let rows = count.checked_mul(Oid::BYTES + 8);
        if rows.is_none_or(|rows| index.len() < INDEX_HEADER.len() + FANOUT_BYTES + rows + 40) {
            return Err(io::Error::other("the index of a pack is cut off"));
        }
        Ok(Self { path: path.to_owned(), data, data_bytes, index, count, by_offset: OnceLock::new() })
    }

    /// Returns the path of its index.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of an object.
    pub(crate) fn find(&self, oid: Oid) -> Option<usize> {
        let first = usize::from(oid.as_bytes()[0]);
        let fan = |at: usize| u32_at(&self.index, INDEX_HEADER.len() + 4 * at) as usize;
        let (mut low, mut high) = (if first == 0 { 0 } else { fan(first - 1) }, fan(first).min(self.count));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.oid(middle).cmp(&oid) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Reads what the entry of an object says.
    pub(crate) fn entry(&self, number: usize) -> io::Result<Entry> {
        let offset = self.offset(number);
        let by_offset = self.by_offset.get_or_init(|| {
            let mut sorted: Vec<(u64, u32)> =
                (0..self.count).map(|number| (self.offset(number), number as u32)).collect();
            sorted.sort_unstable();
            sorted
        });
        let place = by_offset.partition_point(|(other, _)| *other <= offset);
        let last = self.data_bytes.saturating_sub(20);
        let end = by_offset.get(place).map_or(last, |(next, _)| last.min(*next));
        let mut header = [0; MAX_ENTRY_HEADER_BYTES];
        let length = end.saturating_sub(offset).min(header.len() as u64) as usize;
        self.data.read_exact_at(&mut header[..length], offset)?;
        let mut rest = &header[..length];
        let bad = || io::Error::other("an entry of a pack is damaged");
        let (form, inflated_bytes) = take_entry_header(&mut rest).ok_or_else(bad)?;
        let base = match form {
            OFS_DELTA => {
                let distance = take_distance(&mut rest).ok_or_else(bad)?;
                let base = offset.checked_sub(distance).ok_or_else(bad)?;
                let place = by_offset.binary_search_by_key(&base, |(other, _)| *other).map_err(|_| bad())?;
                Some(self.oid(by_offset[place].1 as usize))
            }
            REF_DELTA => {
                let (oid, after) = rest.split_at_checked(Oid::BYTES).ok_or_else(bad)?;
                rest = after;
                Oid::from_slice(oid)
            }
            _ => None,
        };
        let kind = ObjectKind::from_pack_type(form);
        if kind.is_none() && base.is_none() {
            return Err(bad());
        }
        let start = offset + (length - rest.len()) as u64;
        Ok(Entry { kind, base, inflated_bytes, data: start..end })
    }

    /// Reads the deflated data of an entry whose kind is known.
    pub(crate) fn packed(&self, entry: &Entry, kind: ObjectKind) -> io::Result<Packed> {
        let length = usize::try_from(entry.data.end - entry.data.start).map_err(io::Error::other)?;
        let mut deflated = vec![0; length];
        self.data.read_exact_at(&mut deflated, entry.data.start)?;
        let deflated = Bytes::from(deflated);
        Ok(Packed { kind, base: entry.base, inflated_bytes: entry.inflated_bytes, deflated })
    }

    fn oid(&self, number: usize) -> Oid {
        let start = INDEX_HEADER.len() + FANOUT_BYTES + number * Oid::BYTES;
        Oid::from_slice(&self.index[start..start + Oid::BYTES]).expect("the slice has the length of an id")
    }

    fn offset(&self, number: usize) -> u64 {
        let table = INDEX_HEADER.len() + FANOUT_BYTES + self.count * (Oid::BYTES + 4);
        let offset = u32_at(&self.index, table + 4 * number);
        if offset >> 31 == 0 {
            return u64::from(offset);
        }
        let large = table + 4 * self.count + 8 * (offset & 0x7fff_ffff) as usize;
        let bytes = self.index.get(large..large + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(u64::MAX, u64::from_be_bytes)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("the slice has four bytes"))
}
