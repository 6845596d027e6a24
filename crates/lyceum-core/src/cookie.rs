//! Cookies as browsers send them back (RFC 6265).

use crate::limits::MAX_COOKIE_BYTES;

/// Returns the value of a cookie by the text of a `Cookie` header, unless it is empty or too long.
pub fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty() && value.len() <= MAX_COOKIE_BYTES)
        .map(|(_, value)| value)
}
