//! Model, dataset and space cards: the YAML at the top of a README.

mod licenses;
mod tags;
mod tasks;
mod validate;
mod yaml;

use serde_json::{Map, Value};

pub use licenses::LICENSES;
pub use tags::{arxiv, tags};
pub use tasks::TASKS;
pub use validate::{Problem, Severity, validate};

use lyceum_core::limits::MAX_CARD_BYTES;

/// A card's metadata: its YAML as a JSON object.
pub type Metadata = Map<String, Value>;

/// YAML that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line})")]
pub struct CardError {
    /// What is wrong.
    pub message: String,
    /// The line of the README, counted from 1.
    pub line: usize,
}

/// Splits a README into its YAML and what follows; `None` if it does not start with `---` or that block does not end.
pub fn split(readme: &str) -> Option<(&str, &str)> {
    let text = readme.trim_start_matches('\u{feff}').trim_start();
    let after = text.strip_prefix("---")?;
    let after = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r']))?;
    let mut start = 0;
    loop {
        let rest = &after[start..];
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let line = &rest[..length];
        let behind = &rest[length..];
        let behind =
            behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix(['\n', '\r'])).unwrap_or(behind);
        if line.trim_end_matches([' ', '\t']) == "---" {
            return Some((&after[..start], behind));
        }
        if behind.is_empty() {
            return None;
        }
        start = after.len() - behind.len();
    }
}

/// Parses the metadata of a README; `None` if it has none.
pub fn parse(readme: &str) -> Result<Option<Metadata>, CardError> {
    let Some((yaml, _)) = split(readme) else {
        return Ok(None);
    };
    let offset = yaml.as_ptr().addr() - readme.as_ptr().addr();
    let lines_before = readme[..offset].lines().count();
    if yaml.len() > MAX_CARD_BYTES {
        let message = format!("the metadata is longer than {MAX_CARD_BYTES} bytes");
        return Err(CardError { message, line: lines_before });
    }
    match yaml::parse(yaml) {
        Ok(Value::Object(metadata)) => Ok(Some(metadata)),
        Ok(Value::Null) => Ok(Some(Metadata::new())),
        Ok(_) => {
            Err(CardError { message: "the metadata must be a mapping".to_owned(), line: lines_before + 1 })
        }
        Err(error) => Err(CardError { message: error.message, line: lines_before + error.line }),
    }
}

#[cfg(test)]
mod tests;
