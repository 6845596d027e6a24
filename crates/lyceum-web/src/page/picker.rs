//! Choosing the branch or tag that a page shows.

use lyceum_hub::{Reference, Repo};

use crate::error::PageError;
use crate::visit::{RepoHead, Visit};

/// Most branches, and most tags, to choose from; a page lists all.
const MAX_CHOICES: usize = 50;

/// The revision that is shown, and the others.
pub(crate) struct Picker {
    pub(crate) current: String,
    pub(crate) branches: Vec<Choice>,
    pub(crate) tags: Vec<Choice>,
    /// Where all of them are listed.
    pub(crate) all: String,
}

/// A revision to go to.
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) chosen: bool,
}

impl Picker {
    /// Returns a choice of revisions, each leading to what `path` says.
    pub(crate) async fn new(
        visit: &Visit,
        repo: &Repo,
        head: &RepoHead,
        path: impl Fn(&str) -> String,
    ) -> Result<Self, PageError> {
        let references = visit.web.hub.references(repo, false).await?;
        let choices = |references: &[Reference]| -> Vec<Choice> {
            let choice = |reference: &Reference| {
                let name = reference.name.short().to_owned();
                Choice { path: path(&name), chosen: name == head.revision, name }
            };
            references.iter().take(MAX_CHOICES).map(choice).collect()
        };
        Ok(Self {
            current: short(&head.revision),
            branches: choices(&references.branches),
            tags: choices(&references.tags),
            all: head.link.refs(),
        })
    }
}

/// Reports whether a revision is the id of a commit, to which nothing is added any more.
pub(crate) fn commit_id(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns a revision as people tell it: of a commit's id the start.
fn short(revision: &str) -> String {
    if commit_id(revision) { revision[..8].to_owned() } else { revision.to_owned() }
}
