//! References and commits.

use lyceum_core::RefName;
use lyceum_hub::{CommitInfo, NewBranch, Reference, References};
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ApiResult};
use crate::extract::parse_revision;

/// Answer of `…/refs`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReferencesWire {
    branches: Vec<ReferenceWire>,
    tags: Vec<ReferenceWire>,
    converts: Vec<ReferenceWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_requests: Option<Vec<ReferenceWire>>,
}

impl ReferencesWire {
    /// Writes the references, those of pull requests only when asked for.
    pub(crate) fn new(references: References, pull_requests: bool) -> Self {
        let wire = |list: Vec<Reference>| list.into_iter().map(ReferenceWire::from).collect();
        Self {
            branches: wire(references.branches),
            tags: wire(references.tags),
            converts: wire(references.converts),
            pull_requests: pull_requests.then(|| wire(references.pull_requests)),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReferenceWire {
    name: String,
    r#ref: String,
    target_commit: String,
}

impl From<Reference> for ReferenceWire {
    fn from(reference: Reference) -> Self {
        Self {
            name: short_name(&reference.name),
            r#ref: reference.name.as_str().to_owned(),
            target_commit: reference.commit.to_string(),
        }
    }
}

/// Returns the name that people use: branches, tags and conversions without their class.
fn short_name(name: &RefName) -> String {
    let short = name.short();
    short.strip_prefix("refs/convert/").unwrap_or(short).to_owned()
}

/// One commit of `…/commits/{rev}`.
#[derive(Debug, Serialize)]
pub(crate) struct CommitWire {
    id: String,
    title: String,
    message: String,
    authors: Vec<AuthorWire>,
    date: String,
    parents: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    formatted: Option<FormattedWire>,
}

#[derive(Debug, Serialize)]
struct AuthorWire {
    user: String,
    avatar: &'static str,
}

#[derive(Debug, Serialize)]
struct FormattedWire {
    title: String,
    message: String,
}

impl CommitWire {
    /// Writes a commit; `formatted` adds its texts as HTML.
    pub(crate) fn new(commit: CommitInfo, formatted: bool) -> Self {
        let formatted = formatted
            .then(|| FormattedWire { title: escape(&commit.title), message: escape(&commit.message) });
        Self {
            id: commit.id.to_string(),
            title: commit.title,
            message: commit.message,
            authors: commit.authors.into_iter().map(|user| AuthorWire { user, avatar: "" }).collect(),
            date: commit.date.to_string(),
            parents: commit.parents.iter().map(ToString::to_string).collect(),
            formatted,
        }
    }
}

/// Escapes text for HTML.
pub(super) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// Body of `…/branch/{branch}`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewBranchWire {
    starting_point: Option<String>,
    empty_branch: Option<bool>,
    overwrite: Option<bool>,
}

impl TryFrom<NewBranchWire> for NewBranch {
    type Error = ApiError;

    fn try_from(wire: NewBranchWire) -> ApiResult<Self> {
        Ok(Self {
            start: wire.starting_point.as_deref().map(parse_revision).transpose()?,
            empty: wire.empty_branch.unwrap_or(false),
            overwrite: wire.overwrite.unwrap_or(false),
        })
    }
}

/// Body of `…/tag/{revision}`.
#[derive(Debug, Deserialize)]
pub(crate) struct NewTagWire {
    pub(crate) tag: String,
    pub(crate) message: Option<String>,
}

/// Body of `…/super-squash/{branch}`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SquashWire {
    pub(crate) message: Option<String>,
}

#[cfg(test)]
mod tests;
