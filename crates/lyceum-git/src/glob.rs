//! The patterns of `.gitignore` and `.gitattributes` (gitignore, “Pattern format”).
//!
//! Patterns come from strangers, so matching never backtracks: it follows all possibilities at once, in time bounded by
//! the product of the lengths of pattern and path.

use crate::limits::MAX_GLOB_TOKENS;

/// A pattern, without the `!` that negates one in `.gitignore`.
#[derive(Debug)]
pub(crate) struct Pattern {
    shape: Shape,
    /// The pattern holds a slash, so it is matched with the whole path, not with the last segment.
    anchored: bool,
    /// The pattern ended with a slash, so it matches folders only.
    folder: bool,
}

#[derive(Debug)]
enum Shape {
    Literal(Vec<u8>),
    /// `*` and then a literal; by far the most common.
    Suffix(Vec<u8>),
    Tokens(Vec<Token>),
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`
    One,
    Class(Box<Class>),
    /// `*`: any part of a segment.
    Star,
    /// `**` at the end: anything.
    All,
    /// `**/`, first half: it may match nothing, then the next token is skipped too.
    FoldersOrNothing,
    /// `**/`, second half: anything up to and with a slash.
    Folders,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    negated: bool,
    bytes: [u64; 4],
}

impl Pattern {
    /// Parses a pattern; every text is one, though some match nothing.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let (text, folder) = match text.strip_suffix(b"/") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let anchored = text.contains(&b'/');
        let text = text.strip_prefix(b"/").unwrap_or(text);
        Self { shape: Shape::parse(text, anchored), anchored, folder }
    }

    /// Reports whether the pattern matches this path, which is a folder or not.
    pub(crate) fn matches(&self, path: &str, folder: bool) -> bool {
        if self.folder && !folder {
            return false;
        }
        let path = if self.anchored { path } else { path.rsplit('/').next().unwrap_or(path) };
        self.shape.matches(path.as_bytes())
    }
}

impl Shape {
    fn parse(text: &[u8], anchored: bool) -> Self {
        let Some(tokens) = tokens(text, anchored).filter(|tokens| !tokens.is_empty()) else {
            return Self::Never;
        };
        let literal = |tokens: &[Token]| -> Option<Vec<u8>> {
            tokens
                .iter()
                .map(|token| if let Token::Byte(byte) = token { Some(*byte) } else { None })
                .collect()
        };
        if let Some(text) = literal(&tokens) {
            return Self::Literal(text);
        }
        if tokens[0] == Token::Star
            && let Some(text) = literal(&tokens[1..])
        {
            return Self::Suffix(text);
        }
        if tokens.len() > MAX_GLOB_TOKENS {
            return Self::Never;
        }
        Self::Tokens(tokens)
    }

    fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Literal(text) => path == text,
            Self::Suffix(text) => {
                path.strip_suffix(text.as_slice()).is_some_and(|start| !start.contains(&b'/'))
            }
            Self::Tokens(tokens) => run(tokens, path),
            Self::Never => false,
        }
    }
}

/// Follows every way through the pattern at once; position `n` means that the first `n` tokens are behind us.
fn run(tokens: &[Token], path: &[u8]) -> bool {
    let mut now = Positions::default();
    let mut next = Positions::default();
    reach(tokens, 0, &mut now);
    for byte in path {
        next.clear();
        for at in now.list() {
            let Some(token) = tokens.get(at) else {
                continue;
            };
            let slash = *byte == b'/';
            match token {
                Token::Byte(wanted) if wanted == byte => reach(tokens, at + 1, &mut next),
                Token::One if !slash => reach(tokens, at + 1, &mut next),
                Token::Class(class) if !slash && class.contains(*byte) => reach(tokens, at + 1, &mut next),
                Token::Star if !slash => reach(tokens, at, &mut next),
                Token::All => reach(tokens, at, &mut next),
                Token::Folders => {
                    reach(tokens, at, &mut next);
                    if slash {
                        reach(tokens, at + 1, &mut next);
                    }
                }
                _ => {}
            }
        }
        if next.is_empty() {
            return false;
        }
        std::mem::swap(&mut now, &mut next);
    }
    now.contains(tokens.len())
}

/// Adds a position and those that follow from it without reading anything.
fn reach(tokens: &[Token], at: usize, positions: &mut Positions) {
    if !positions.insert(at) {
        return;
    }
    match tokens.get(at) {
        Some(Token::Star | Token::All) => reach(tokens, at + 1, positions),
        Some(Token::FoldersOrNothing) => {
            reach(tokens, at + 1, positions);
            reach(tokens, at + 2, positions);
        }
        _ => {}
    }
}

/// A set of positions in a pattern, of which there is one more than tokens.
#[derive(Default)]
struct Positions([u64; (MAX_GLOB_TOKENS + 1).div_ceil(64)]);

impl Positions {
    fn insert(&mut self, at: usize) -> bool {
        let (word, bit) = (&mut self.0[at / 64], 1 << (at % 64));
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    fn contains(&self, at: usize) -> bool {
        self.0[at / 64] & 1 << (at % 64) != 0
    }

    fn clear(&mut self) {
        self.0 = Default::default();
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn list(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(index, mut word)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
                word &= word - 1;
                Some(index * 64 + bit)
            })
        })
    }
}

impl Class {
    fn contains(&self, byte: u8) -> bool {
        (self.bytes[usize::from(byte / 64)] & 1 << (byte % 64) != 0) != self.negated
    }

    fn add(&mut self, byte: u8) {
        self.bytes[usize::from(byte / 64)] |= 1 << (byte % 64);
    }
}

/// Splits a pattern into tokens; `None` if it can match nothing, as one with a class that does not end.
fn tokens(mut text: &[u8], anchored: bool) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut segment_start = true;
    // Git compares the part of an anchored pattern before its first wildcard as plain text, and what follows it as a
    // pattern of its own; so in `foo**/a` the stars stand at a start.
    let mut plain = anchored;
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        let at_start = std::mem::replace(&mut segment_start, byte == b'/') || plain;
        plain = plain && !matches!(byte, b'*' | b'?' | b'[' | b'\\');
        match byte {
            b'\\' => {
                let (&escaped, rest) = text.split_first()?;
                text = rest;
                segment_start = escaped == b'/';
                tokens.push(Token::Byte(escaped));
            }
            b'?' => tokens.push(Token::One),
            b'[' => {
                let (class, rest) = class(text)?;
                text = rest;
                tokens.push(Token::Class(Box::new(class)));
            }
            b'*' => {
                let stars = 1 + text.iter().take_while(|byte| **byte == b'*').count();
                text = &text[stars - 1..];
                if stars == 1 || !at_start {
                    tokens.push(Token::Star);
                } else if text.is_empty() {
                    tokens.push(Token::All);
                } else if let Some(rest) = text.strip_prefix(b"/") {
                    text = rest;
                    segment_start = true;
                    tokens.extend([Token::FoldersOrNothing, Token::Folders]);
                } else if text.starts_with(b"\\/") {
                    tokens.push(Token::All);
                } else {
                    tokens.push(Token::Star);
                }
            }
            _ => tokens.push(Token::Byte(byte)),
        }
    }
    Some(tokens)
}

/// Parses a class behind its `[`, as fnmatch(3) and git's wildmatch do.
fn class(mut text: &[u8]) -> Option<(Class, &[u8])> {
    let mut class = Class { negated: false, bytes: [0; 4] };
    if let Some((b'!' | b'^', rest)) = text.split_first() {
        class.negated = true;
        text = rest;
    }
    let mut previous: Option<u8> = None;
    let mut first = true;
    loop {
        let (&byte, rest) = text.split_first()?;
        text = rest;
        match byte {
            b']' if !first => return Some((class, text)),
            b'-' if previous.is_some() && text.first().is_some_and(|next| *next != b']') => {
                let (&last, rest) = text.split_first()?;
                text = rest;
                let last = if last == b'\\' {
                    let (&escaped, rest) = text.split_first()?;
                    text = rest;
                    escaped
                } else {
                    last
                };
                (previous?..=last).for_each(|byte| class.add(byte));
                previous = None;
            }
            b'[' if text.first() == Some(&b':') => {
                let end = text.iter().position(|byte| *byte == b']')?;
                // Without `:]` the bracket is an ordinary member of the class.
                if end >= 2 && text[end - 1] == b':' {
                    let matches = named_class(&text[1..end - 1])?;
                    (0..=u8::MAX).filter(matches).for_each(|byte| class.add(byte));
                    text = &text[end + 1..];
                    previous = None;
                } else {
                    class.add(b'[');
                    previous = Some(b'[');
                }
            }
            b'\\' => {
                let (&escaped, rest) = text.split_first()?;
                text = rest;
                class.add(escaped);
                previous = Some(escaped);
            }
            _ => {
                class.add(byte);
                previous = Some(byte);
            }
        }
        first = false;
    }
}

fn named_class(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
