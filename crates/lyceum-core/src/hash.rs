//! The three hashes that name content: git object ids, SHA-256 digests and Xet hashes.

use std::fmt;
use std::str::FromStr;

/// A hash whose hexadecimal form is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {digits} hexadecimal digits")]
pub struct ParseHashError {
    digits: usize,
}

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Number of bytes.
            pub const BYTES: usize = $bytes;

            /// Takes the bytes of a stored hash; `None` if the length is wrong.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Returns the raw bytes.
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hash_type! {
    /// The SHA-1 id of a git object.
    Oid, 20
}
hash_type! {
    /// A SHA-256 digest; the oid of a Git LFS object.
    Sha256, 32
}
hash_type! {
    /// The BLAKE3-based hash of a Xet chunk, xorb or file.
    ///
    /// Its text form prints each group of 8 bytes as one little-endian number, as the Xet specification does.
    XetHash, 32
}

impl Oid {
    /// The id that stands for "no object" on the wire.
    pub const ZERO: Self = Self([0; 20]);
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.0.iter())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.0.iter())
    }
}

impl fmt::Display for XetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.0.chunks_exact(8).flat_map(|group| group.iter().rev()))
    }
}

impl FromStr for Oid {
    type Err = ParseHashError;

    fn from_str(hex: &str) -> Result<Self, Self::Err> {
        parse_hex(hex).map(Self)
    }
}

impl FromStr for Sha256 {
    type Err = ParseHashError;

    fn from_str(hex: &str) -> Result<Self, Self::Err> {
        parse_hex(hex).map(Self)
    }
}

impl FromStr for XetHash {
    type Err = ParseHashError;

    fn from_str(hex: &str) -> Result<Self, Self::Err> {
        let mut bytes: [u8; 32] = parse_hex(hex)?;
        bytes.chunks_exact_mut(8).for_each(<[u8]>::reverse);
        Ok(Self(bytes))
    }
}

fn write_hex<'a>(f: &mut fmt::Formatter<'_>, bytes: impl Iterator<Item = &'a u8>) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0_u8; 64];
    let mut length = 0;
    for byte in bytes {
        text[length] = DIGITS[usize::from(byte >> 4)];
        text[length + 1] = DIGITS[usize::from(byte & 15)];
        length += 2;
    }
    f.write_str(std::str::from_utf8(&text[..length]).expect("hexadecimal digits are ASCII"))
}

fn parse_hex<const N: usize>(hex: &str) -> Result<[u8; N], ParseHashError> {
    let error = ParseHashError { digits: 2 * N };
    let hex = hex.as_bytes();
    if hex.len() != 2 * N {
        return Err(error);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            return Err(error);
        };
        *byte = high << 4 | low;
    }
    Ok(bytes)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}
