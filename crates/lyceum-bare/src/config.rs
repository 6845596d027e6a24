//! Settings in git's own files; files that others include are not read.

use std::fs;
use std::path::Path;

use lyceum_git::parse_config;

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
                let text = String::from_utf8_lossy(&content);
                parse_config(&text, |name, value| config.values.push((name, value)));
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

    /// Returns a number of bytes, which may be in units of 1024 (`k`), 1024² (`m`) or 1024³ (`g`).
    pub fn size(&self, name: &str) -> Option<u64> {
        let value = self.get(name)?.to_ascii_lowercase();
        let unit = match value.chars().next_back()? {
            'k' => 10,
            'm' => 20,
            'g' => 30,
            _ => 0,
        };
        let number: u64 = value[..value.len() - usize::from(unit > 0)].parse().ok()?;
        number.checked_mul(1 << unit)
    }

    /// Adds one setting by its whole name.
    fn add(&mut self, name: &str, value: &str) {
        if let (Some((section, _)), Some((_, key))) = (name.split_once('.'), name.rsplit_once('.')) {
            let middle = &name[section.len()..name.len() - key.len()];
            let name = format!("{}{middle}{}", section.to_ascii_lowercase(), key.to_ascii_lowercase());
            self.values.push((name, Some(value.to_owned())));
        }
    }
}
