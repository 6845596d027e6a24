//! Other hubs: which there are, what may be taken from them, and requests to their interfaces.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, RANGE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use lyceum_core::{Oid, RepoId, RepoKind};
use lyceum_db::Gated;
use lyceum_fetch::{AllowList, Fetcher, OpenLimits, Opened, Resolver, Target};
use serde::Deserialize;
use serde_json::Value;

use super::pattern::RepoPattern;
use super::trouble::{Answered, Trouble, TroubleKind};
use crate::{Caller, Error, ErrorKind, Result};

/// Bounds of each request. A hub that has to fetch from another one itself takes its time to begin.
const LIMITS: OpenLimits = OpenLimits { connect_seconds: 10, answer_seconds: 60, idle_seconds: 60 };
/// Largest answer in JSON.
pub(super) const MAX_JSON_BYTES: usize = 16 << 20;
/// Bytes of a refusal that are looked at.
const MAX_REFUSAL_BYTES: usize = 64 << 10;
/// Longest reason of a refusal that is passed on, in characters.
const MAX_REASON_CHARS: usize = 300;

const GIT_PROTOCOL: HeaderName = HeaderName::from_static("git-protocol");
const X_ERROR_CODE: HeaderName = HeaderName::from_static("x-error-code");
const X_ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-error-message");

/// Who makes a repo be mirrored by asking for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullThrough {
    /// Nobody.
    #[default]
    Off,
    /// Whoever is signed in.
    Users,
    /// Everybody.
    Everyone,
}

/// Another hub, as the operator configured it.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The name that it has here, as in `hf://`.
    pub name: String,
    /// Its address, without a final slash.
    pub url: String,
    /// The token that this hub shows there.
    pub token: Option<String>,
    /// What may be mirrored; nothing else is.
    pub allow: Vec<RepoPattern>,
    /// Who makes a repo be mirrored by asking for it.
    pub pull_through: PullThrough,
    /// How often repos are looked at that somebody asked for, in seconds.
    pub refresh_seconds: u64,
    /// Whether its address may be one that is not public.
    pub allow_private_addresses: bool,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("name", &self.name).field("url", &self.url).finish_non_exhaustive()
    }
}

/// What an upstream says of a repo.
#[derive(Debug, Clone)]
pub(super) struct RemoteInfo {
    /// Its id there now.
    pub(super) id: RepoId,
    pub(super) private: bool,
    pub(super) gated: Gated,
    pub(super) sdk: Option<String>,
}

/// Makes requests to one upstream.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(super) upstream: Upstream,
    fetcher: Fetcher,
    base: Target,
}

impl Remote {
    pub(crate) fn new(upstream: Upstream) -> Result<Self> {
        let malformed = |error: lyceum_fetch::Error| {
            Error::new(ErrorKind::Invalid, format!("the address of upstream `{}`: {error}", upstream.name))
        };
        let base = Target::parse(&upstream.url).map_err(malformed)?;
        // Only its own name: what it redirects to must be public, wherever it stands itself.
        let host = if upstream.allow_private_addresses { base.host() } else { "" };
        let allowed = AllowList::parse(host).map_err(Error::internal)?;
        Ok(Self { fetcher: Fetcher::new(allowed, Resolver::system()), base, upstream })
    }

    pub(super) fn name(&self) -> &str {
        &self.upstream.name
    }

    /// Reports whether a repo may be mirrored.
    pub(super) fn allows(&self, kind: RepoKind, id: &RepoId) -> bool {
        self.upstream.allow.iter().any(|pattern| pattern.matches(kind, id))
    }

    /// Reports whether a caller makes a repo be mirrored by asking for it.
    pub(super) fn pulls_for(&self, caller: &Caller) -> bool {
        match self.upstream.pull_through {
            PullThrough::Off => false,
            PullThrough::Users => caller.identity().is_some(),
            PullThrough::Everyone => true,
        }
    }

