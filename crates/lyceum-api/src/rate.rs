//! Limits on requests per window, told in the headers that Hub clients obey.
//!
//! Windows start at the same moment for everyone, so all counts of one are forgotten at once when the next begins. Each
//! process counts on its own. The headers follow draft 9 of the IETF's RateLimit header fields, as `huggingface_hub`
//! parses it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::ConnectInfo;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use lyceum_core::{ClientAddress, Clock, Timestamp, Window};
use lyceum_hub::{Caller, ErrorKind};

use crate::error::ApiError;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Callers counted in one window; those who come later share one count per kind of caller.
const MAX_COUNTED: usize = 1_000_000;

/// How many requests callers may make; nothing is counted where there is no limit.
#[derive(Debug, Clone, Default)]
pub struct RateLimits {
    /// Length of a window in seconds, not 0.
    pub window_seconds: u32,
    /// Per network address, for callers who are not signed in.
    pub anonymous: Rates,
    /// Per user, whatever tokens are used.
    pub user: Rates,
    /// Per token.
    pub token: Rates,
}

/// Requests per window; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Requests for files.
    pub resolvers: u32,
    /// All others.
    pub api: u32,
}

/// What a request asks for, under the names that clients print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Resource {
    Resolvers,
    Api,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Address(IpAddr),
    User(i64),
    Token(i64),
    /// All that were not counted on their own any more.
    OtherAddresses,
    OtherUsers,
    OtherTokens,
}

/// Where a caller stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    resource: Resource,
    limit: u32,
    /// The request itself was one too many.
    exceeded: bool,
    remaining: u32,
    reset_seconds: u32,
}

/// Counts requests.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: RateLimits,
    clock: Clock,
    window: Mutex<Window<(Resource, Subject)>>,
}

impl Limiter {
    /// Returns a limiter; `None` if there is nothing to limit.
    pub(crate) fn new(limits: RateLimits, clock: Clock) -> Option<Arc<Self>> {
        let none = Rates::default();
        if limits.window_seconds == 0
            || [limits.anonymous, limits.user, limits.token].iter().all(|r| *r == none)
        {
            return None;
        }
        Some(Arc::new(Self { limits, clock, window: Mutex::new(Window::new(MAX_COUNTED)) }))
    }

    /// Counts a request for each subject that has a limit, and returns the standing that leaves the least.
    fn count(&self, resource: Resource, subjects: &[(Subject, Rates)], now: Timestamp) -> Option<Standing> {
        let length = i64::from(self.limits.window_seconds) * 1000;
        let number = now.0.div_euclid(length);
        // At most the length of a window, which was a `u32`.
        let reset_seconds = (length - now.0.rem_euclid(length)).div_euclid(1000) as u32 + 1;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.enter(number);
        let standings = subjects.iter().filter_map(|(subject, rates)| {
            let limit = rates.of(resource)?;
            let count = window.count((resource, *subject), (resource, subject.others()));
            *count = count.saturating_add(1);
            let remaining = limit.saturating_sub(*count);
            Some(Standing { resource, limit, exceeded: *count > limit, remaining, reset_seconds })
        });
        standings.min_by_key(|standing| (!standing.exceeded, standing.remaining))
    }

    fn subjects(&self, caller: &Caller, address: Option<IpAddr>) -> Vec<(Subject, Rates)> {
        let Some(identity) = caller.identity() else {
            let subject = address.map_or(Subject::OtherAddresses, Subject::Address);
            return vec![(subject, self.limits.anonymous)];
        };
        let mut subjects = vec![(Subject::User(identity.user_id), self.limits.user)];
        subjects.extend(identity.token_id.map(|id| (Subject::Token(id), self.limits.token)));
        subjects
    }
}

impl Rates {
    fn of(self, resource: Resource) -> Option<u32> {
        let limit = match resource {
            Resource::Resolvers => self.resolvers,
            Resource::Api => self.api,
        };
        (limit > 0).then_some(limit)
    }
}

impl Subject {
    fn others(self) -> Self {
        match self {
            Self::Address(_) | Self::OtherAddresses => Self::OtherAddresses,
            Self::User(_) | Self::OtherUsers => Self::OtherUsers,
            Self::Token(_) | Self::OtherTokens => Self::OtherTokens,
        }
    }
}

impl Resource {
    fn of(path: &str) -> Self {
        // Behind the id of a repo, which has one or two segments and perhaps its kind before it.
        let file = path.split('/').skip(2).take(3).any(|segment| segment == "resolve");
        if file && !path.starts_with("/api/") { Self::Resolvers } else { Self::Api }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Resolvers => "resolvers",
            Self::Api => "api",
        }
    }
}

/// Rides along with a request from the layers to [`Auth`](crate::extract::Auth), which knows the caller, and back.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    limiter: Arc<Limiter>,
    standing: Arc<OnceLock<Standing>>,
}

impl Meter {
    pub(crate) fn new(limiter: &Arc<Limiter>) -> Self {
        Self { limiter: Arc::clone(limiter), standing: Arc::default() }
    }

    /// Counts the request, once; fails if it was one too many.
    pub(crate) fn count(&self, parts: &Parts, caller: &Caller) -> Result<(), ApiError> {
        if self.standing.get().is_some() {
            return Ok(());
        }
        let address = parts.extensions.get::<ClientAddress>().and_then(|address| address.0);
        let subjects = self.limiter.subjects(caller, address);
        let resource = Resource::of(parts.uri.path());
        let Some(standing) = self.limiter.count(resource, &subjects, self.limiter.clock.now()) else {
            return Ok(());
        };
        // Set by nobody else: a request is served by one task.
        self.standing.set(standing).ok();
        if !standing.exceeded {
            return Ok(());
        }
        let message = format!(
            "more than {} requests in {} seconds; try again in {} seconds",
            standing.limit, self.limiter.limits.window_seconds, standing.reset_seconds
        );
        Err(ApiError::new(ErrorKind::TooManyRequests, message))
    }

    /// Tells the client where it stands.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Some(standing) = self.standing.get() else {
            return;
        };
        let (name, window) = (standing.resource.name(), self.limiter.limits.window_seconds);
        let left = format!("\"{name}\";r={};t={}", standing.remaining, standing.reset_seconds);
        let policy = format!("\"fixed window\";\"{name}\";q={};w={window}", standing.limit);
        for (header, value) in [(RATE_LIMIT, left), (RATE_LIMIT_POLICY, policy)] {
            headers
                .insert(header, HeaderValue::try_from(value).expect("digits and names make a header value"));
        }
        if standing.exceeded {
            headers.insert(RETRY_AFTER, standing.reset_seconds.into());
        }
    }
}

/// Returns the address of the client, or of its network where one client has many.
pub(crate) fn client_address(
    headers: &HeaderMap,
    extensions: &Extensions,
    trust_forwarded: bool,
) -> Option<IpAddr> {
    // The last entry is the one that our own proxy added.
    let forwarded = trust_forwarded.then(|| headers.get_all(X_FORWARDED_FOR).iter().next_back()).flatten();
    let forwarded = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    let peer = || extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    Some(match forwarded.or_else(peer)?.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address => address,
    })
}

#[cfg(test)]
mod tests;
