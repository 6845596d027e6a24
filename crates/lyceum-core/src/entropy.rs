//! Randomness, injected so that tests decide it.

use std::fmt;
use std::sync::Arc;

/// A source of unpredictable bytes; cheap to clone.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// Returns the operating system's generator.
    pub fn system() -> Self {
        Self(Arc::new(|bytes| getrandom::fill(bytes).expect("the operating system has randomness")))
    }

    /// Returns a source that fills buffers with `fill`, for tests.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// Returns `N` bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// Returns `length` letters and digits, about 5.9 bits each.
    pub fn alphanumeric(&self, length: usize) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut text = String::with_capacity(length);
        while text.len() < length {
            // 248 is the largest multiple of 62 in a byte: what lies above would favour the first letters.
            for byte in self.bytes::<64>().into_iter().filter(|byte| *byte < 248).take(length - text.len()) {
                text.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
        text
    }

    /// Returns 128 random bits as 32 hexadecimal digits.
    pub fn id(&self) -> String {
        format!("{:032x}", u128::from_le_bytes(self.bytes()))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
