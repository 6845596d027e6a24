//! Checking the metadata of a card.

use lyceum_core::RepoKind;
use lyceum_trust::card;

pub use lyceum_trust::card::{Problem, Severity};

use crate::Hub;

impl Hub {
    /// Checks the front matter of a README; no problem of severity error means valid.
    pub fn validate_card(&self, kind: RepoKind, readme: &str) -> Vec<Problem> {
        match card::parse(readme) {
            Ok(Some(metadata)) => card::validate(kind, &metadata),
            Ok(None) => vec![Problem {
                severity: Severity::Warning,
                message: "empty or missing yaml metadata in repo card".to_owned(),
            }],
            Err(error) => vec![Problem { severity: Severity::Error, message: error.to_string() }],
        }
    }
}
