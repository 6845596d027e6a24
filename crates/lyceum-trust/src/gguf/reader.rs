//! Reads the little-endian pieces of a GGUF header from a prefix of the file.

use crate::Malformed;
use crate::limits::{
    MAX_DIMENSIONS, MAX_GGUF_DEPTH, MAX_GGUF_HEADER_BYTES, MAX_GGUF_SHOWN_ELEMENTS, MAX_GGUF_TEXT_BYTES,
    MAX_SHOWN_CHARS,
};

/// Why reading ended early.
pub(super) enum Stop {
    Malformed(Malformed),
    /// The prefix is too short; it must have at least this many bytes.
    NeedMore(usize),
}

impl Stop {
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::Malformed(Malformed::new(message))
    }
}

pub(super) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

/// A value, as far as it matters.
pub(super) enum Value<'a> {
    Number(u64),
    Text(&'a [u8]),
    Array(Array<'a>),
    Other,
}

/// An array whose elements were passed over.
pub(super) struct Array<'a> {
    kind: u32,
    length: u64,
    data: &'a [u8],
}

/// What a tensor's description says.
pub(super) struct Shape {
    pub(super) dimensions: Vec<u64>,
    /// How its numbers are stored.
    pub(super) kind: u32,
}

impl Shape {
    /// Returns how many numbers the tensor has; `None` if they cannot be counted in 64 bits.
    pub(super) fn parameters(&self) -> Option<u64> {
        self.dimensions.iter().try_fold(1_u64, |count, dimension| count.checked_mul(*dimension))
    }
}

const KIND_BOOL: u32 = 7;
const KIND_TEXT: u32 = 8;
const KIND_ARRAY: u32 = 9;

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(super) fn bytes(&mut self, length: u64) -> Result<&'a [u8], Stop> {
        if length > MAX_GGUF_HEADER_BYTES as u64 {
            return Err(Stop::malformed("a part of the GGUF header is longer than 128 MiB"));
        }
        let end = self.at + usize::try_from(length).expect("it was compared to a usize");
        let bytes = self.data.get(self.at..end).ok_or(Stop::NeedMore(end))?;
        self.at = end;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        let bytes = self.bytes(4)?;
        Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes were read")))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Stop> {
        let bytes = self.bytes(8)?;
        Ok(u64::from_le_bytes(bytes.try_into().expect("eight bytes were read")))
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8], Stop> {
        let length = self.u64()?;
        self.bytes(length)
    }

    pub(super) fn value(&mut self, kind: u32) -> Result<Value<'a>, Stop> {
        match kind {
            KIND_TEXT => Ok(Value::Text(self.text()?)),
            KIND_ARRAY => {
                let kind = self.u32()?;
                let length = self.u64()?;
                let from = self.at;
                self.skip(kind, length, 1)?;
                Ok(Value::Array(Array { kind, length, data: &self.data[from..self.at] }))
            }
            KIND_BOOL => self.bytes(1).map(|_| Value::Other),
            _ => {
                let bytes = self.bytes(width(kind)?)?;
                Ok(number(kind, bytes).map_or(Value::Other, Value::Number))
            }
        }
    }

    /// Reads a tensor's description behind its name.
    pub(super) fn tensor(&mut self) -> Result<Shape, Stop> {
        let dimensions = self.u32()?;
        if dimensions as usize > MAX_DIMENSIONS {
            return Err(Stop::malformed("a GGUF tensor has too many dimensions"));
        }
        let dimensions = (0..dimensions).map(|_| self.u64()).collect::<Result<_, _>>()?;
        let kind = self.u32()?;
        self.u64()?;
        Ok(Shape { dimensions, kind })
    }

    /// Reads a value as people see it: a long one only at its start.
    pub(super) fn shown(&mut self, kind: u32, depth: usize) -> Result<String, Stop> {
        match kind {
            KIND_TEXT => Ok(shorten(self.text()?)),
            KIND_ARRAY if depth > MAX_GGUF_DEPTH => Err(Stop::malformed("GGUF arrays are nested too deeply")),
            KIND_ARRAY => {
                let kind = self.u32()?;
                let length = self.u64()?;
                let first = length.min(MAX_GGUF_SHOWN_ELEMENTS);
                let shown = (0..first)
                    .map(|_| self.shown(kind, depth + 1))
                    .collect::<Result<Vec<_>, _>>()?
                    .join(", ");
                self.skip(kind, length - first, depth)?;
                let more = if length > first { format!(", … {length} in all") } else { String::new() };
                Ok(format!("[{shown}{more}]"))
            }
            KIND_BOOL => Ok(if self.bytes(1)? == [0] { "false" } else { "true" }.to_owned()),
            _ => {
                let bytes = self.bytes(width(kind)?)?;
                Ok(plain(kind, bytes))
            }
        }
    }

    /// Passes over the elements of an array.
    fn skip(&mut self, kind: u32, length: u64, depth: usize) -> Result<(), Stop> {
        if depth > MAX_GGUF_DEPTH {
            return Err(Stop::malformed("GGUF arrays are nested too deeply"));
        }
        match kind {
            // Each element has at least a length of 8 bytes, so the loops end with the data.
            KIND_TEXT => {
                for _ in 0..length {
                    self.text()?;
                }
            }
            KIND_ARRAY => {
                for _ in 0..length {
                    let kind = self.u32()?;
                    let length = self.u64()?;
                    self.skip(kind, length, depth + 1)?;
                }
            }
            _ => {
                self.bytes(width(kind)?.saturating_mul(length))?;
            }
        }
        Ok(())
    }
}

