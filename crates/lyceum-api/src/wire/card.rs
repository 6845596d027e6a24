//! `validate-yaml`.

use lyceum_core::RepoKind;
use lyceum_hub::{Problem, Severity};
use serde::{Deserialize, Serialize};

use super::repos::kind;
use crate::error::ApiResult;

/// Body of `/api/validate-yaml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardWire {
    pub(crate) content: String,
    #[serde(default)]
    repo_type: Option<String>,
}

impl CardWire {
    /// Returns the kind of repo that the card is for.
    pub(crate) fn kind(&self) -> ApiResult<RepoKind> {
        kind(self.repo_type.as_deref())
    }
}

/// What is wrong with a card.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemsWire {
    errors: Vec<ProblemWire>,
    warnings: Vec<ProblemWire>,
    /// The first error, for clients that know no card errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct ProblemWire {
    message: String,
}

impl From<Vec<Problem>> for ProblemsWire {
    fn from(problems: Vec<Problem>) -> Self {
        let wire = |severity: Severity| -> Vec<ProblemWire> {
            let of_severity = problems.iter().filter(|problem| problem.severity == severity);
            of_severity.map(|problem| ProblemWire { message: problem.message.clone() }).collect()
        };
        let (errors, warnings) = (wire(Severity::Error), wire(Severity::Warning));
        Self { error: errors.first().map(|problem| problem.message.clone()), errors, warnings }
    }
}

/// Reports whether a card with these problems is refused.
pub(crate) fn refused(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}

/// Writes the problems for people, one line each.
pub(crate) fn plain(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let severity = match problem.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
        };
        format!("- {severity}: {}", problem.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
