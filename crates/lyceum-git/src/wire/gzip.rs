//! Requests that git compresses before it sends them over HTTP.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use flate2::write::GzDecoder;
use tokio::io::{AsyncRead, ReadBuf};

/// Compressed bytes that are taken at once: they inflate to four megabytes at most.
const PIECE_BYTES: usize = 4096;

/// Inflates a gzip stream while it is read. How much may come out of it is limited by whoever reads.
pub struct GzipReader<R> {
    input: R,
    decoder: GzDecoder<Vec<u8>>,
    /// How much of what was inflated is passed on already.
    passed_on: usize,
    ended: bool,
}

impl<R> GzipReader<R> {
    /// Inflates what `input` gives.
    pub fn new(input: R) -> Self {
        Self { input, decoder: GzDecoder::new(Vec::new()), passed_on: 0, ended: false }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for GzipReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let inflated = &this.decoder.get_ref()[this.passed_on..];
            if !inflated.is_empty() {
                let length = inflated.len().min(buffer.remaining());
                buffer.put_slice(&inflated[..length]);
                this.passed_on += length;
                return Poll::Ready(Ok(()));
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            this.decoder.get_mut().clear();
            this.passed_on = 0;
            let mut piece = [0; PIECE_BYTES];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.input).poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                this.ended = true;
                this.decoder.try_finish()?;
            } else {
                this.decoder.write_all(piece.filled())?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::testing::block_on;

    #[test]
    fn inflates_and_refuses_what_is_damaged() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&text).unwrap();
        let compressed = encoder.finish().unwrap();
        let read = |input: &[u8]| {
            let mut output = Vec::new();
            block_on(GzipReader::new(input).read_to_end(&mut output)).map(|_| output)
        };
        assert_eq!(read(&compressed).unwrap(), text);
        assert!(read(&compressed[..compressed.len() - 9]).is_err());
        assert!(read(b"0032want ").is_err());
    }
}
