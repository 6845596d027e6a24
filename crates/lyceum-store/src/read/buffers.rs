//! Memory for blocks, used again and again within one stream.
//!
//! A fresh buffer costs more than the read itself: the kernel maps and zeroes its pages, and the language zeroes it
//! again. With one upload or download per client, a handful of buffers serves a whole file.

use bytes::Bytes;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers kept: what a stream has in flight.
const MAX_BUFFERS: usize = 4;
/// Larger buffers are not kept.
const MAX_BUFFER_BYTES: usize = 1024 * 1024;

/// Buffers that were read from and are free again.
#[derive(Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

/// A block whose buffer goes back when the last reference to it is dropped.
struct Lent {
    buffer: Vec<u8>,
    length: usize,
    home: Arc<Buffers>,
}

impl Buffers {
    /// Reads exactly this range.
    pub(super) fn read_at(self: &Arc<Self>, file: &File, range: Range<u64>) -> io::Result<Bytes> {
        let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
        let mut buffer = self.take();
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        read_exact_at(file, &mut buffer[..length], range.start)?;
        Ok(Bytes::from_owner(Lent { buffer, length, home: Arc::clone(self) }))
    }

    /// Reads the range if the kernel has all of it in memory, without waiting for a disk; `None` otherwise.
    ///
    /// Spares what is read most the way to another thread and back, which costs more than the copy.
    #[cfg(target_os = "linux")]
    pub(super) fn read_cached(self: &Arc<Self>, file: &File, range: Range<u64>) -> Option<Bytes> {
        use rustix::io::{ReadWriteFlags, preadv2};
        let length = usize::try_from(range.end - range.start).ok()?;
        let mut buffer = self.take();
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let mut slices = [io::IoSliceMut::new(&mut buffer[..length])];
        let read = preadv2(file, &mut slices, range.start, ReadWriteFlags::NOWAIT);
        let block = Lent { buffer, length, home: Arc::clone(self) };
        // Dropping the block gives its buffer back.
        (read == Ok(length)).then(|| Bytes::from_owner(block))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn read_cached(self: &Arc<Self>, _: &File, _: Range<u64>) -> Option<Bytes> {
        None
    }

    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < MAX_BUFFERS && buffer.len() <= MAX_BUFFER_BYTES {
            buffers.push(buffer);
        }
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.buffer));
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}
