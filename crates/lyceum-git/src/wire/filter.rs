//! Which objects a partial clone leaves out (git rev-list, `--filter`).

use crate::{Error, ObjectKind, Result};

/// Most filters in one, and in each other.
const MAX_COMBINED: usize = 16;
/// Longest filter.
const MAX_FILTER_BYTES: usize = 1024;

/// A filter: what it does not name is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// No blobs.
    BlobNone,
    /// Only blobs that are smaller.
    BlobLimit(u64),
    /// Only what is less deep below a root, which has depth zero.
    TreeDepth(u64),
    /// Only objects of this kind.
    Kind(ObjectKind),
    /// Only what all of them let through.
    All(Vec<Self>),
}

impl Filter {
    /// Parses a filter; what is wrong with it is told in git's words.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_FILTER_BYTES {
            return Err(Error::protocol(format!("a filter-spec has more than {MAX_FILTER_BYTES} bytes")));
        }
        Self::parse_part(text)
    }

    fn parse_part(text: &str) -> Result<Self> {
        if text == "blob:none" {
            return Ok(Self::BlobNone);
        }
        if let Some(limit) = text.strip_prefix("blob:limit=") {
            return parse_size(limit).map(Self::BlobLimit).ok_or_else(|| invalid(text));
        }
        if let Some(depth) = text.strip_prefix("tree:") {
            let depth = parse_size(depth).ok_or_else(|| Error::protocol("expected 'tree:<depth>'"))?;
            return Ok(Self::TreeDepth(depth));
        }
        if let Some(kind) = text.strip_prefix("object:type=") {
            return ObjectKind::parse(kind).map(Self::Kind).ok_or_else(|| {
                Error::protocol(format!("'{kind}' for 'object:type=<type>' is not a valid object type"))
            });
        }
        if text.starts_with("sparse:path=") {
            return Err(Error::protocol("sparse:path filters support has been dropped"));
        }
        if text.starts_with("sparse:oid=") {
            return Err(Error::protocol("filter 'sparse:oid' not supported"));
        }
        if let Some(parts) = text.strip_prefix("combine:") {
            return Self::parse_combined(parts);
        }
        Err(invalid(text))
    }

    fn parse_combined(parts: &str) -> Result<Self> {
        if parts.is_empty() {
            return Err(Error::protocol("expected something after combine:"));
        }
        let mut filters = Vec::new();
        for part in parts.split('+').filter(|part| !part.is_empty()) {
            if let Some(reserved) =
                part.chars().find(|c| "~`!@#$^&*()[]{}\\;'\",<>?".contains(*c) || *c <= ' ')
            {
                return Err(Error::protocol(format!("must escape char in sub-filter-spec: '{reserved}'")));
            }
            if filters.len() == MAX_COMBINED || part.starts_with("combine:") {
                return Err(Error::protocol("too many filter-specs are combined"));
            }
            let part = unescape(part).ok_or_else(|| invalid(part))?;
            filters.push(Self::parse_part(&part)?);
        }
        Ok(Self::All(filters))
    }

    /// Reports whether an object is sent; `size` is known if [`needs_size`](Self::needs_size) says so.
    pub(crate) fn shows(&self, kind: ObjectKind, depth: u64, size: u64) -> bool {
        match self {
            Self::BlobNone => kind != ObjectKind::Blob,
            Self::BlobLimit(limit) => kind != ObjectKind::Blob || size < *limit,
            Self::TreeDepth(limit) => !matches!(kind, ObjectKind::Tree | ObjectKind::Blob) || depth < *limit,
            Self::Kind(only) => kind == *only,
            Self::All(filters) => filters.iter().all(|filter| filter.shows(kind, depth, size)),
        }
    }

    /// Reports whether something in a tree at that depth may be sent.
    pub(crate) fn descends(&self, depth: u64) -> bool {
        match self {
            Self::BlobNone | Self::BlobLimit(_) => true,
            Self::TreeDepth(limit) => depth.saturating_add(1) < *limit,
            Self::Kind(only) => matches!(only, ObjectKind::Tree | ObjectKind::Blob),
            Self::All(filters) => filters.iter().all(|filter| filter.descends(depth)),
        }
    }

    /// Reports whether the size of blobs decides.
    pub(crate) fn needs_size(&self) -> bool {
        match self {
            Self::BlobLimit(_) => true,
            Self::All(filters) => filters.iter().any(Self::needs_size),
            _ => false,
        }
    }
}

fn invalid(text: &str) -> Error {
    Error::protocol(format!("invalid filter-spec '{text}'"))
}

/// Parses a number with `k`, `m` or `g` behind it.
fn parse_size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 1 << 10),
        (at, 'm' | 'M') => (&text[..at], 1 << 20),
        (at, 'g' | 'G') => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(unit)).flatten()
}

/// Resolves `%20` and the like.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            let digit = |digit: u8| char::from(digit).to_digit(16);
            bytes.push(u8::try_from(digit(digits[0])? << 4 | digit(digits[1])?).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_git_sends() {
        for (text, expected) in [
            ("blob:none", Filter::BlobNone),
            ("blob:limit=0", Filter::BlobLimit(0)),
            ("blob:limit=2k", Filter::BlobLimit(2048)),
            ("tree:3", Filter::TreeDepth(3)),
            ("object:type=tag", Filter::Kind(ObjectKind::Tag)),
            ("combine:blob:none+tree:3", Filter::All(vec![Filter::BlobNone, Filter::TreeDepth(3)])),
            ("combine:blob%3anone", Filter::All(vec![Filter::BlobNone])),
        ] {
            assert_eq!(Filter::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_in_gits_words() {
        for (text, expected) in [
            ("blob:limit=x", "invalid filter-spec 'blob:limit=x'"),
            ("blob:limit=", "invalid filter-spec 'blob:limit='"),
            ("blob:limit=99999999999g", "invalid filter-spec 'blob:limit=99999999999g'"),
            ("tree:", "expected 'tree:<depth>'"),
            ("object:type=x", "'x' for 'object:type=<type>' is not a valid object type"),
            ("sparse:path=x", "sparse:path filters support has been dropped"),
            ("sparse:oid=x", "filter 'sparse:oid' not supported"),
            ("combine:", "expected something after combine:"),
            ("combine:a b", "must escape char in sub-filter-spec: ' '"),
            ("combine:tree:1+combine:tree:2", "too many filter-specs are combined"),
            ("nothing", "invalid filter-spec 'nothing'"),
        ] {
            assert_eq!(Filter::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
        assert!(Filter::parse(&format!("combine:{}", "tree:1+".repeat(200))).is_err());
    }
}
