//! Settings in git's own files (git-config, “Configuration file”); files that others include are not read.

use std::fs;
use std::path::Path;

use crate::Environment;

/// Longest settings file that is read; the rest is ignored.
const MAX_CONFIG_BYTES: usize = 1024 * 1024;

/// What settings files say, in the order in which they were read: the last value of a name counts.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Names with lower-case section and key, and the subsection as it is; `None` for a name without a value.
    values: Vec<(String, Option<String>)>,
}

impl Config {
    /// Reads the settings of the user and those of a repository.
    pub fn read(git_dir: &Path, environment: &Environment) -> Self {
        let mut config = Self::default();
        for file in environment.global_config.iter().cloned().chain([git_dir.join("config")]) {
            if let Ok(mut content) = fs::read(file) {
                content.truncate(MAX_CONFIG_BYTES);
                config.parse(&String::from_utf8_lossy(&content));
            }
        }
        for (name, value) in &environment.settings {
            config.add(name, value);
        }
        config
    }

    /// Returns the last value of a name such as `transfer.hiderefs`; a name without a value is the empty text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values
            .iter()
            .rev()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    /// Returns all values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    /// Returns a switch, if it is set; a name without a value is on.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let (_, value) = self.values.iter().rev().find(|(other, _)| other == name)?;
        let Some(value) = value else {
            return Some(true);
        };
        match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" | "" => Some(false),
            number => number.parse::<i64>().ok().map(|number| number != 0),
        }
    }

    /// Adds one setting by its whole name.
    fn add(&mut self, name: &str, value: &str) {
        if let (Some((section, _)), Some((_, key))) = (name.split_once('.'), name.rsplit_once('.')) {
            let middle = &name[section.len()..name.len() - key.len()];
            let name = format!("{}{middle}{}", section.to_ascii_lowercase(), key.to_ascii_lowercase());
            self.values.push((name, Some(value.to_owned())));
        }
    }

    fn parse(&mut self, text: &str) {
        let mut section = String::new();
        let mut lines = text.lines();
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
                self.values.push((format!("{section}.{}", key.to_ascii_lowercase()), value));
            }
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
