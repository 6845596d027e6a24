//! Deflated output that is checked with a CRC: the whole of a gzip file, or an entry of a zip.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// A gzip header without name and time (RFC 1952 §2.3): deflate, made on no system in particular.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Least room that is given to the compressor at once.
const ROOM_BYTES: usize = 16 * 1024;

/// A compressor with what it has seen.
pub(super) struct Deflate {
    compress: Compress,
    store: bool,
    crc: Crc,
    /// Bytes that went in.
    bytes: u64,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self { compress: Compress::new(level(false), false), store: false, crc: Crc::new(), bytes: 0 }
    }

    /// Begins a gzip file.
    pub(super) fn gzip(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&GZIP_HEADER);
        Self::new()
    }

    /// Begins anew.
    pub(super) fn reset(&mut self, store: bool, out: &mut Vec<u8>) {
        self.compress.reset();
        self.crc.reset();
        self.bytes = 0;
        self.set_store(store, out);
    }

    /// Chooses whether what follows is wrapped as it is.
    pub(super) fn set_store(&mut self, store: bool, out: &mut Vec<u8>) {
        if self.store == store {
            return;
        }
        // The level can change at the start of a stream only. What comes after a flush is deflated as if it stood alone,
        // and nothing tells a reader that another stream goes on there.
        if self.bytes > 0 {
            self.run(&[], FlushCompress::Sync, out);
            self.compress.reset();
        }
        self.compress.set_level(level(store)).expect("the stream is fresh");
        self.store = store;
    }

    pub(super) fn write(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.crc.update(data);
        self.bytes += data.len() as u64;
        self.run(data, FlushCompress::None, out);
    }

    /// Ends the deflated data; returns its CRC.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> u32 {
        self.run(&[], FlushCompress::Finish, out);
        self.crc.sum()
    }

    /// Ends a gzip file.
    pub(super) fn finish_gzip(&mut self, out: &mut Vec<u8>) {
        let crc = self.finish(out);
        out.extend_from_slice(&crc.to_le_bytes());
        // The length modulo 2^32.
        out.extend_from_slice(&self.bytes.to_le_bytes()[..4]);
    }

    fn run(&mut self, data: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        let start = self.compress.total_in();
        loop {
            let consumed = usize::try_from(self.compress.total_in() - start).expect("no more than there is");
            out.reserve(ROOM_BYTES);
            let status = self
                .compress
                .compress_vec(&data[consumed..], out, flush)
                .expect("a compressor fails only when it is used wrongly");
            let consumed = usize::try_from(self.compress.total_in() - start).expect("no more than there is");
            let room = out.capacity() > out.len();
            match (flush, status) {
                (_, Status::StreamEnd) => return,
                (FlushCompress::Finish, _) => {}
                // Room that is left over says that nothing waits for it.
                _ if consumed == data.len() && room => return,
                _ => {}
            }
        }
    }
}

fn level(store: bool) -> Compression {
    if store { Compression::none() } else { Compression::default() }
}
