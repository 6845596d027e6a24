//! Settings in the form of git's own files (git-config, “Configuration file”).

/// Reads settings; `take` gets each name, with lower-case section and key and the subsection as it is, and its value,
/// which is `None` for a name without one. What is no setting is passed over.
pub fn parse_config(text: &str, mut take: impl FnMut(String, Option<String>)) {
    let mut section = String::new();
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start();
        if let Some(rest) = line.strip_prefix('[') {
            let Some((name, after)) = take_section(rest) else {
                continue;
            };
            section = name;
            line = after.trim_start();
        }
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        let rest = rest.trim_start();
        let value = rest.strip_prefix('=').map(|value| take_value(value.trim_start(), &mut lines));
        if !key.is_empty() {
            take(format!("{section}.{}", key.to_ascii_lowercase()), value);
        }
    }
}

/// Reads `section]` or `section "subsection"]`; returns the name and what follows.
fn take_section(text: &str) -> Option<(String, &str)> {
    let end = text.find(|c: char| c == ']' || c.is_whitespace())?;
    let (name, rest) = text.split_at(end);
    let mut section = name.to_ascii_lowercase();
    let rest = rest.trim_start();
    let Some(quoted) = rest.strip_prefix('"') else {
        return Some((section, rest.strip_prefix(']')?));
    };
    section.push('.');
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((section, quoted[at + 1..].trim_start().strip_prefix(']')?)),
            '\\' => section.push(characters.next()?.1),
            _ => section.push(c),
        }
    }
    None
}

/// Reads a value with quotes, escapes, comments and continued lines.
fn take_value<'a>(first: &'a str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut value = String::new();
    let mut quoted = false;
    // Blanks at the end count only inside of quotes.
    let mut kept = 0;
    let mut line = first;
    loop {
        let mut continued = false;
        let mut characters = line.chars();
        while let Some(c) = characters.next() {
            match c {
                '"' => quoted = !quoted,
                '#' | ';' if !quoted => break,
                '\\' => match characters.next() {
                    Some('n') => value.push('\n'),
                    Some('t') => value.push('\t'),
                    Some('b') => value.push('\u{8}'),
                    Some(other) => value.push(other),
                    None => continued = true,
                },
                _ => value.push(c),
            }
            if quoted || !c.is_whitespace() {
                kept = value.len();
            }
        }
        if !continued {
            break;
        }
        match lines.next() {
            Some(next) => line = next,
            None => break,
        }
    }
    value.truncate(kept);
    value
}
