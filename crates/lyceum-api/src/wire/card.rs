//! `validate-yaml`.

use lyceum_core::RepoKind;
use lyceum_hub::Problem;
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
        Self {
            error: problems.first().map(|problem| problem.message.clone()),
            errors: problems.into_iter().map(|problem| ProblemWire { message: problem.message }).collect(),
            warnings: Vec::new(),
        }
    }
}

/// Writes the problems for people, one line each.
pub(crate) fn plain(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("- Error: {}", problem.message)).collect::<Vec<_>>().join("\n")
}