impl<'a> Value<'a> {
    pub(super) fn into_number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) if text.len() <= MAX_GGUF_TEXT_BYTES => {
                Some(String::from_utf8_lossy(text).into_owned())
            }
            _ => None,
        }
    }

    pub(super) fn into_array(self) -> Option<Array<'a>> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }
}

impl Array<'_> {
    /// Returns the element at `index` of an array of texts.
    pub(super) fn text(&self, index: u64) -> Option<String> {
        if self.kind != KIND_TEXT || index >= self.length {
            return None;
        }
        let mut reader = Reader::new(self.data);
        for _ in 0..index {
            reader.text().ok()?;
        }
        Value::Text(reader.text().ok()?).into_text()
    }
}

fn width(kind: u32) -> Result<u64, Stop> {
    match kind {
        0 | 1 | KIND_BOOL => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        _ => Err(Stop::malformed(format!("unknown GGUF value type {kind}"))),
    }
}

/// Returns the start of a text that somebody wrote.
pub(super) fn shorten(text: &[u8]) -> String {
    // A letter has at most four bytes.
    let start = &text[..text.len().min(MAX_SHOWN_CHARS * 4)];
    let start = String::from_utf8_lossy(start);
    let mut shown: String = start.chars().take(MAX_SHOWN_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Returns a number as people write it.
fn plain(kind: u32, bytes: &[u8]) -> String {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    let unsigned = u64::from_le_bytes(wide);
    let unused = 64 - 8 * bytes.len() as u32;
    match kind {
        1 | 3 | 5 | 11 => ((unsigned << unused).cast_signed() >> unused).to_string(),
        6 => f32::from_bits(unsigned as u32).to_string(),
        12 => f64::from_bits(unsigned).to_string(),
        _ => unsigned.to_string(),
    }
}

/// Returns a whole number that is not negative.
fn number(kind: u32, bytes: &[u8]) -> Option<u64> {
    let (signed, float) = (matches!(kind, 1 | 3 | 5 | 11), matches!(kind, 6 | 12));
    let negative = signed && bytes.last().is_some_and(|byte| *byte >= 0x80);
    if float || negative {
        return None;
    }
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Some(u64::from_le_bytes(wide))
}
