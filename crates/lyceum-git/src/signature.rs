//! Who did something, and when.

use crate::{Error, Result};

/// A name, an address and a moment, as commits and tags carry them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The person's name.
    pub name: String,
    /// The e-mail address, without angle brackets.
    pub email: String,
    /// Seconds since the epoch.
    pub seconds: i64,
    /// The person's distance from UTC in minutes, positive to the east.
    pub offset_minutes: i32,
}

impl Signature {
    /// Parses `Name <address> seconds ±hhmm`; what is missing after the address reads as the epoch in UTC, as git does.
    pub(crate) fn parse(line: &str) -> Result<Self> {
        let Some((name, rest)) = line.split_once('<') else {
            return Err(Error::malformed("signature", "it has no `<`"));
        };
        let Some((email, when)) = rest.rsplit_once('>') else {
            return Err(Error::malformed("signature", "it has no `>`"));
        };
        let mut when = when.split_ascii_whitespace();
        Ok(Self {
            name: name.trim_end().to_owned(),
            email: email.to_owned(),
            seconds: when.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0),
            offset_minutes: when.next().and_then(parse_offset).unwrap_or(0),
        })
    }

    /// Returns the line; characters that would break it are left out, as git does.
    pub(crate) fn encode(&self) -> String {
        let (sign, minutes) =
            if self.offset_minutes < 0 { ('-', -self.offset_minutes) } else { ('+', self.offset_minutes) };
        format!(
            "{} <{}> {} {sign}{:02}{:02}",
            clean(&self.name),
            clean(&self.email),
            self.seconds.max(0),
            minutes / 60 % 100,
            minutes % 60
        )
    }
}

fn clean(text: &str) -> String {
    let text: String = text.chars().filter(|c| !matches!(c, '<' | '>' | '\n' | '\0')).collect();
    // The characters that git trims from both ends of a name.
    let crud = |c: char| c <= ' ' || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'');
    text.trim_matches(crud).to_owned()
}

fn parse_offset(offset: &str) -> Option<i32> {
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    Some(sign * (number / 100 * 60 + number % 100))
}
