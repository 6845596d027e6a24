//! Addresses inside answers, always absolute and as the client sees the hub.

use http::header::LINK;
use http::{HeaderName, HeaderValue, Uri};
use lyceum_core::{Oid, RepoId, RepoKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::extract::{BaseUrl, Params};

/// What must be encoded inside one path segment: everything but unreserved characters.
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns a repo's address: `{base}/a/b`, `{base}/datasets/a/b`.
pub(crate) fn repo(base: &BaseUrl, kind: RepoKind, id: &RepoId) -> String {
    format!("{base}/{}{id}", kind.url_prefix())
}

/// Returns a commit's address.
pub(crate) fn commit(base: &BaseUrl, kind: RepoKind, id: &RepoId, commit: Oid) -> String {
    format!("{}/commit/{commit}", repo(base, kind, id))
}

/// Returns the address of a discussion or pull request.
pub(crate) fn discussion(base: &BaseUrl, kind: RepoKind, id: &RepoId, number: i64) -> String {
    format!("{}/discussions/{number}", repo(base, kind, id))
}

/// Encodes text as one path segment.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Returns the `Link` header that leads to the next page: this request with all its parameters and a cursor. The
/// clients send no parameters of their own with it.
pub(crate) fn next_page(
    base: &BaseUrl,
    uri: &Uri,
    params: &Params,
    name: &str,
    value: &str,
) -> [(HeaderName, HeaderValue); 1] {
    let link = format!("<{base}{}?{}>; rel=\"next\"", uri.path(), params.with(name, value));
    [(LINK, HeaderValue::try_from(link).expect("encoded text is a header value"))]
}

#[cfg(test)]
mod tests;