    /// Asks what a repo is.
    pub(super) async fn info(&self, kind: RepoKind, id: &RepoId) -> Answered<RemoteInfo> {
        #[derive(Deserialize)]
        struct Answer {
            id: String,
            /// Not guessed: what does not say so might be private.
            private: bool,
            #[serde(default)]
            gated: Value,
            sdk: Option<String>,
        }
        let properties = match kind {
            RepoKind::Space => "expand=private&expand=sdk",
            _ => "expand=private&expand=gated",
        };
        let what = format!("{kind} `{id}`");
        let path = format!("/api/{}/{id}?{properties}", kind.plural());
        let answer: Answer = self.json(self.get(&path, &what).await?, &what).await?;
        let id = RepoId::parse(&answer.id).map_err(|error| Trouble::lie(self.says(&error.to_string())))?;
        let gated = match &answer.gated {
            Value::String(mode) if mode == "auto" => Gated::Auto,
            Value::String(_) | Value::Bool(true) => Gated::Manual,
            Value::Bool(false) => Gated::No,
            // Not asked for.
            Value::Null if kind == RepoKind::Space => Gated::No,
            _ => {
                let message = format!("what does not tell whether {what} is gated");
                return Err(Trouble::new(TroubleKind::Lasting, self.says(&message)));
            }
        };
        let sdk = answer.sdk.filter(|sdk| sdk.len() <= 32 && sdk.bytes().all(|b| b.is_ascii_alphanumeric()));
        Ok(RemoteInfo { id, private: answer.private, gated, sdk })
    }

    /// Asks a repo's git service what it can do.
    pub(super) async fn git_capabilities(&self, kind: RepoKind, id: &RepoId) -> Answered<Opened> {
        let path = format!("/{}{id}.git/info/refs?service=git-upload-pack", kind.url_prefix());
        let mut headers = self.git_headers();
        headers.insert(GIT_PROTOCOL, HeaderValue::from_static("version=2"));
        let what = format!("the git repository of {kind} `{id}`");
        self.send(Method::GET, &path, headers, Bytes::new(), &what).await
    }

