//! One line of a `.gitattributes`.

use super::{Assignment, Rule, State};
use crate::glob::Pattern;
use crate::limits::MAX_ATTRIBUTE_LINE_BYTES;

pub(super) enum Line {
    Rule(Rule),
    Macro(String, Vec<Assignment>),
}

/// Parses a line; `None` for comments, empty lines and lines that git refuses.
pub(super) fn parse(line: &[u8]) -> Option<Line> {
    if line.len() >= MAX_ATTRIBUTE_LINE_BYTES {
        return None;
    }
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    if let Some(definition) = line.strip_prefix(b"[attr]") {
        let mut words = words(definition);
        let name = std::str::from_utf8(words.next()?).ok().filter(|name| valid_name(name))?;
        return Some(Line::Macro(name.to_owned(), assignments(words)?));
    }
    let (pattern, rest) = match unquote(line) {
        Some((pattern, rest)) => (pattern, rest),
        None => {
            let end = line.iter().position(|byte| blank(*byte)).unwrap_or(line.len());
            (line[..end].to_vec(), &line[end..])
        }
    };
    // Git forbids negated patterns here.
    if pattern.starts_with(b"!") {
        return None;
    }
    Some(Line::Rule(Rule { pattern: Pattern::parse(&pattern), assignments: assignments(words(rest))? }))
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| blank(*byte)).filter(|word| !word.is_empty())
}

fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Parses the words behind the pattern; one bad name spoils the line.
fn assignments<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Assignment>> {
    words.map(assignment).collect()
}

fn assignment(word: &[u8]) -> Option<Assignment> {
    let word = String::from_utf8_lossy(word);
    let (name, state) = match word.split_once('=') {
        Some((name, value)) if !name.starts_with(['-', '!']) => (name, State::Value(value.to_owned())),
        Some((name, _)) => {
            (&name[1..], if name.starts_with('-') { State::Unset } else { State::Unspecified })
        }
        None => match word.split_at_checked(1) {
            Some(("-", name)) => (name, State::Unset),
            Some(("!", name)) => (name, State::Unspecified),
            _ => (&*word, State::Set),
        },
    };
    valid_name(name).then(|| Assignment { name: name.to_owned(), state })
}

fn valid_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !name.is_empty() && !name.starts_with(['-']) && !name.starts_with("builtin_") && name.bytes().all(word)
}

/// Reads a pattern in double quotes with C escapes; `None` if there is none, or it does not end.
fn unquote(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = line.strip_prefix(b"\"")?;
    let mut pattern = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((pattern, rest)),
            b'\\' => {
                let (&escaped, after) = rest.split_first()?;
                rest = after;
                pattern.push(match escaped {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'\\' | b'"' => escaped,
                    b'0'..=b'3' => {
                        let (digits, after) = rest.split_at_checked(2)?;
                        rest = after;
                        let octal = |digit: u8| (b'0'..=b'7').contains(&digit).then(|| digit - b'0');
                        (escaped - b'0') << 6 | octal(digits[0])? << 3 | octal(digits[1])?
                    }
                    _ => return None,
                });
            }
            _ => pattern.push(byte),
        }
    }
}
