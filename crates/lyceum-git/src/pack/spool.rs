//! Where a pack lies while it is looked at.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::NamedTempFile;

use crate::limits::SPOOL_BUFFER_BYTES;
use crate::segment::unfinished;
use crate::{Error, Result};

/// Packs up to this size never become a file.
const MAX_MEMORY_BYTES: usize = 1024 * 1024;

/// Bytes that are appended, and read at any place: in memory while they are few, else in a temporary file, which is
/// deleted when this is dropped.
#[derive(Debug)]
pub(super) struct Spool {
    dir: PathBuf,
    file: Option<NamedTempFile>,
    written: u64,
    tail: Vec<u8>,
}

impl Spool {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), file: None, written: 0, tail: Vec::new() }
    }

    pub(super) fn append(&mut self, data: &[u8]) -> Result<()> {
        self.tail.extend_from_slice(data);
        let room = if self.file.is_some() { SPOOL_BUFFER_BYTES } else { MAX_MEMORY_BYTES };
        if self.tail.len() > room { self.flush() } else { Ok(()) }
    }

    /// Reads the bytes from `start` to `end`, which were appended before.
    pub(super) fn read(&self, start: u64, end: u64) -> Result<Bytes> {
        let fail = || Error::malformed("pack", "an entry lies outside of it");
        let length = usize::try_from(end.checked_sub(start).ok_or_else(fail)?).map_err(|_| fail())?;
        let mut data = vec![0; length];
        let in_file = self.written.saturating_sub(start).min(length as u64);
        let in_file = usize::try_from(in_file).map_err(|_| fail())?;
        if in_file > 0 {
            let mut file = self.file.as_ref().ok_or_else(fail)?.as_file();
            let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut data[..in_file]));
            read.map_err(Error::spool)?;
        }
        let from = usize::try_from(start.saturating_sub(self.written)).map_err(|_| fail())?;
        let rest = self.tail.get(from..from + (length - in_file)).ok_or_else(fail)?;
        data[in_file..].copy_from_slice(rest);
        Ok(Bytes::from(data))
    }

    fn flush(&mut self) -> Result<()> {
        if self.file.is_none() {
            self.file = Some(unfinished(&self.dir)?);
        }
        let mut file = self.file.as_ref().expect("it was made above").as_file();
        let wrote = file.seek(SeekFrom::Start(self.written)).and_then(|_| file.write_all(&self.tail));
        wrote.map_err(Error::spool)?;
        self.written += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }
}
