//! `.gitattributes`, as far as it decides which files are large.

mod defaults;
mod line;

use std::collections::HashMap;

use crate::glob::Pattern;
use crate::limits::{MAX_RULES, MAX_RULES_BYTES};

pub use defaults::DEFAULT_GITATTRIBUTES;

/// The rules of one `.gitattributes`.
#[derive(Debug, Default)]
pub struct Attributes {
    rules: Vec<Rule>,
    macros: HashMap<String, Vec<Assignment>>,
}

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    assignments: Vec<Assignment>,
}

/// One word of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Assignment {
    name: String,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// `name`
    Set,
    /// `-name`
    Unset,
    /// `!name`
    Unspecified,
    /// `name=value`
    Value(String),
}

impl Attributes {
    /// Parses the file; lines that git would refuse are skipped. What lies beyond [`MAX_RULES`] and [`MAX_RULES_BYTES`]
    /// is ignored.
    pub fn parse(data: &[u8]) -> Self {
        let data = &data[..data.len().min(MAX_RULES_BYTES)];
        let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
        let mut attributes = Self::default();
        for line in data.split(|byte| *byte == b'\n').filter_map(line::parse).take(MAX_RULES) {
            match line {
                line::Line::Rule(rule) => attributes.rules.push(rule),
                line::Line::Macro(name, assignments) => {
                    attributes.macros.insert(name, assignments);
                }
            }
        }
        attributes
    }

    /// Parses the file of a folder of the same repo: its rules are about paths from there on, and its macros are those of the
    /// root.
    pub fn nested(&self, data: &[u8]) -> Self {
        Self { rules: Self::parse(data).rules, macros: self.macros.clone() }
    }

    /// Reports whether a file is kept by Git LFS: `Some(true)` for `filter=lfs`, `Some(false)` if the last word on `filter` is
    /// another one, `None` if there is none.
    pub fn lfs(&self, path: &str) -> Option<bool> {
        // Macros already expanded: the first time counts, as everything is looked at from the end.
        let mut decided: Vec<&str> = Vec::new();
        for rule in self.rules.iter().rev() {
            if !rule.pattern.matches(path, false) {
                continue;
            }
            let mut work: Vec<&Assignment> = rule.assignments.iter().collect();
            while let Some(Assignment { name, state }) = work.pop() {
                if name == "filter" {
                    return Some(*state == State::Value("lfs".to_owned()));
                }
                let Some(expansion) = self.macros.get(name).filter(|_| !decided.contains(&name.as_str()))
                else {
                    continue;
                };
                decided.push(name);
                if *state == State::Set {
                    work.extend(expansion);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