    /// Sends a command to a repo's git service.
    pub(super) async fn git_command(
        &self,
        kind: RepoKind,
        id: &RepoId,
        command: Vec<u8>,
    ) -> Answered<Opened> {
        let path = format!("/{}{id}.git/git-upload-pack", kind.url_prefix());
        let mut headers = self.git_headers();
        headers.insert(GIT_PROTOCOL, HeaderValue::from_static("version=2"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-git-upload-pack-request"));
        let what = format!("the git repository of {kind} `{id}`");
        self.send(Method::POST, &path, headers, command.into(), &what).await
    }

    /// Opens a file from an offset on.
    pub(super) async fn file(
        &self,
        kind: RepoKind,
        id: &RepoId,
        commit: Oid,
        path: &str,
        from: u64,
    ) -> Answered<Opened> {
        let address = format!("/{}{id}/resolve/{commit}/{}", kind.url_prefix(), encode_path(path));
        let mut headers = self.headers();
        if from > 0 {
            headers.insert(RANGE, range(from, None));
        }
        self.send(Method::GET, &address, headers, Bytes::new(), &format!("file `{path}`")).await
    }

    /// Reads an address of its programming interface.
    pub(super) async fn get(&self, path: &str, what: &str) -> Answered<Opened> {
        self.send(Method::GET, path, self.headers(), Bytes::new(), what).await
    }

    /// Sends a form to an address of its programming interface.
    pub(super) async fn post_form(&self, path: &str, form: String, what: &str) -> Answered<Opened> {
        let mut headers = self.headers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.send(Method::POST, path, headers, form.into(), what).await
    }

    /// Reads a whole address that the upstream gave, with other credentials than this hub's or none.
    pub(super) async fn get_address(
        &self,
        address: &str,
        bearer: Option<&str>,
        range: Option<HeaderValue>,
        what: &str,
    ) -> Answered<Opened> {
        let target = Target::parse_signed(address).map_err(|error| self.failed(&error))?;
        let mut headers = plain_headers();
        if let Some(bearer) = bearer {
            headers.insert(AUTHORIZATION, secret(&format!("Bearer {bearer}")));
        }
        if let Some(range) = range {
            headers.insert(RANGE, range);
        }
        self.send_to(Method::GET, &target, headers, Bytes::new(), what).await
    }

    /// Reads an answer in JSON.
    pub(super) async fn json<T: for<'a> Deserialize<'a>>(&self, answer: Opened, what: &str) -> Answered<T> {
        let body = answer.read(MAX_JSON_BYTES).await.map_err(|error| self.failed(&error))?;
        let body = body.ok_or_else(|| {
            let message = format!("more than {} MiB about {what}", MAX_JSON_BYTES >> 20);
            Trouble::new(TroubleKind::Lasting, self.says(&message))
        })?;
        let parsed = serde_json::from_slice(&body);
        parsed.map_err(|error| {
            let message = format!("what this hub does not understand about {what}: {error}");
            Trouble::new(TroubleKind::Lasting, self.says(&message))
        })
    }

    /// Returns the failure of an exchange.
    pub(super) fn failed(&self, error: &lyceum_fetch::Error) -> Trouble {
        let kind = if error.transient() { TroubleKind::Transient } else { TroubleKind::Lasting };
        Trouble::new(kind, format!("upstream `{}` cannot be reached: {error}", self.name()))
    }

    /// Says that the upstream answers something.
    pub(super) fn says(&self, what: &str) -> String {
        format!("upstream `{}` answers {what}", self.name())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
        what: &str,
    ) -> Answered<Opened> {
        let target = Target::parse_signed(&format!("{}{path}", self.upstream.url));
        let target = target.map_err(|error| self.failed(&error))?;
        debug_assert!(target.same_origin(&self.base));
        self.send_to(method, &target, headers, body, what).await
    }

    async fn send_to(
        &self,
        method: Method,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
        what: &str,
    ) -> Answered<Opened> {
        let opened = self.fetcher.open(method, target, headers, body, LIMITS).await;
        let opened = opened.map_err(|error| self.failed(&error))?;
        if opened.status.is_success() { Ok(opened) } else { Err(self.refusal(opened, what).await) }
    }

    /// Returns what a refusal means.
    async fn refusal(&self, answer: Opened, what: &str) -> Trouble {
        let status = answer.status;
        let code = answer.headers.get(X_ERROR_CODE).map_or(&b""[..], HeaderValue::as_bytes);
        let kind = match status {
            StatusCode::NOT_FOUND => TroubleKind::Missing,
            // Who shows no token is told the same of what is hidden and of what is not there.
            StatusCode::UNAUTHORIZED if code == b"RepoNotFound" || self.upstream.token.is_none() => {
                TroubleKind::Missing
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => TroubleKind::Transient,
            status if status.is_server_error() => TroubleKind::Transient,
            _ => TroubleKind::Lasting,
        };
        if kind == TroubleKind::Missing {
            let message =
                format!("upstream `{}` has no {what}, or does not show it to this hub", self.name());
            return Trouble::new(kind, message);
        }
        let said = answer.headers.get(X_ERROR_MESSAGE).and_then(|text| text.to_str().ok()).map(str::to_owned);
        // Read so that a connection is not cut while the other side still writes.
        answer.read(MAX_REFUSAL_BYTES).await.ok();
        let said = said.map(|said| said.chars().take(MAX_REASON_CHARS).collect::<String>());
        let said = said.map_or(String::new(), |said| format!(" ({said})"));
        Trouble::new(kind, self.says(&format!("{status}{said} when asked for {what}")))
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = plain_headers();
        if let Some(token) = &self.upstream.token {
            headers.insert(AUTHORIZATION, secret(&format!("Bearer {token}")));
        }
        headers
    }

    /// Git services know user names and passwords only.
    fn git_headers(&self) -> HeaderMap {
        let mut headers = plain_headers();
        if let Some(token) = &self.upstream.token {
            let credentials = STANDARD.encode(format!("lyceum:{token}"));
            headers.insert(AUTHORIZATION, secret(&format!("Basic {credentials}")));
        }
        headers
    }
}

/// Returns the header for the bytes from `start` to the end, exclusive, or to the end of the file.
pub(super) fn range(start: u64, end: Option<u64>) -> HeaderValue {
    let text = end.map_or(format!("bytes={start}-"), |end| format!("bytes={start}-{}", end - 1));
    HeaderValue::try_from(text).expect("digits make a header value")
}

fn plain_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("lyceum/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
}

/// Makes a header that is not logged. What cannot be a header cannot be a token either, and is refused as a wrong one.
fn secret(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

/// Encodes a path so that only its slashes mean anything.
pub(super) fn encode_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            encoded.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 0xf)]));
        }
    }
    encoded
}
