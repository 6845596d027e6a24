//! Which repo a request is about.

use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;
use lyceum_core::{AccountName, Oid, RepoId, RepoKind};
use lyceum_hub::{Action, Caller, Hub, Repo};

use super::PathParams;
use crate::error::{ApiError, ApiResult};

/// What git and LFS addresses may have after the name.
const GIT_SUFFIX: &str = ".git";

/// Kind and id of the repo in the request's path, and the path itself for redirects.
///
/// The kind is the first word of the path (after `api`), as [`Routes`](crate::routes::Routes) registers it.
#[derive(Debug, Clone)]
pub(crate) struct RepoAddress {
    /// Kind.
    pub(crate) kind: RepoKind,
    /// Id as asked for.
    pub(crate) id: RepoId,
    uri: Uri,
}

impl RepoAddress {
    /// Opens the repo for an action. A repo that was moved since answers with a redirect to the same address under
    /// its new id; another case of the letters does not.
    pub(crate) async fn open(&self, hub: &Hub, caller: &Caller, action: Action) -> ApiResult<Repo> {
        let repo = hub.open(caller, self.kind, &self.id, action).await?;
        self.check_moved(&repo)?;
        Ok(repo)
    }

    /// Opens the repo with the head of its default branch, as [`open`](Self::open) does.
    pub(crate) async fn open_head(
        &self,
        hub: &Hub,
        caller: &Caller,
        action: Action,
    ) -> ApiResult<(Repo, Option<Oid>)> {
        let (repo, head) = hub.open_head(caller, self.kind, &self.id, action).await?;
        self.check_moved(&repo)?;
        Ok((repo, head))
    }

    /// Puts the caller's own namespace in the place of `me`, as the addresses of buckets allow.
    pub(crate) fn resolve_me(mut self, caller: &Caller) -> ApiResult<Self> {
        if self.id.namespace().as_str() == "me" {
            self.id = RepoId::new(caller.signed_in()?.name.clone(), self.id.name())?;
        }
        Ok(self)
    }

    /// Opens the repo to list its files and history. Gates do not bind there, but the files of a protected space
    /// are for its members only.
    pub(crate) async fn open_listing(&self, hub: &Hub, caller: &Caller) -> ApiResult<Repo> {
        let space = self.kind == RepoKind::Space;
        self.open(hub, caller, if space { Action::Read } else { Action::Discover }).await
    }

    /// Answers with the redirect if `repo`, which was opened by this address, has another id now.
    pub(crate) fn check_moved(&self, repo: &Repo) -> ApiResult<()> {
        if repo.id().key() == self.id.key() {
            return Ok(());
        }
        Err(ApiError::Moved { location: self.location(repo.id()) })
    }

    /// Returns this address under another id.
    fn location(&self, id: &RepoId) -> String {
        let first = if self.uri.path().starts_with("/api/") {
            3
        } else if self.kind == RepoKind::Model {
            1
        } else {
            2
        };
        let mut location = String::new();
        for (index, segment) in self.uri.path().split('/').enumerate().skip(1) {
            location.push('/');
            if index == first {
                location.push_str(id.namespace().as_str());
            } else if index == first + 1 {
                location.push_str(id.name());
                if segment.ends_with(GIT_SUFFIX) {
                    location.push_str(GIT_SUFFIX);
                }
            } else {
                location.push_str(segment);
            }
        }
        if let Some(query) = self.uri.query() {
            location.push('?');
            location.push_str(query);
        }
        location
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RepoAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = PathParams::from_request_parts(parts, state).await?;
        let name = params.get("name")?;
        let api = parts.uri.path().starts_with("/api/");
        let name = if api { name } else { name.strip_suffix(GIT_SUFFIX).unwrap_or(name) };
        // An id that breaks the rules cannot exist, so it is answered as one that does not.
        let id = AccountName::parse(params.get("namespace")?)
            .and_then(|namespace| RepoId::new(namespace, name))
            .map_err(|_| ApiError::repo_not_found())?;
        Ok(Self { kind: kind_of(parts.uri.path()), id, uri: parts.uri.clone() })
    }
}

/// Reads the kind from a path.
pub(crate) fn kind_of(path: &str) -> RepoKind {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_prefix("api/").unwrap_or(path);
    let word = path.split('/').next().unwrap_or_default();
    let mut kinds = RepoKind::ALL.into_iter().chain([RepoKind::Bucket]);
    kinds.find(|kind| kind.plural() == word).unwrap_or(RepoKind::Model)
}

#[cfg(test)]
mod tests;
