//! Byte ranges and the `Range` header.

use crate::Invalid;
use crate::limits::MAX_RANGES;

/// A half-open range of byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl ByteRange {
    /// Returns the range `start..end`; an inverted one is empty.
    pub fn new(start: u64, end: u64) -> Self {
        Self { start, end: end.max(start) }
    }

    /// Returns the number of bytes.
    pub fn len(self) -> u64 {
        self.end - self.start
    }

    /// Reports whether no byte is inside.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// A parsed `Range` header (RFC 9110 §14.1.2), not yet fitted to the size of a representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeHeader(Vec<Spec>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    From(u64),
    Between(u64, u64),
    Suffix(u64),
}

impl RangeHeader {
    /// Parses the header; `Ok(None)` for a unit other than bytes, which a server ignores.
    pub fn parse(header: &str) -> Result<Option<Self>, Invalid> {
        let fail = |rule| Err(Invalid::new("Range header", header, rule));
        let Some((unit, specs)) = header.split_once('=') else {
            return fail("it must have the form `bytes=first-last`");
        };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Ok(None);
        }
        let mut parsed = Vec::new();
        for spec in specs.split(',') {
            if parsed.len() == MAX_RANGES {
                return fail("it asks for too many ranges");
            }
            let Some(spec) = parse_spec(spec.trim()) else {
                return fail("each range must be `first-last`, `first-` or `-length`");
            };
            parsed.push(spec);
        }
        Ok(Some(Self(parsed)))
    }

    /// Fits the ranges to a representation of `size` bytes, in the order asked; empty means 416.
    pub fn resolve(&self, size: u64) -> Vec<ByteRange> {
        let fit = |spec: &Spec| match *spec {
            Spec::From(first) => ByteRange::new(first, size),
            Spec::Between(first, last) => ByteRange::new(first, last.saturating_add(1).min(size)),
            Spec::Suffix(length) => ByteRange::new(size.saturating_sub(length), size),
        };
        self.0.iter().map(fit).filter(|range| !range.is_empty()).collect()
    }
}

fn parse_spec(spec: &str) -> Option<Spec> {
    let (first, last) = spec.split_once('-')?;
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some(Spec::Between(first, last)),
        (Some(first), None) if last.is_empty() => Some(Spec::From(first)),
        (None, Some(length)) if first.is_empty() => Some(Spec::Suffix(length)),
        _ => None,
    }
}

/// Parses digits only: `u64::from_str` alone would take a leading `+`.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
