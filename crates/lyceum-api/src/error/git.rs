//! Failures as git shows them.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use lyceum_core::RepoKind;
use lyceum_hub::{Error, ErrorKind};

use super::REPO_NOT_FOUND;

/// What git asks for a user name and a password on.
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"Lyceum\"");
/// Git shows a body only if it is plain text.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Reports whether an address belongs to the git protocol: `info/refs` and the like, right behind the id of a repo.
pub(super) fn speaks_git(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let kind = RepoKind::ALL
        .iter()
        .map(|kind| kind.url_prefix())
        .find(|prefix| !prefix.is_empty() && path.starts_with(prefix));
    let rest: Vec<&str> = path[kind.map_or(0, str::len)..].split('/').collect();
    matches!(rest[..], [_, _, "info", "refs"] | [_, _, "git-upload-pack" | "git-receive-pack"])
}

/// Gives a failed response the body that git shows, and has it ask for a password where one may help.
pub(super) fn reshape(response: &mut Response, error: &Error) {
    let message = match error.kind() {
        ErrorKind::RepoNotFound => REPO_NOT_FOUND,
        _ => error.message(),
    };
    *response.body_mut() = Body::from(format!("{message}\n"));
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, TEXT);
    if unauthorized {
        headers.insert(WWW_AUTHENTICATE, BASIC);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_addresses_of_git() {
        for (path, expected) in [
            ("/a/b/info/refs", true),
            ("/a/b.git/git-upload-pack", true),
            ("/datasets/a/b/git-receive-pack", true),
            ("/spaces/a/b/info/refs", true),
            ("/kernels/a/b/info/refs", true),
            ("/a/b/resolve/main/git-upload-pack", false),
            ("/a/b/resolve/info/refs", false),
            ("/a/info/refs", false),
            ("/api/models/a/info/refs", false),
            ("/datasets/info/refs", false),
            ("/", false),
        ] {
            assert_eq!(speaks_git(path), expected, "{path}");
        }
    }
}
