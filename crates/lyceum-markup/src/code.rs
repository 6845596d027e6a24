//! Code with its comments, texts, numbers and words marked by classes.
//!
//! A reader of a page wants to see structure, not a compiler's opinion: one pass over the letters with a few facts about
//! each language is enough, takes time in proportion to the length whatever the text says, and needs no grammars.

mod language;

pub use language::Language;

/// Longest line that is marked; longer ones are data.
const MAX_LINE_BYTES: usize = 4000;

/// What a piece of code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Comment,
    Text,
    Number,
    Word,
    Name,
}

impl Mark {
    fn class(self) -> &'static str {
        match self {
            Self::Comment => "hl-c",
            Self::Text => "hl-s",
            Self::Number => "hl-n",
            Self::Word => "hl-k",
            Self::Name => "hl-f",
        }
    }
}

/// Returns the lines of a text as HTML, without their ends. Marks end with each line.
pub fn lines(code: &str, language: Option<&Language>) -> Vec<String> {
    let mut page = Page { lines: vec![String::new()] };
    match language {
        Some(language) if code.lines().all(|line| line.len() <= MAX_LINE_BYTES) => {
            Reader { language, code, at: 0 }.read(&mut page);
        }
        _ => page.write(None, code),
    }
    if page.lines.last().is_some_and(String::is_empty) {
        page.lines.pop();
    }
    page.lines
}

/// The lines written so far; the last one is being written.
struct Page {
    lines: Vec<String>,
}

impl Page {
    fn write(&mut self, mark: Option<Mark>, text: &str) {
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                self.lines.push(String::new());
            }
            let line = self.lines.last_mut().expect("there is always a line");
            let part = part.strip_suffix('\r').unwrap_or(part);
            if part.is_empty() {
                continue;
            }
            if let Some(mark) = mark {
                line.push_str("<span class=\"");
                line.push_str(mark.class());
                line.push_str("\">");
            }
            escape(part, line);
            if mark.is_some() {
                line.push_str("</span>");
            }
        }
    }
}

struct Reader<'a> {
    language: &'a Language,
    code: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn read(mut self, page: &mut Page) {
        let mut plain = 0;
        while self.at < self.code.len() {
            let start = self.at;
            let Some((mark, end)) = self.next() else {
                continue;
            };
            page.write(None, &self.code[plain..start]);
            page.write(Some(mark), &self.code[start..end]);
            self.at = end;
            plain = end;
        }
        page.write(None, &self.code[plain..]);
    }

    /// Finds what starts here, and where it ends; or goes on by a letter or a word of no interest.
    fn next(&mut self) -> Option<(Mark, usize)> {
        let rest = &self.code[self.at..];
        if let Some(end) = self.comment(rest) {
            return Some((Mark::Comment, end));
        }
        if let Some(end) = self.text(rest) {
            let key = self.language.keys && self.code[end..].trim_start_matches([' ', '\t']).starts_with(':');
            return Some((if key { Mark::Name } else { Mark::Text }, end));
        }
        let first = rest.chars().next()?;
        if first.is_ascii_digit() {
            let length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'))
                .unwrap_or(rest.len());
            return Some((Mark::Number, self.at + length));
        }
        if !is_word(first) {
            self.at += first.len_utf8();
            return None;
        }
        let length = rest.find(|c: char| !is_word(c) && !c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let end = self.at + length;
        if self.language.words.contains(&word) {
            return Some((Mark::Word, end));
        }
        let called = self.language.calls && after.starts_with('(');
        let key = self.language.keys && after.starts_with(':') && self.line_begins_here();
        if called || key {
            return Some((Mark::Name, end));
        }
        self.at = end;
        None
    }

    fn comment(&self, rest: &str) -> Option<usize> {
        for lead in self.language.line_comments {
            // In a shell or in YAML, `a#b` is a word.
            let alone =
                *lead != "#" || self.code[..self.at].chars().next_back().is_none_or(char::is_whitespace);
            if alone && rest.starts_with(lead) {
                return Some(self.at + rest.find('\n').unwrap_or(rest.len()));
            }
        }
        let (open, close) = self.language.block_comment?;
        let inner = rest.strip_prefix(open)?;
        let length = inner.find(close).map_or(rest.len(), |at| open.len() + at + close.len());
        Some(self.at + length)
    }

    fn text(&self, rest: &str) -> Option<usize> {
        let quote = self.language.quotes.iter().find(|quote| rest.starts_with(**quote))?;
        let many_lines = quote.len() > 1 || *quote == "`";
        let mut at = quote.len();
        let bytes = rest.as_bytes();
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 2,
                b'\n' if !many_lines => return Some(self.at + at),
                _ if rest.as_bytes()[at..].starts_with(quote.as_bytes()) => {
                    return Some(self.at + at + quote.len());
                }
                _ => at += 1,
            }
        }
        Some(self.code.len())
    }

    fn line_begins_here(&self) -> bool {
        let before = &self.code[..self.at];
        let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
        line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'-'))
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_'
}

/// Appends text so that it stands for itself.
fn escape(text: &str, written: &mut String) {
    for letter in text.chars() {
        match letter {
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '&' => written.push_str("&amp;"),
            '"' => written.push_str("&quot;"),
            _ => written.push(letter),
        }
    }
}

#[cfg(test)]
mod tests;
