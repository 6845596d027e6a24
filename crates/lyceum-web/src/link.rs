//! Addresses of pages: reading them from requests, and writing them into pages.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use lyceum_core::{RepoId, RepoKind, RepoPath, Revision};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::PageError;

/// Letters of a path segment that need no escape.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A repo as an address names it.
#[derive(Debug, Clone)]
pub(crate) struct RepoLink {
    /// What it holds.
    pub(crate) kind: RepoKind,
    /// Its id.
    pub(crate) id: RepoId,
}

/// A repo with what the rest of the address says.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// The repo.
    pub(crate) repo: RepoLink,
    /// The revision, if the address has one.
    pub(crate) revision: Option<Revision>,
    /// The path, if the address has one.
    pub(crate) path: Option<RepoPath>,
    /// The number of a discussion, if the address has one.
    pub(crate) number: Option<i64>,
    /// What follows the repo in the address, with its slash, for redirects.
    rest: String,
}

impl RepoLink {
    /// Returns the path of the repo's page.
    pub(crate) fn path(&self) -> String {
        format!("/{}{}", self.kind.url_prefix(), self.id)
    }

    /// Returns the path of a folder's page; the empty path is the root.
    pub(crate) fn tree(&self, revision: &str, path: &str) -> String {
        self.below("tree", revision, path)
    }

    /// Returns the path of a file's page.
    pub(crate) fn blob(&self, revision: &str, path: &str) -> String {
        self.below("blob", revision, path)
    }

    /// Returns the path from which anybody who may see the file without signing in downloads it.
    pub(crate) fn resolve(&self, revision: &str, path: &str) -> String {
        self.below("resolve", revision, path)
    }

    /// Returns the path from which a browser session downloads a file.
    pub(crate) fn download(&self, revision: &str, path: &str) -> String {
        self.below("download", revision, path)
    }

    /// Returns the path of a revision's history.
    pub(crate) fn commits(&self, revision: &str) -> String {
        self.below("commits", revision, "")
    }

    /// Returns the path of a commit's page.
    pub(crate) fn commit(&self, oid: &str) -> String {
        self.below("commit", oid, "")
    }

    /// Returns the path of the list of branches and tags.
    pub(crate) fn refs(&self) -> String {
        format!("{}/refs", self.path())
    }

    /// Returns the path of the page that compares revisions.
    pub(crate) fn compare(&self) -> String {
        format!("{}/compare", self.path())
    }

    /// Returns the path of a page of a bucket, which has no revisions; the empty path is the root.
    pub(crate) fn in_bucket(&self, page: &str, path: &str) -> String {
        with_path(format!("{}/{page}", self.path()), path)
    }

    /// Returns the path of a page about a path at a revision; the empty path is the root.
    pub(crate) fn below(&self, page: &str, revision: &str, path: &str) -> String {
        with_path(format!("{}/{page}/{}", self.path(), utf8_percent_encode(revision, SEGMENT)), path)
    }
}

/// Returns the path of the list of what has a tag.
pub(crate) fn filtered(kind: RepoKind, tag: &str) -> String {
    format!("/{}?tag={}", kind.plural(), utf8_percent_encode(tag, NON_ALPHANUMERIC))
}

/// Returns an address that somebody wrote, if a page may lead there: it is one of the web, and hides nothing.
pub(crate) fn outward(address: &str) -> Option<String> {
    let web = address.starts_with("https://") || address.starts_with("http://");
    (web && address.len() <= 2000 && address.bytes().all(|byte| byte.is_ascii_graphic()))
        .then(|| address.to_owned())
}

/// Appends a path, each segment encoded.
fn with_path(mut link: String, path: &str) -> String {
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        link.push('/');
        link.extend(utf8_percent_encode(segment, SEGMENT));
    }
    link
}

impl Address {
    /// Returns the revision, or the default one.
    pub(crate) fn revision(&self) -> Revision {
        self.revision.clone().unwrap_or_else(Revision::main)
    }

    /// Returns the same address under the repo's current id, if it has another one now.
    pub(crate) fn moved(&self, repo: &lyceum_hub::Repo) -> Option<String> {
        let current = RepoLink { kind: repo.kind(), id: repo.id().clone() };
        (current.id.key() != self.repo.id.key()).then(|| format!("{}{}", current.path(), self.rest))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let params =
            RawPathParams::from_request_parts(parts, state).await.map_err(|_| PageError::not_found())?;
        let find = |name: &str| params.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let kind = kind_of(parts.uri.path());
        let id = format!("{}/{}", find("namespace").unwrap_or_default(), find("name").unwrap_or_default());
        let repo = RepoLink { kind, id: RepoId::parse(&id)? };
        let slashes = if kind == RepoKind::Model { 3 } else { 4 };
        let path = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        let rest = path.match_indices('/').nth(slashes - 1).map_or("", |(start, _)| &path[start..]);
        Ok(Self {
            repo,
            revision: find("revision").map(Revision::parse).transpose()?,
            path: find("path").map(RepoPath::parse).transpose()?,
            number: find("number").map(str::parse).transpose().map_err(|_| PageError::not_found())?,
            rest: rest.to_owned(),
        })
    }
}

/// Returns the kind that a path's first segment names.
pub(crate) fn kind_of(path: &str) -> RepoKind {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let mut kinds = RepoKind::ALL.into_iter().chain([RepoKind::Bucket]);
    kinds.find(|kind| kind.plural() == first).unwrap_or(RepoKind::Model)
}
