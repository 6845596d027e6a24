//! The address under which the client sees the hub.

use std::convert::Infallible;
use std::fmt;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use crate::Api;

/// Scheme and authority (or the configured public address), without a final slash. Clients refuse answers whose
/// addresses have another host than the one they called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(pub(crate) String);

impl BaseUrl {
    /// Reads the address from configuration or headers.
    pub(crate) fn of(api: &Api, parts: &Parts) -> Self {
        if let Some(configured) = &api.base_url {
            return Self(configured.trim_end_matches('/').to_owned());
        }
        Self(from_headers(&parts.headers, parts.uri.authority(), api.trust_forwarded))
    }
}

impl FromRequestParts<Api> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self::of(api, parts))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn from_headers(headers: &HeaderMap, target: Option<&Authority>, trust_forwarded: bool) -> String {
    let forwarded = |name: &str| {
        let value = trust_forwarded.then(|| headers.get(name)?.to_str().ok())??;
        // A chain of proxies appends; the first one saw the client.
        Some(value.split(',').next()?.trim())
    };
    let scheme = match forwarded("x-forwarded-proto") {
        Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let host = forwarded("x-forwarded-host")
        .or_else(|| headers.get(HOST)?.to_str().ok())
        .and_then(|host| host.parse::<Authority>().ok())
        .filter(|host| !host.as_str().contains('@'));
    match host.as_ref().or(target) {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("{scheme}://localhost"),
    }
}

#[cfg(test)]
mod tests;
